#!/usr/bin/env bash
# Lays out the files of a package below a folder, as they lie on an installed machine: what make deb and make rpm share.
# usage: packaging/stage.sh [--no-build] ROOT UNITS     UNITS: where the distribution keeps units, without the leading slash
set -euo pipefail
cd "$(dirname "$0")/.."
# What is in artifacts/dist is good enough, for a package that differs from the last one only in its version.
if [ "$1" = --no-build ]; then shift; else packaging/build.sh; fi
root=$1 units=$2
lib=$root/usr/lib/podagent
rm -rf "$root"
mkdir -p "$lib" "$root/usr/bin"
cp -r artifacts/dist/. "$lib/"
for name in podagent podctl; do ln -s "../lib/podagent/$name" "$root/usr/bin/$name"; done

# name of the installed file, its source
put() { install -D -m 0644 "$2" "$root/$1"; }
for unit in systemd/*.service systemd/*.slice; do put "$units/${unit##*/}" "$unit"; done
put usr/lib/tmpfiles.d/podagent.conf systemd/podagent.tmpfiles
put usr/lib/sysctl.d/50-podagent.conf systemd/podagent.sysctl
put usr/lib/modules-load.d/podagent.conf systemd/podagent.modules
put etc/podagent/config/podagent.yaml packaging/podagent.yaml
for page in docs/man/*.[158]; do put "usr/share/man/man${page##*.}/${page##*/}" "$page"; done
find "$root/usr/share/man" -type f -exec gzip -9n {} +
for name in podagent podctl; do
  put "usr/share/bash-completion/completions/$name" "packaging/completions/$name.bash"
  put "usr/share/fish/vendor_completions.d/$name.fish" "packaging/completions/$name.fish"
done
put usr/share/doc/podagent/hardening.md docs/hardening.md
# What is compiled in of .NET is other people's work too; its pack carries what they want said.
packs=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: *//')
version=$(dotnet msbuild src/NodeAgent/NodeAgent.csproj -getProperty:BundledNETCoreAppPackageVersion)
put usr/share/doc/podagent/THIRD-PARTY-NOTICES.TXT "${packs%/}/microsoft.netcore.app.runtime.nativeaot.linux-x64/$version/THIRD-PARTY-NOTICES.TXT"

find "$root" -type d -exec chmod 0755 {} +
chmod 0755 "$lib"/*
