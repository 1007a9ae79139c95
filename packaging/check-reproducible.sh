#!/usr/bin/env bash
# Shows that the package is the same bit for bit wherever it is built: the commit at hand is built twice, in folders of different depth and name, once in a
# clone and once in sources without git, with another umask, time zone and language. Takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
commit=$(git rev-parse HEAD)
one=$work/one two=$work/another/place/with/a/long/name
git clone --quiet --no-hardlinks . "$one"
git -C "$one" checkout --quiet --detach "$commit"
mkdir -p "$two"
git archive "$commit" | tar -x -C "$two"

build() { (cd "$1" && shift && env "$@" packaging/deb.sh 2>"$work/log") || { cat "$work/log" >&2; exit 1; }; }
first=$one/$(umask 022; build "$one" TZ=UTC)
second=$two/$(umask 077; build "$two" TZ=Asia/Tokyo LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH="$(git log -1 --format=%ct "$commit")")
sha256sum "$first" "$second"
if cmp "$first" "$second"; then
  echo "the same, ${first##*/}, $(stat -c %s "$first") bytes"
  exit 0
fi
# Which files: the answer to "why" is nearly always in their names.
mkdir "$work/a" "$work/b"
dpkg-deb -R "$first" "$work/a"
dpkg-deb -R "$second" "$work/b"
diff -rq "$work/a" "$work/b" || true
exit 1
