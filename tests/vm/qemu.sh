#!/usr/bin/env bash
# Prints the QEMU that runs the test machine. Where Debian bookworm's own is installed, the one of its backports is fetched beside it into the images' cache:
# emulating in software it is a quarter quicker. It is unpacked, not installed, and needs no library that the older one does not need too.
# Anywhere else, and where the backports cannot be reached, it is the QEMU that is installed.
set -euo pipefail
cache=${PODAGENT_VM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/podagent-vm}
installed=$(command -v qemu-system-x86_64) || { echo "qemu: there is no qemu-system-x86_64; tests/install-tools.sh installs it" >&2; exit 1; }
. /etc/os-release
case $("$installed" --version | head -n 1) in *"version 7."*) ;; *) echo "$installed"; exit 0 ;; esac
[ "${ID:-}-${VERSION_CODENAME:-}-$(dpkg --print-architecture)" = debian-bookworm-amd64 ] || { echo "$installed"; exit 0; }
# By the content of this file, which says what is in it.
folder=$cache/qemu-$(sha256sum "$0" | cut -c1-16)
program=$folder/qemu-system-x86_64
if [ -x "$program" ]; then touch "$folder"; echo "$program"; exit 0; fi

mkdir -p "$cache"
exec {lock}>"$cache/qemu.lock"
flock "$lock"
if [ -x "$program" ]; then echo "$program"; exit 0; fi
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: bookworm" 2>/dev/null | head -n 1)
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/qemu"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${uri:-http://deb.debian.org/debian} bookworm-backports main" >"$work/apt/sources.list"
from=(-o "Dir::State=$work/apt" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$work/apt/cache" -o "Dir::Etc::SourceList=$work/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
      -o APT::Sandbox::User=root -o Acquire::Languages=none)
if ! { apt-get "${from[@]}" update && cd "$work/apt" && apt-get "${from[@]}" download qemu-system-x86 qemu-system-common qemu-system-data seabios; } >"$work/log" 2>&1; then
  echo "qemu: that of bookworm's backports cannot be had ($(tail -n 1 "$work/log")); the installed one is taken" >&2
  echo "$installed"
  exit 0
fi
for package in *.deb; do dpkg-deb -x "$package" "$work/qemu"; done
if ldd "$work/qemu/usr/bin/qemu-system-x86_64" | grep -q 'not found'; then
  echo "qemu: that of bookworm's backports lacks a library here; the installed one is taken" >&2
  echo "$installed"
  exit 0
fi
cat >"$work/qemu/qemu-system-x86_64" <<'WRAPPER'
#!/bin/sh
here=${0%/*}/usr
exec "$here/bin/qemu-system-x86_64" -L "$here/share/qemu" -L "$here/share/seabios" "$@"
WRAPPER
chmod 755 "$work/qemu/qemu-system-x86_64"
mv "$work/qemu" "$folder"
find "$cache" -mindepth 1 -maxdepth 1 -name 'qemu-*' -mtime +14 -exec rm -rf {} +
echo "$program"
