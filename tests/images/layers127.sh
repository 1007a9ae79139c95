#!/bin/sh
# As many layers as docker allows, each with a file of its own, another version of a file that all have, and now and then a file of a layer below taken away.
. "$(dirname "$0")/lib.sh"
new
i=1
while [ $i -le 127 ]; do
  mkdir -p tree/shared "tree/d$((i % 10))"
  echo "layer $i" > "tree/d$((i % 10))/f$i"
  echo "layer $i" > tree/shared/current
  [ $((i % 3)) != 0 ] || [ $i -le 10 ] || : > "tree/d$((i % 10))/.wh.f$((i - 10))"
  pack tree layer.tar
  layer layer.tar
  rm -r tree
  i=$((i + 1))
done
push 1
push docker --format v2s2
