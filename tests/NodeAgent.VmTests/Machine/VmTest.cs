using System.Diagnostics;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests;

/// <summary>
/// A test inside the machine. Each begins from a snapshot, so that nothing is left over from another one and nothing need be cleaned up. When it fails, journal,
/// core dumps, pods and console go to artifacts/vm-results.
/// </summary>
public abstract class VmTest(TestMachines machines, Snapshot from) : IAsyncLifetime
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    protected VirtualMachine Machine { get; private set; } = null!;

    /// <summary>podagent in the machine, as a user drives it.</summary>
    protected GuestAgent Agent { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Machine = await OpenAsync(machines);
        Agent = new GuestAgent(Machine);
    }

    public async ValueTask DisposeAsync()
    {
        string name = TestContext.Current.TestMethod is { } method ? $"{GetType().Name}.{method.MethodName}" : GetType().Name;
        bool failed = TestContext.Current.TestState?.Result == TestResult.Failed;
        Console.WriteLine($"  {(failed ? "FAILED" : "ok    ")} {_clock.Elapsed.TotalSeconds,6:F1} s  {name}");
        if (failed)
            Console.WriteLine("         " + await FailureReport.CollectAsync(Machine, name));
        Agent.Dispose();
        GC.SuppressFinalize(this);
    }

    protected virtual Task<VirtualMachine> OpenAsync(TestMachines machines) => machines.RestoreAsync(from);
}
