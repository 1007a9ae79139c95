#!/bin/sh
# Debian's minimal root filesystem as mmdebstrap makes it, and a layer above that takes its documentation away, by umoci.
. "$(dirname "$0")/lib.sh"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mmdebstrap --quiet --mode=root --variant=minbase bookworm root.tar \
  "deb [signed-by=$keyring] $(mirror bookworm http://deb.debian.org/debian) bookworm main" >&2
new
layer root.tar
umoci unpack --image image:1 bundle 2>/dev/null
rm -rf bundle/rootfs/usr/share/doc bundle/rootfs/usr/share/man bundle/rootfs/var/lib/apt/lists bundle/rootfs/var/cache/apt
mkdir -p bundle/rootfs/var/lib/apt/lists/partial bundle/rootfs/usr/share/doc/nothing
echo debian > bundle/rootfs/etc/hostname
umoci repack --image image:1 bundle 2>/dev/null
rm root.tar
push 1
