#!/usr/bin/env bash
# Builds podagent, podctl and podagent-shim for this machine. The one place that publishes.
# usage: packaging/build.sh                                into artifacts/dist, with links in artifacts/bin: what tests, demo and benchmarks run
#        packaging/build.sh DIR [option of dotnet publish]…  into DIR only: what the packages hold
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-artifacts/dist}
command -v ld >/dev/null || { echo "ld is missing, which links the shim: apt-get install binutils" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "failed: $*" >&2; exit 1; }; }
# Debugging information names sources as /_/src/…: what is built does not depend on the folder it is built in, nor on git being there.
same=("-p:PathMap=$PWD/=/_/" -p:EnableSourceControlManagerQueries=false)
quietly dotnet build src/NodeAgent.Shim/NodeAgent.Shim.csproj -c Release -v quiet --nologo "${same[@]}"
for project in NodeAgent NodeAgent.Cli; do
  quietly dotnet publish "src/$project/$project.csproj" -c Release -v quiet --nologo -o "$out" "${same[@]}" "${@:2}"
done
# The daemon looks for the shim beside itself.
cp artifacts/bin/podagent-shim "$out/"
[ $# -gt 0 ] && exit 0
mkdir -p artifacts/bin
for name in podagent podctl; do ln -sfn "../dist/$name" "artifacts/bin/$name"; done
