#!/bin/sh
# Some hundred megabytes in four layers: Debian's root filesystem and what a developer puts on it; for the benchmark.
. "$(dirname "$0")/lib.sh"
cp -a "$BASE" image
add() {
  debs "$@"
  mkdir tree
  for package in *.deb; do dpkg-deb --fsys-tarfile "$package" | tar -C tree -xpf -; done
  pack tree layer.tar
  rm -r tree ./*.deb
  layer layer.tar
}
add libpython3.11-stdlib python3.11-minimal libpython3.11-minimal perl-modules-5.36 libperl5.36
add git git-man cpp-12
add gcc-12 libgcc-12-dev libc6-dev linux-libc-dev
push 1
