#!/usr/bin/env bash
# Builds podagent, podctl and podagent-shim for this machine into artifacts/bin. The three names there are what tests, demo and benchmarks run.
set -euo pipefail
cd "$(dirname "$0")/.."
out=artifacts/dist
command -v ld >/dev/null || { echo "ld is missing, which links the shim: apt-get install binutils" >&2; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "failed: $*" >&2; exit 1; }; }
quietly dotnet build src/NodeAgent.Shim/NodeAgent.Shim.csproj -c Release -v quiet --nologo
for project in NodeAgent NodeAgent.Cli; do
  quietly dotnet publish "src/$project/$project.csproj" -c Release -v quiet --nologo -o "$out"
done
mkdir -p artifacts/bin
# The daemon looks for the shim beside itself.
cp artifacts/bin/podagent-shim "$out/"
for name in podagent podctl; do ln -sfn "../dist/$name" "artifacts/bin/$name"; done
