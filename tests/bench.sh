#!/usr/bin/env bash
# Latency and memory beside crun, in turns, in one run; exit code 1 when a goal is missed.  usage: tests/bench.sh [--rounds N] [--pods N]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "the benchmark starts containers and needs root" >&2; exit 1; }
dotnet build tests/NodeAgent.Benchmarks/NodeAgent.Benchmarks.csproj -c Release -v quiet --nologo
exec artifacts/bin/NodeAgent.Benchmarks/release/NodeAgent.Benchmarks "$@"
