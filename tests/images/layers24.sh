#!/bin/sh
# A layer a package, twenty-four of them; for the benchmark.
. "$(dirname "$0")/lib.sh"
new
debs perl-base libperl5.36 perl-modules-5.36 libpython3.11-stdlib libpython3.11-minimal python3.11-minimal git git-man bash coreutils dpkg tar findutils \
  util-linux libc6 libc-bin openssl libssl3 libicu72 libxml2 libsqlite3-0 curl libcurl4 ca-certificates
for package in *.deb; do
  dpkg-deb --fsys-tarfile "$package" > layer.tar
  layer layer.tar
done
push 1
