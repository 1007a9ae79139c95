#!/bin/sh
# Debian's static busybox with a name a program, all of them one file; changed once by hand. In every form that registries hold: OCI and docker schema 2,
# gzip and zstd.
. "$(dirname "$0")/lib.sh"
new
umoci unpack --image image:1 bundle 2>/dev/null
root=bundle/rootfs
mkdir -p $root/bin $root/etc $root/tmp
chmod 1777 $root/tmp
cp /bin/busybox $root/bin/busybox
for applet in sh ash cat echo ls sleep true false test id ps mount umount ip wget nc httpd ln rm mkdir; do ln $root/bin/busybox $root/bin/$applet; done
printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/home/web:/bin/sh\n' > $root/etc/passwd
echo one > $root/etc/gone
umoci repack --image image:1 bundle 2>/dev/null
rm -rf bundle
umoci unpack --image image:1 bundle 2>/dev/null
rm $root/etc/gone
echo two > $root/etc/added
umoci repack --image image:1 bundle 2>/dev/null
push 1
push zstd --dest-compress-format zstd
push docker --format v2s2
