using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Planning;
using Xunit;

namespace NodeAgent.UnitTests.Status;

public sealed class PodPhaseTests
{
    public static TheoryData<string, string, string> Phases() => new()
    {
        { "Always", "nothing has run", "Pending" },
        { "Always", "app runs", "Pending" },
        { "Always", "app runs, log runs", "Running" },
        { "Always", "app runs, log has failed", "Running" },
        { "Always", "app is done, log is done", "Running" },
        { "Always", "app has failed, log has failed", "Running" },
        { "OnFailure", "app is done, log runs", "Running" },
        { "OnFailure", "app is done, log is done", "Succeeded" },
        { "OnFailure", "app is done, log has failed", "Running" },
        { "Never", "app is done, log runs", "Running" },
        { "Never", "app is done, log is done", "Succeeded" },
        { "Never", "app is done, log has failed", "Failed" },
        { "Never", "app has failed, log runs", "Running" },
        { "Never", "app has failed", "Pending" },
    };

    [Theory]
    [MemberData(nameof(Phases))]
    public void The_phase_follows_from_the_containers_and_the_policy(string policy, string @case, string expected)
    {
        Pod pod = PodBuilder.Named("web").Policy(policy).Main("app").Main("log").Build();
        Assert.Equal(expected, StatusFor.At(2, pod, Arrange(pod, @case)).Phase);
    }

    public static TheoryData<string, string, string> InitPhases() => new()
    {
        { "Always", "nothing has run", "Pending" },
        { "Always", "init runs", "Pending" },
        { "Always", "init has failed", "Pending" },
        { "Never", "init has failed", "Failed" },
        { "Always", "init is done", "Pending" },
        { "Always", "init is done, side runs", "Pending" },
        { "Always", "init is done, side runs, app runs", "Running" },
        { "Always", "init is done, side has failed, app runs", "Running" },
        { "Never", "init is done, side runs, app is done", "Running" },
        { "Never", "init is done, side has failed, app is done", "Succeeded" },
        { "Never", "init is done, side is done, app has failed", "Failed" },
    };

    [Theory]
    [MemberData(nameof(InitPhases))]
    public void Init_containers_keep_a_pod_pending_and_sidecars_never_make_it_fail(string policy, string @case, string expected)
    {
        Pod pod = PodBuilder.Named("web").Policy(policy).Init("init").Sidecar("side").Main("app").Build();
        Assert.Equal(expected, StatusFor.At(2, pod, Arrange(pod, @case)).Phase);
    }

