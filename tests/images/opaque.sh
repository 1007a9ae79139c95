#!/bin/sh
# Folders that hide what is below, names that hide one thing, in all orders; things that change their kind from layer to layer.
. "$(dirname "$0")/lib.sh"
new
mkdir -p base/a/deep/er base/b base/c base/d/sub base/e base/f base/g
for folder in a a/deep a/deep/er b c d d/sub e f g; do echo "below" > "base/$folder/below"; echo "both" > "base/$folder/both"; done
chmod 711 base/a base/f; chown 5:6 base/b
touch -d 2005-05-05T05:05:05Z base/e base/f base/g
pack base layer1.tar
layer layer1.tar

# The mark first, as docker writes it, and last, as nobody does.
mkdir -p second/a/deep second/b second/c second/d/sub
chmod 750 second/a
for folder in a a/deep b d/sub; do echo "above" > "second/$folder/above"; echo "both, above" > "second/$folder/both"; done
: > second/a/.wh..wh..opq; : > second/b/.wh..wh..opq
: > second/c/.wh.below
tar -C second --format=posix --numeric-owner --no-recursion -cf layer2.tar . ./a ./a/.wh..wh..opq ./a/both ./a/above ./a/deep ./a/deep/above ./a/deep/both \
  ./b ./b/above ./b/both ./b/.wh..wh..opq ./c ./c/.wh.below ./d ./d/sub ./d/sub/above ./d/sub/both
layer layer2.tar

# Kinds change: a folder becomes a file, a file a folder, a hidden name comes back; a folder that the layer does not describe loses a name.
mkdir -p third/a third/b/both third/c/below third/g third/f
echo "a file" > third/a/deep; echo in > third/b/both/in; echo in > third/c/below/in
: > third/g/.wh.below; : > third/.wh.e; : > third/d.wh
tar -C third --format=posix --numeric-owner --no-recursion -cf layer3.tar ./a/deep ./b/both ./b/both/in ./c/below ./c/below/in ./g/.wh.below ./.wh.e ./d.wh
layer layer3.tar

# What came back is hidden again, and the folder of the same name begins empty.
mkdir -p fourth/e fourth/d; echo fresh > fourth/e/fresh; : > fourth/d/.wh.sub; : > fourth/.wh.f
tar -C fourth --format=posix --numeric-owner --no-recursion -cf layer4.tar ./e ./e/fresh ./d ./d/.wh.sub ./.wh.f
layer layer4.tar
push 1
