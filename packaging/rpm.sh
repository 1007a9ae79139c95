#!/usr/bin/env bash
# Makes artifacts/rpm/podagent-<version>-1.<arch>.rpm with rpmbuild, of the same files that the .deb has.
# SOURCE_DATE_EPOCH: seconds, the time of the files in the package; default the last commit's.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$PWD/artifacts/package/rpm
root=$work/root
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
command -v rpmbuild >/dev/null || { echo "rpmbuild is missing: apt-get install rpm" >&2; exit 1; }
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022

packaging/stage.sh "$root" usr/lib/systemd/system
install -D -m 0644 LICENSE "$root/usr/share/licenses/podagent/LICENSE"
for name in podagent podctl; do install -D -m 0644 "packaging/completions/_$name" "$root/usr/share/zsh/site-functions/_$name"; done
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
rpmbuild -bb --quiet packaging/rpm/podagent.spec \
  -D "_topdir $work" -D "_dbpath $work/db" -D "staged $root" -D "version $version" -D 'release 1' -D "_rpmdir $work/out" -D '_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
  -D 'use_source_date_epoch_as_buildtime 1' -D 'clamp_mtime_to_source_date_epoch 1' -D '_buildhost localhost' -D '_binary_payload w7.zstdio'
mkdir -p artifacts/rpm
mv "$work"/out/*.rpm artifacts/rpm/
ls artifacts/rpm/podagent-"$version"-1.*.rpm