    [Theory]
    [InlineData("Succeeded")]
    [InlineData("Failed")]
    public void A_terminal_phase_never_reverts_even_when_all_records_are_gone(string phase)
    {
        Pod pod = PodBuilder.Named("web").Main("app").Build();
        PodStatus previous = new() { Phase = phase, Reason = "Evicted", Message = "low on memory" };
        PodStatus running = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("app"), previous);
        PodStatus gone = StatusFor.At(2, pod, null, previous);
        Assert.Equal((phase, "Evicted", "low on memory"), (running.Phase, running.Reason, running.Message));
        Assert.Equal((phase, "Evicted", "low on memory"), (gone.Phase, gone.Reason, gone.Message));
    }

    [Theory]
    [InlineData("app runs", "Running", null)]
    [InlineData("app is done", "Failed", "DeadlineExceeded")]
    [InlineData("app has failed", "Failed", "DeadlineExceeded")]
    [InlineData("nothing has run", "Failed", "DeadlineExceeded")]
    public void A_pod_past_its_deadline_is_failed_with_the_reason_when_the_last_container_has_ended(string @case, string phase, string? reason)
    {
        Pod pod = PodBuilder.Named("job").ActiveDeadline(60).Main("app").Build();
        PodStatus status = StatusFor.At(61, pod, Arrange(pod, @case));
        Assert.Equal((phase, reason), (status.Phase, status.Reason));
        Assert.Equal(reason is null, status.Message is null);
        Assert.Equal(("False", "PodFailed"), (status.Condition("Ready").Status, status.Condition("Ready").Reason));
    }

    [Theory]
    [InlineData("side runs, init has failed", "Pending")]
    [InlineData("side has failed, init has failed", "Failed")]
    public void A_pod_whose_init_container_failed_is_failed_when_its_sidecars_have_ended(string @case, string phase)
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Sidecar("side").Init("init").Main("app").Build();
        PodStatus status = StatusFor.At(2, pod, Arrange(pod, @case));
        Assert.Equal((phase, "PodFailed"), (status.Phase, status.Condition("ContainersReady").Reason));
        Assert.Equal(("False", "ContainersNotInitialized"), (status.Condition("Initialized").Status, status.Condition("Initialized").Reason));
    }

    [Theory]
    [InlineData("side starts, app runs", "Running", "True")]
    [InlineData("side starts, app is done", "Running", "True")]
    [InlineData("side starts, app backs off", "Pending", "False")]
    [InlineData("side runs, app backs off", "Running", "True")]
    [InlineData("side backs off, app backs off", "Running", "False")]
    public void A_sidecar_that_starts_again_takes_a_pod_back_to_pending_only_when_no_main_container_runs_or_has_ended(string @case, string phase, string initialized)
    {
        Pod pod = PodBuilder.Named("web").Sidecar("side", c => c.WithStartupProbe()).Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox();
        foreach (string part in @case.Split(", "))
        {
            string name = part.Split(' ')[0];
            observed = part[(name.Length + 1)..] switch
            {
                "backs off" => observed.Exited(name, 1, attempt: 2, at: 0, end: 1, delay: 20),
                "is done" => observed.Exited(name, 0),
                _ => observed.Running(name),
            };
        }

        ProbeResults probes = new(ProbeResults.None.Runs.Add(ObservedPod.Id("side", 0), new RunProbes(@case.StartsWith("side runs", StringComparison.Ordinal), null, null)));
        // With an earlier status that says Initialized: what was is no argument.
        PodStatus before = StatusFor.At(1, pod, new ObservedPod(pod).Sandbox().Running("side").Running("app"),
            probes: new(ProbeResults.None.Runs.Add(ObservedPod.Id("side", 0), new RunProbes(true, null, null))));
        PodStatus status = StatusFor.At(2, pod, observed, before, probes: probes);
        Assert.Equal((phase, initialized), (status.Phase, status.Condition("Initialized").Status));
    }

    [Theory]
    [InlineData("app runs", "Running")]
    [InlineData("app is done", "Succeeded")]
    [InlineData("app has failed", "Failed")]
    [InlineData("nothing has run", "Pending")]
    public void A_deleted_pod_ends_as_its_containers_ended(string @case, string expected)
    {
        Pod pod = PodBuilder.Named("web").Main("app").Build();
        Assert.Equal(expected, StatusFor.At(2, PlanFor.Deleted(pod, 2, 30), Arrange(pod, @case)).Phase);
    }

    [Fact]
    public void A_pod_that_cannot_be_observed_is_unknown_with_the_cause()
    {
        Pod pod = PodBuilder.Named("web").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox().Running("app");
        PodPlan plan = PlanFor.At(2, pod, observed);
        PodStatus status = PodStatusBuilder.Build(
            PlanFor.Desire(pod), observed.Build(), plan, ProbeResults.None, null, [], ObservedPod.At(2), "list pods: connection refused");
        Assert.Equal((PodPhase.Unknown, "RuntimeUnavailable", "list pods: connection refused"), (status.Phase, status.Reason, status.Message));
    }

    private static ObservedPod Arrange(Pod pod, string @case)
    {
        ObservedPod observed = new ObservedPod(pod).Sandbox();
        foreach (string part in @case.Split(", "))
        {
            string name = part[..part.IndexOf(' ', StringComparison.Ordinal)];
            observed = part[(name.Length + 1)..] switch
            {
                "runs" => observed.Running(name),
                "is done" => observed.Exited(name, 0),
                "has failed" => observed.Exited(name, 1),
                _ => observed,
            };
        }

        return observed;
    }
}
