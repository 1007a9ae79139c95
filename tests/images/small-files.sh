#!/bin/sh
# Thirty thousand files of some kilobytes, as trees of sources and of scripts have them; for the benchmark.
. "$(dirname "$0")/lib.sh"
new
mkdir tree
awk 'BEGIN { for (i = 0; i < 300; i++) print "tree/d" i }' | xargs mkdir
awk 'BEGIN {
  srand(1)
  for (i = 0; i < 30000; i++) {
    name = "tree/d" (i % 300) "/file" i ".py"
    lines = int(rand() * 120)
    for (j = 0; j < lines; j++) printf "    value_%d = compute(%d, \"%d\")  # line %d\n", rand() * 1000, rand() * 100000, rand() * 1000000, j > name
    printf "# end of %d\n", i > name
    close(name)
  }
}'
pack tree layer.tar
rm -r tree
layer layer.tar
push 1
