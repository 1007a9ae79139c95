#!/bin/sh
# Names in upper layers for files of lower ones, as a hard link in the archive whose target is not in it; among them one whose target changes in the same
# layer afterwards.
. "$(dirname "$0")/lib.sh"
new
mkdir -p base/bin base/etc base/lib
head -c 300000 /bin/busybox > base/bin/tool; chown 7:8 base/bin/tool; chmod 4755 base/bin/tool
echo one > base/etc/one; echo two > base/etc/two; echo three > base/etc/three
setfattr -n user.kept -v yes base/etc/two
echo within > base/lib/a; ln base/lib/a base/lib/b; ln base/lib/a base/etc/c
touch -d 2001-02-03T04:05:06.5Z base/bin/tool base/etc/one base/etc/two
pack base layer1.tar
layer layer1.tar

# Links alone: their target stays in the layer below.
cp -a base second
ln second/bin/tool second/bin/again; mkdir second/opt; ln second/bin/tool second/opt/third; ln second/etc/one second/opt/one
tar -C second --format=posix --numeric-owner --no-recursion -cf layer2.tar ./bin/tool ./bin/again ./opt ./opt/third ./etc/one ./opt/one
tar --delete -f layer2.tar ./bin/tool ./etc/one
layer layer2.tar

# The old content gets another name and the old name other content.
mkdir third; cp -a base/etc third/etc; ln third/etc/two third/etc/kept
tar -C third --format=posix --numeric-owner --no-recursion -cf layer3.tar ./etc/two ./etc/kept
tar --delete -f layer3.tar ./etc/two
rm third/etc/two; echo changed > third/etc/two
tar -C third --format=posix --numeric-owner --no-recursion -rf layer3.tar ./etc/two
layer layer3.tar

# A file whose old name goes.
cp -a base fourth; ln fourth/etc/three fourth/etc/moved
tar -C fourth --format=posix --numeric-owner --no-recursion -cf layer4.tar ./etc/three ./etc/moved
tar --delete -f layer4.tar ./etc/three
mkdir -p gone/etc; : > gone/etc/.wh.three
tar -C gone --format=posix --numeric-owner --no-recursion -rf layer4.tar ./etc/.wh.three
layer layer4.tar
push 1
