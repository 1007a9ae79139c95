using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;

namespace NodeAgent.UnitTests.Planning;

internal enum Subject
{
    /// <summary>The only main container.</summary>
    Main,

    /// <summary>An ordinary init container; the main container has not run.</summary>
    Init,

    /// <summary>A sidecar; the main container has not run.</summary>
    SidecarBefore,

    /// <summary>A sidecar beside a main container that runs.</summary>
    SidecarBeside,

    /// <summary>A sidecar behind a main container that exited with 0.</summary>
    SidecarAfter,
}

internal enum LastRun
{
    None,
    Created,
    Running,
    Exit0,
    Exit1,
    OutOfMemory,
    Unknown,
}

internal enum ProbeOutcome
{
    NoProbe,
    StartupPending,
    StartupFailed,
    LivenessFailed,
    Ready,
}

/// <summary>One cell of the planner's table: a pod of a container <c>it</c> and, unless that is the main container, one <c>app</c>, looked at two seconds after it began.</summary>
/// <param name="Own">The container's own restart policy; <c>Restart</c> and <c>RestartAllContainers</c> are rules for the exit code 1. Null for none.</param>
internal sealed record PlanCell(string Policy, Subject Kind, string? Own, LastRun Last, ProbeOutcome Probe, bool Deleted, bool SandboxAlive)
{
    private static readonly string[] Policies = ["Always", "OnFailure", "Never"];

    public bool IsSidecar => Kind is Subject.SidecarBefore or Subject.SidecarBeside or Subject.SidecarAfter;

    public static IEnumerable<PlanCell> All() =>
        from policy in Policies
        from kind in Enum.GetValues<Subject>()
        from own in OwnOf(kind)
        from last in Enum.GetValues<LastRun>()
        from probe in Enum.GetValues<ProbeOutcome>()
        from deleted in new[] { false, true }
        from alive in new[] { true, false }
        select new PlanCell(policy, kind, own, last, probe, deleted, alive);

    /// <summary>What the planner makes of it: <c>Syncing: start it#1 RestartPolicyAlways | app PodInitializing</c>.</summary>
    public string Planned()
    {
        Pod pod = MakePod();
        ObservedPod observed = new ObservedPod(pod).Sandbox(0, SandboxAlive ? PodSandboxState.Ready : PodSandboxState.NotReady);
        observed = Last switch
        {
            LastRun.None => observed,
            LastRun.Created => observed.Created("it"),
            LastRun.Running => observed.Running("it"),
            LastRun.Exit0 => observed.Exited("it", 0),
            LastRun.Exit1 => observed.Exited("it", 1),
            LastRun.OutOfMemory => observed.Exited("it", 137, reason: "OOMKilled"),
            _ => observed.Unknown("it"),
        };
        observed = Kind switch
        {
            Subject.SidecarBeside => observed.Running("app"),
            Subject.SidecarAfter => observed.Exited("app", 0),
            _ => observed,
        };
        PodDesire desire = Deleted ? PlanFor.Deleted(pod, at: 2, grace: 30) : PlanFor.Desire(pod);
        PodPlan plan = PlanFor.At(2, desire, observed, probes: Probes());
        return $"{plan.Stage}: {plan.Text()} | {plan.WaitText()}";
    }

    /// <summary>For a sidecar a policy of its own is what makes it one, so only rules can be added. An init container of the policy Always would be a sidecar.</summary>
    private static string?[] OwnOf(Subject kind) => kind switch
    {
        Subject.Main => [null, "Always", "OnFailure", "Never", "Restart", "RestartAllContainers"],
        Subject.Init => [null, "OnFailure", "Never", "Restart", "RestartAllContainers"],
        _ => [null, "Restart", "RestartAllContainers"],
    };

    private Pod MakePod()
    {
        PodBuilder pod = PodBuilder.Named("web").Policy(Policy).Grace(30);
        return Kind switch
        {
            Subject.Main => pod.Main("it", Shape).Build(),
            Subject.Init => pod.Init("it", Shape).Main("app").Build(),
            _ => pod.Sidecar("it", Shape).Main("app").Build(),
        };
    }

    private Container Shape(Container container)
    {
        container = Own switch
        {
            null => container,
            "Restart" or "RestartAllContainers" => container.Rule(Own, "In", 1),
            _ => container.OwnPolicy(Own),
        };
        // The API refuses probes on an ordinary init container: whatever is claimed of one must not matter.
        return Kind == Subject.Init ? container : Probe switch
        {
            ProbeOutcome.NoProbe => container,
            ProbeOutcome.StartupPending or ProbeOutcome.StartupFailed => container.WithStartupProbe(),
            ProbeOutcome.LivenessFailed => container.WithLivenessProbe(),
            _ => container.WithStartupProbe().WithLivenessProbe().WithReadinessProbe(),
        };
    }

    private ProbeResults Probes() => Probe switch
    {
        ProbeOutcome.NoProbe => ProbeResults.None,
        ProbeOutcome.StartupPending => Result(null, null, null),
        ProbeOutcome.StartupFailed => Result(false, null, null),
        ProbeOutcome.LivenessFailed => Result(null, false, null),
        _ => Result(true, true, true),
    };

    private static ProbeResults Result(bool? startup, bool? liveness, bool? readiness) =>
        new(ProbeResults.None.Runs.Add(ObservedPod.Id("it", 0), new RunProbes(startup, liveness, readiness)));
}
