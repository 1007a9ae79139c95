#!/bin/sh
# Two hundred thousand files in five hundred folders.
. "$(dirname "$0")/lib.sh"
new
mkdir tree
awk 'BEGIN { for (i = 0; i < 500; i++) print "tree/d" i }' | xargs mkdir
awk 'BEGIN { for (i = 0; i < 200000; i++) { name = "tree/d" (i % 500) "/f" i; printf "%d", i > name; close(name) } }'
pack tree layer.tar
rm -r tree
layer layer.tar
push 1
