using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Testing.Contracts;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>The contract of pod runtimes, kept by the kernel's.</summary>
public class KernelPodRuntimeTests : PodRuntimeContract
{
    protected override async Task<RuntimeUnderTest> CreateAsync() => new KernelUnderTest(await TestNode.OpenAsync(Driver));

    protected virtual CgroupDriverKind Driver => CgroupDriverKind.Cgroupfs;

    private sealed class KernelUnderTest : RuntimeUnderTest
    {
        private readonly TestNode _node;

        public KernelUnderTest(TestNode node)
        {
            _node = node;
            // The kernel drops a signal that pid 1 has no handler for, so a start counts only once the program has set its own.
            node.Failpoint = step =>
            {
                if (step == "ContainerStart.AfterStart") SpinWait.SpinUntil(EveryProgramIsReady, TimeSpan.FromSeconds(20));
            };
        }

        public override IPodRuntime Runtime => _node.Runtime;

        public override bool EnforcesMemory =>
            !_node.Runtime.StatusAsync(default).AsTask().GetAwaiter().GetResult().MissingControllers.Contains("memory");

        public override ImageRecord Image => _node.Image;

        public override Container Container(string name, ContractProgram program) => program switch
        {
            ContractProgram.HeedsStop => TestNode.Shell("trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done", name),
            ContractProgram.IgnoresStop => TestNode.Shell("trap '' TERM; echo ready; while :; do sleep 1; done", name),
            ContractProgram.Exits exits => TestNode.Shell($"echo ready; exit {exits.Code}", name),
            _ => TestNode.Shell("", name) with { Command = ["/no/such/program"] },
        };

        public override Task<Mount> RootfsAsync(ContainerId id) => Task.FromResult(_node.Rootfs(id));

        public override async Task<IPodRuntime> RestartAgentAsync() => await _node.RestartAsync();

        public override ValueTask DisposeAsync() => _node.DisposeAsync();

        private bool EveryProgramIsReady() =>
            Directory.EnumerateFiles(_node.Paths.Logs, "*.log", SearchOption.AllDirectories).All(log => new FileInfo(log).Length > 0);
    }
}

/// <summary>The same with a scope for every pod, on a machine that systemd runs.</summary>
public sealed class SystemdPodRuntimeTests : KernelPodRuntimeTests
{
    protected override CgroupDriverKind Driver => CgroupDriverKind.Systemd;
}
