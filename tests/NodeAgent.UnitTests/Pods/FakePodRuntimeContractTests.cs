using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Testing.Contracts;
using NodeAgent.Testing.Fakes;
using NodeAgent.Testing.Time;

namespace NodeAgent.UnitTests.Pods;

/// <summary>The fake keeps the contract that the real runtime keeps, so what the loops do on it means something.</summary>
public sealed class FakePodRuntimeContractTests : PodRuntimeContract
{
    protected override Task<RuntimeUnderTest> CreateAsync() => Task.FromResult<RuntimeUnderTest>(new FakeUnderTest());

    private sealed class FakeUnderTest : RuntimeUnderTest
    {
        private readonly ManualTimeProvider _time = new();
        private readonly FakePodRuntime _runtime;

        public FakeUnderTest() => _runtime = new FakePodRuntime(_time) { Yields = false };

        public override IPodRuntime Runtime => _runtime;

        public override bool EnforcesMemory => true;

        public override ImageRecord Image { get; } = new("sha256:1", ["busybox:1"], "sha256:1", 1, [], new ImageConfig(), DateTimeOffset.UnixEpoch);

        public override Container Container(string name, ContractProgram program) => new()
        {
            Name = name,
            Image = "busybox:1",
            Command = program switch
            {
                ContractProgram.Exits exits => ["exit", exits.Code.ToString(System.Globalization.CultureInfo.InvariantCulture)],
                ContractProgram.IgnoresStop => ["ignore-term"],
                ContractProgram.Missing => ["no-start", "no such file"],
                _ => ["forever"],
            },
        };

        public override Task<Mount> RootfsAsync(ContainerId id) => Task.FromResult(new Mount("overlay", "overlay", []));

        /// <summary>The fake is the node; an agent holds nothing of it that could be lost.</summary>
        public override Task<IPodRuntime> RestartAgentAsync() => Task.FromResult<IPodRuntime>(_runtime);

        public override void LetTimePass(TimeSpan by) => _time.Advance(by);

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
