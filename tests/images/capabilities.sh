#!/bin/sh
# Files with capabilities, bits and attributes, written by umoci; in a second layer one of them changes and one only its owner.
. "$(dirname "$0")/lib.sh"
new
umoci unpack --image image:1 bundle 2>/dev/null
root=bundle/rootfs
mkdir -p $root/bin
for program in bind raw both plain; do cp /bin/busybox $root/bin/$program; done
chown 3:4 $root/bin/both
setcap cap_net_bind_service=ep $root/bin/bind
setcap cap_net_raw+eip $root/bin/raw
setcap cap_net_raw,cap_sys_ptrace=p $root/bin/both
setfattr -n user.note -v binary-$(printf '\001') $root/bin/plain
chmod 6755 $root/bin/plain
umoci repack --image image:1 bundle 2>/dev/null
rm -rf bundle
umoci unpack --image image:1 bundle 2>/dev/null
setcap cap_chown=ep $root/bin/bind
chown 9:9 $root/bin/both
umoci repack --image image:1 bundle 2>/dev/null
push 1
