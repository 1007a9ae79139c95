#!/usr/bin/env bash
# Installs the Debian packages that the build, the tests and the demo use, if any is missing. Needs root only then.
set -euo pipefail
packages=(
  binutils        # ld links the shim
  gcc libc6-dev   # tests compile C to check struct layouts and constants
  busybox-static  # payload of the images that tests and demo make
  umoci skopeo    # make and read images with tools that are not ours
  zstd            # packs layers
  attr libcap2-bin # setfattr, getfattr, setcap: what unpacked files must keep
  crun            # the runtime that the benchmark compares with
  socat jq        # the demo hears READY=1 and picks container ids
  iproute2        # looks at namespaces and interfaces from outside
  lintian dpkg-dev rpm # check and make the packages
  mandoc zsh fish systemd # check manual pages, completions and units
  golang-github-containers-common # a seccomp profile to compare ours with
  qemu-system-x86 qemu-utils # the test machine, and how it is made:
  mmdebstrap debian-archive-keyring e2fsprogs erofs-utils kmod cpio xz-utils
  vagrant         # checks the Vagrantfile
)
# kubectl, as a client of the API; some machines have it from elsewhere.
command -v kubectl >/dev/null || packages+=(kubernetes-client)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "$(id -u)" != 0 ]; then
  echo "install-tools: ${missing[*]} missing; run this as root: apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1; }
# The lists may be older than the mirror: refresh them and try once more.
install || { apt-get update >"$log" 2>&1 && install; } || { cat "$log" >&2; echo "install-tools: apt-get install failed" >&2; exit 1; }
