#!/usr/bin/env bash
# Checks what can be checked of the package without installing it: units, manual pages, completions, maintainer scripts, and the package by lintian.
# usage: packaging/check.sh [FILE.deb]
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# systemd-analyze wants the programs to be there; only they are replaced.
for unit in systemd/*.service systemd/*.slice; do
  sed -E 's#^(Exec[A-Za-z]+=)/usr/(lib/podagent|bin)/[a-z]+#\1/bin/true#' "$unit" >"$work/${unit##*/}"
done
complaints=$(systemd-analyze verify --man=no "$work"/*.service "$work"/*.slice 2>&1 || true)
[ -z "$complaints" ] || { printf '%s\nsystemd-analyze verify complains\n' "$complaints" >&2; exit 1; }

for page in docs/man/*.[158]; do mandoc -Tlint -Wwarning "$page"; done

for script in packaging/completions/*.bash; do bash -n "$script"; done
for script in packaging/completions/_*; do zsh -n "$script"; done
for script in packaging/completions/*.fish; do fish --no-execute "$script"; done
for script in packaging/deb/{postinst,prerm,postrm}; do dash -n "$script"; done

if [ $# -gt 0 ]; then lintian --fail-on error,warning --allow-root "$1"; fi
echo "units, manual pages, completions and maintainer scripts are in order${1:+, and so is ${1##*/}}"
