#!/bin/sh
# Twelve layers of some files each, one of them large enough to be cut, and names taken away again: pulled in a moment, but not in one step.
. "$(dirname "$0")/lib.sh"
new
i=1
while [ $i -le 12 ]; do
  mkdir -p tree/d$i tree/shared
  head -c 250000 /dev/urandom > tree/d$i/large
  for j in 1 2 3 4 5 6 7 8 9 10; do echo "layer $i" > tree/d$i/f$j; done
  echo "layer $i" > tree/shared/current
  ln tree/d$i/f1 tree/d$i/linked
  [ $i = 1 ] || { mkdir -p tree/d$((i - 1)); : > tree/d$((i - 1))/.wh.f2; }
  pack tree layer.tar
  layer layer.tar
  rm -r tree
  i=$((i + 1))
done
push 1
