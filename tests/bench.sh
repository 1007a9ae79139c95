#!/usr/bin/env bash
# Latency and memory beside crun, in turns, in one run; exit code 1 when a goal is missed.  usage: tests/bench.sh [--rounds N] [--pods N]
# What probes cost, beside crun exec:                                                       usage: tests/bench.sh probes [--pods N] [--seconds N]
# Images pulled beside podman, containerd and skopeo with umoci:                            usage: tests/bench.sh pull [--rounds N] [--images NAME,NAME]
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "the benchmark starts containers and needs root" >&2; exit 1; }
dotnet build tests/NodeAgent.Benchmarks/NodeAgent.Benchmarks.csproj -c Release -v quiet --nologo
bench=$PWD/artifacts/bin/NodeAgent.Benchmarks/release/NodeAgent.Benchmarks
# What the pulls mount is nobody else's and goes with them.
[ "${1:-}" != pull ] || exec unshare --mount --propagation private "$bench" "$@"
[ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || exec "$bench" "$@"
# crun refuses a machine whose cgroup tree is a hybrid of v1 and v2. Both sides then see a pure v2 tree, in a mount namespace that ends with the benchmark.
exec unshare --mount --propagation private bash -c 'umount --recursive /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' bench "$bench" "$@"
