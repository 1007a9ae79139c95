# Each target has a line of help behind ##; `make` alone prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CONFIG ?= Debug
BIN := artifacts/bin
export DOTNET_CLI_TELEMETRY_OPTOUT := 1
export DOTNET_NOLOGO := 1

.PHONY: help tools build publish deb rpm check-deb reproducible test unit kernel twin fuzz check format bench demo clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

tools: ## install what tests and demo need beyond the .NET SDK (Debian packages; needs root)
	@tests/install-tools.sh

build: ## podagent, podctl and podagent-shim, ready to run, into artifacts/bin
	@packaging/build.sh

deb: ## artifacts/deb/podagent_<version>_<arch>.deb, which holds all it needs of .NET
	@packaging/deb.sh

rpm: ## artifacts/rpm/podagent-<version>-1.<arch>.rpm, of the same files
	@packaging/rpm.sh

reproducible: ## the .deb built twice in two places, and compared bit for bit
	@packaging/check-reproducible.sh

check-deb: tools ## the package checked by lintian; units, manual pages and completions by their own tools
	@packaging/check.sh "$$(packaging/deb.sh | tail -n 1)"

test: tools ## every ring: unit, kernel, fuzz (short), package, vm; ends with the sum
	@tests/run.sh

unit: ## the tests that need neither root nor a machine of their own
	@tests/run.sh unit

kernel: tools ## the tests that need root and a real kernel
	@tests/run.sh kernel

twin: ## the shim's sources as ordinary NativeAOT, which the kernel tests keep to the same contract
	@dotnet publish tests/NodeAgent.ShimTwin -v quiet --nologo

fuzz: ## every fuzz target for FUZZ_SECONDS (default 60) each
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} tests/run.sh fuzz

.PHONY: vm-tests vm
vm-tests: tools ## the tests that need a machine: a Debian with systemd under QEMU
	@tests/run.sh vm

vm: tools ## a shell in the test machine, with this build installed and running
	@tests/vm/package.sh
	@dotnet build tests/NodeAgent.VmTests/NodeAgent.VmTests.csproj -c $(CONFIG) -v quiet --nologo
	@artifacts/bin/NodeAgent.VmTests/$(shell echo $(CONFIG) | tr A-Z a-z)/NodeAgent.VmTests shell

check: ## formatting, build without warnings, unit tests
	@dotnet format whitespace NodeAgent.sln --verify-no-changes --no-restore
	@tests/run.sh unit

format: ## put the whitespace right
	@dotnet format whitespace NodeAgent.sln

bench: tools build ## manifest to first instruction, exit to restart, memory: beside crun, interleaved
	@tests/bench.sh

.PHONY: bench-probes
bench-probes: tools build ## a thousand HTTP probes a second, and exec probes beside crun exec: what they cost, how well they keep their beat
	@tests/bench.sh probes

.PHONY: bench-pull
bench-pull: tools build ## images pulled from a local registry: beside podman, containerd, skopeo with umoci
	@tests/bench.sh pull

demo: tools build ## the main job from start to end on this machine
	@tests/demo.sh

clean: ## remove everything that a build made
	rm -rf artifacts
