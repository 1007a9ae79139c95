#!/usr/bin/env bash
# Builds podagent, podctl and podagent-shim for this machine into artifacts/dist, with links in artifacts/bin: what tests, demo and benchmarks run and what
# the packages hold. The one place that publishes.
set -euo pipefail
cd "$(dirname "$0")/.."
out=artifacts/dist
command -v ld >/dev/null || { echo "ld is missing, which links the shim: apt-get install binutils" >&2; exit 1; }
# What is made depends on nothing else. The same again is there already.
inputs=$({ find src packaging/dist packaging/build.sh packaging/one-thread.rsp Directory.Build.props Directory.Packages.props global.json .editorconfig -type f |
  LC_ALL=C sort | xargs -d '\n' sha256sum; dotnet --version; } | sha256sum)
stamp=$out.inputs
if [ -x "$out/podagent-shim" ] && [ "$inputs" = "$(cat "$stamp" 2>/dev/null)" ]; then exit 0; fi
rm -f "$stamp"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "$@" >"$log" 2>&1 || { cat "$log" >&2; echo "failed: $*" >&2; exit 1; }; }
# Debugging information names sources as /_/src/…: what is built does not depend on the folder it is built in, nor on git being there.
# The generator of logging code orders classes by object hash codes (dotnet 10.0.12), which repeat only in a fresh compiler with one thread.
same=("-p:PathMap=$PWD/=/_/" -p:EnableSourceControlManagerQueries=false
  -p:UseSharedCompilation=false "-p:CompilerResponseFile=$PWD/packaging/one-thread.rsp")
quietly dotnet build src/NodeAgent.Shim/NodeAgent.Shim.csproj -c Release -v quiet --nologo "${same[@]}"
# Into a fresh folder, taken over by rename: a daemon that runs from the old one keeps its files.
rm -rf "$out.new" "$out.old"
quietly dotnet publish packaging/dist/Distribution.csproj -c Release -v quiet --nologo -o "$out.new" "${same[@]}"
dist=podagent-distribution
for program in podagent podctl; do
  sed "s/\"$dist\"/\"$program\"/" "$out.new/$dist.runtimeconfig.json" >"$out.new/$program.runtimeconfig.json"
done
# The stand-in's own program; what only a debugger or a crash dump would load; collectors that are not chosen.
rm -f "$out.new/$dist" "$out.new/$dist.dll" "$out.new/$dist.runtimeconfig.json" "$out.new/$dist.deps.json" "$out.new"/*.pdb \
  "$out.new"/{createdump,libmscordaccore.so,libmscordbi.so,libclrgc.so,libclrgcexp.so,libcoreclrtraceptprovider.so}
chmod -R u=rwX,go=rX "$out.new"
# The daemon looks for the shim beside itself.
cp artifacts/bin/podagent-shim "$out.new/"
[ ! -e "$out" ] || mv "$out" "$out.old"
mv "$out.new" "$out"
rm -rf "$out.old"
mkdir -p artifacts/bin
for name in podagent podctl; do ln -sfn "../dist/$name" "artifacts/bin/$name"; done
echo "$inputs" >"$stamp"
