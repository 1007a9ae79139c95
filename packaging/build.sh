#!/usr/bin/env bash
# Builds podagent, podctl and podagent-shim for this machine into artifacts/dist, with links in artifacts/bin: what tests, demo and benchmarks run and what
# the packages hold. The one place that publishes.
set -euo pipefail
cd "$(dirname "$0")/.."
out=artifacts/dist
for tool in ld gcc; do
  command -v $tool >/dev/null || { echo "$tool is missing, which links what is compiled: apt-get install binutils gcc libc6-dev" >&2; exit 1; }
done
link() {
  mkdir -p artifacts/bin
  for name in podagent podctl; do ln -sfn "../dist/$name" "artifacts/bin/$name"; done
}
# What is made depends on nothing else. The same again is there already.
inputs=$({ find src packaging/build.sh packaging/one-thread.rsp Directory.Build.props Directory.Packages.props global.json .editorconfig -type f |
  LC_ALL=C sort | xargs -d '\n' sha256sum; dotnet --version; } | sha256sum)
stamp=$out.inputs
if [ -x "$out/podagent-shim" ] && [ "$inputs" = "$(cat "$stamp" 2>/dev/null)" ]; then link; exit 0; fi
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
for project in NodeAgent NodeAgent.Cli; do
  quietly dotnet publish "src/$project/$project.csproj" -c Release -v quiet --nologo -o "$out.new" "${same[@]}"
done
# What only a debugger reads.
rm -f "$out.new"/*.{pdb,dbg}
chmod -R u=rwX,go=rX "$out.new"
# The daemon looks for the shim beside itself.
cp artifacts/bin/podagent-shim "$out.new/"
[ ! -e "$out" ] || mv "$out" "$out.old"
mv "$out.new" "$out"
rm -rf "$out.old"
link
echo "$inputs" >"$stamp"
