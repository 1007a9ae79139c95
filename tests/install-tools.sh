#!/usr/bin/env bash
# Installs the Debian packages that the build, the tests and the demo use, if any is missing. Needs root only then.
set -euo pipefail
packages=(
  binutils        # ld links the shim
  gcc libc6-dev   # tests compile C to check struct layouts and constants
  busybox-static  # payload of the images that tests and demo make
  umoci skopeo    # make and read images with tools that are not ours
  zstd            # packs layers
  docker-registry # what images are pulled from
  podman          # makes images; the benchmark compares with it
  attr libcap2-bin # setfattr, getfattr, setcap: what unpacked files must keep
  crun            # the runtime that the benchmark compares with
  python3-grpcio  # a server for probes, with the gRPC that is not ours
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
# To compare with; a machine with Docker has one of another package.
command -v containerd >/dev/null || packages+=(containerd)
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
# Some of these bring services that nobody here wants: none is started now, and none at the next start of the machine.
services=()
for package in "${missing[@]}"; do
  case $package in
    docker-registry) services+=(docker-registry.service) ;;
    containerd) services+=(containerd.service) ;;
    podman) services+=(podman.service podman.socket podman-restart.service podman-auto-update.service podman-auto-update.timer) ;;
  esac
done
policy=/usr/sbin/policy-rc.d
if [ ${#services[@]} -gt 0 ] && [ ! -e $policy ]; then
  trap 'rm -f "$log" $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
fi
# The lists may be older than the mirror: refresh them and try once more.
install || { apt-get update >"$log" 2>&1 && install; } || { cat "$log" >&2; echo "install-tools: apt-get install failed" >&2; exit 1; }
[ ${#services[@]} = 0 ] || systemctl disable --quiet "${services[@]}" >/dev/null 2>&1 || true
