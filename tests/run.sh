#!/usr/bin/env bash
# Runs the test rings and sums what they counted.  usage: tests/run.sh [unit] [kernel] [fuzz] [package] [vm-smoke] [vm]     (default: all, the vm ring whole)
# Every ring is an executable of its own; a ring that cannot be built or that crashes counts as one failure.
# The kernel ring must have run at least KERNEL_MINIMUM tests, the vm ring VM_MINIMUM and its short form VM_SMOKE_MINIMUM: skips never pass for a green run.
set -uo pipefail
cd "$(dirname "$0")/.."
CONFIG=${CONFIG:-Debug}
KERNEL_MINIMUM=${KERNEL_MINIMUM:-575}
VM_MINIMUM=${VM_MINIMUM:-37}
VM_SMOKE_MINIMUM=${VM_SMOKE_MINIMUM:-18}
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
rings=("$@")
[ ${#rings[@]} -gt 0 ] || rings=(unit kernel fuzz package vm)
passed=0 failed=0 skipped=0
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

fail() { echo "FAILED: $*" >&2; failed=$((failed + 1)); }

# xunit ring: name of the project
xunit() {
  local project=$1 log="$results/$1.log" line
  ran=0
  dotnet build "tests/$project/$project.csproj" -c "$CONFIG" -v quiet --nologo >"$log" 2>&1 || { cat "$log"; fail "$project does not build"; return; }
  "artifacts/bin/$project/${CONFIG,,}/$project" -noColor -noLogo "${@:2}" 2>&1 | tee "$log"
  line=$(grep -E 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -n 1)
  [ -n "$line" ] || { fail "$project ended without a summary"; return; }
  read -r total errors bad skip < <(sed -E 's/.*Total: ([0-9]+), Errors: ([0-9]+), Failed: ([0-9]+), Skipped: ([0-9]+).*/\1 \2 \3 \4/' <<<"$line")
  ran=$((total - skip))
  passed=$((passed + total - bad - skip)) failed=$((failed + errors + bad)) skipped=$((skipped + skip))
}

# What the machine's rings need before they start.
in_machine() {
  if [ "$(id -u)" != 0 ]; then fail "the vm ring needs root"; return 1; fi
  tests/vm/package.sh || { fail "the package that the machine installs"; return 1; }
}

for ring in "${rings[@]}"; do
  echo "== $ring"
  began=$SECONDS
  case $ring in
    unit) xunit NodeAgent.UnitTests ;;
    kernel)
      if [ "$(id -u)" != 0 ]; then fail "the kernel ring needs root"; continue; fi
      packaging/build.sh || { fail "make build"; continue; }
      # The shim's other build. Without the NativeAOT pack its tests skip, and say why.
      dotnet publish tests/NodeAgent.ShimTwin -v quiet --nologo >"$results/twin.log" 2>&1 || { tail -n 3 "$results/twin.log"; echo "no twin of the shim"; }
      xunit NodeAgent.KernelTests -parallel none
      [ "$ran" -ge "$KERNEL_MINIMUM" ] || fail "only $ran kernel tests ran here; at least $KERNEL_MINIMUM have to"
      ;;
    fuzz)
      project=NodeAgent.Fuzz log="$results/fuzz.log"
      dotnet build "tests/$project/$project.csproj" -c "$CONFIG" -v quiet --nologo >"$log" 2>&1 || { cat "$log"; fail "$project does not build"; continue; }
      for target in $("artifacts/bin/$project/${CONFIG,,}/$project" list); do
        if "artifacts/bin/$project/${CONFIG,,}/$project" run "$target" --seconds "$FUZZ_SECONDS"; then
          passed=$((passed + 1))
        else
          fail "fuzz target $target"
        fi
      done
      ;;
    package)
      if packaging/check.sh "$(packaging/deb.sh | tail -n 1)"; then passed=$((passed + 1)); else fail "the package"; fi
      ;;
    vm-smoke)
      in_machine || continue
      # What needs neither dozens of boots nor dozens of restarts: the service, what limits do, pressure.
      xunit NodeAgent.VmTests -trait Set=smoke -trait Set=limits
      [ "$ran" -ge "$VM_SMOKE_MINIMUM" ] || fail "only $ran tests ran in the machine; at least $VM_SMOKE_MINIMUM have to"
      ;;
    vm)
      in_machine || continue
      all=0
      # Everything on bookworm's kernel, and what is most telling on that of its backports.
      xunit NodeAgent.VmTests
      all=$ran
      PODAGENT_VM_KERNEL=6.12 xunit NodeAgent.VmTests -trait Set=smoke
      all=$((all + ran))
      [ "$all" -ge "$VM_MINIMUM" ] || fail "only $all tests ran in the machine; at least $VM_MINIMUM have to"
      ;;
    *) echo "unknown ring '$ring'; there are: unit kernel fuzz package vm-smoke vm" >&2; exit 2 ;;
  esac
  echo "== $ring took $((SECONDS - began)) s"
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
