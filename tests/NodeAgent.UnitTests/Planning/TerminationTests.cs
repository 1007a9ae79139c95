using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

public sealed class TerminationTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Main("log").Build();
    private static readonly Pod WithSidecars = PodBuilder.Named("web").Sidecar("first").Sidecar("second").Main("app").Build();

    [Fact]
    public void A_deleted_pod_is_killed_stopped_and_removed_in_one_plan()
    {
        PodPlan plan = PlanFor.At(2, PlanFor.Deleted(Web, 0, 30), new ObservedPod(Web).Sandbox().Running("app").Running("log"));
        Assert.Equal("kill log-0 PodDeleted 28s + app-0 PodDeleted 28s; stop sandbox 0 PodDeleted; remove sandbox 0 PodDeleted", plan.Text());
        Assert.All(Assert.IsType<KillContainers>(plan.Actions[0]).Kills, kill => Assert.Contains("manifest was removed", kill.Message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a grace of 0 kills at once", 0, 0, "0s")]
    [InlineData("a grace of 1 s is raised to the minimum of 2 s", 1, 0, "2s")]
    [InlineData("what was used up is taken off", 30, 12, "18s")]
    [InlineData("when all is used up the minimum is left", 30, 40, "2s")]
    public void The_grace_of_a_deletion(string @case, double grace, double later, string expected)
    {
        Assert.NotEmpty(@case);
        PodPlan plan = PlanFor.At(100 + later, PlanFor.Deleted(Web, 100, grace), new ObservedPod(Web).Sandbox().Running("app"));
        Assert.StartsWith($"kill app-0 PodDeleted {expected}", plan.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_kill_that_is_planned_again_never_ends_later_than_before()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Running("app");
        PodPlan first = PlanFor.At(0, PlanFor.Deleted(Web, 0, 5), observed);
        PodPlan late = PlanFor.At(4.5, PlanFor.Deleted(Web, 0, 5), observed, first.Memory);
        Assert.StartsWith("kill app-0 PodDeleted 0.5s", late.Text(), StringComparison.Ordinal);
        PodPlan past = PlanFor.At(9, PlanFor.Deleted(Web, 0, 5), observed, late.Memory);
        Assert.StartsWith("kill app-0 PodDeleted 0s", past.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_shorter_deletion_shortens_the_grace_and_a_longer_one_changes_nothing()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Running("app");
        PodDesire desire = PlanFor.Deleted(Web, 0, 60);
        PlannerMemory memory = PlanFor.At(0, desire, observed).Memory;
        PodDeletion shorter = new(ObservedPod.At(10), TimeSpan.FromSeconds(5), DeletionReason.DeletedByApi);
        PodDeletion longer = new(ObservedPod.At(10), TimeSpan.FromSeconds(500), DeletionReason.DeletedByApi);
        PodDeletion force = new(ObservedPod.At(10), TimeSpan.Zero, DeletionReason.DeletedByApi);

        Assert.StartsWith("kill app-0 PodDeleted 5s", Then(shorter), StringComparison.Ordinal);
        Assert.StartsWith("kill app-0 PodDeleted 50s", Then(longer), StringComparison.Ordinal);
        Assert.StartsWith("kill app-0 PodDeleted 0s", Then(force), StringComparison.Ordinal);
        Assert.Equal(DeletionReason.ManifestRemoved, desire.Deletion!.Narrow(force).Reason);

        string Then(PodDeletion deletion) =>
            PlanFor.At(10, desire with { Deletion = desire.Deletion!.Narrow(deletion) }, observed, memory).Text();
    }

    [Fact]
    public void Sidecars_end_after_the_main_containers_last_one_first_within_the_same_grace()
    {
        PodDesire desire = PlanFor.Deleted(WithSidecars, 0, 30);
        PodPlan first = PlanFor.At(0, desire, new ObservedPod(WithSidecars).Sandbox().Running("first").Running("second").Running("app"));
        Assert.Equal("kill app-0 PodDeleted 30s", first.Text());
        PodPlan second = PlanFor.At(10, desire, new ObservedPod(WithSidecars).Sandbox().Running("first").Running("second").Exited("app", 0, end: 10), first.Memory);
        Assert.Equal("kill second-0 PodDeleted 20s", second.Text());
        PodPlan third = PlanFor.At(
            29, desire, new ObservedPod(WithSidecars).Sandbox().Running("first").Exited("second", 143, end: 29).Exited("app", 0, end: 10), second.Memory);
        Assert.Equal("kill first-0 PodDeleted 2s; stop sandbox 0 PodDeleted; remove sandbox 0 PodDeleted", third.Text());
    }

    [Theory]
    [InlineData("grace 0 from the start", 0, 0, "0s")]
    [InlineData("grace used up", 30, 31, "2s")]
    public void Without_grace_left_sidecars_do_not_wait_for_their_turn(string @case, double grace, double later, string expected)
    {
        Assert.NotEmpty(@case);
        PodPlan plan = PlanFor.At(
            later, PlanFor.Deleted(WithSidecars, 0, grace), new ObservedPod(WithSidecars).Sandbox().Running("first").Running("second").Running("app"));
        Assert.StartsWith($"kill app-0 PodDeleted {expected} + second-0 PodDeleted {expected} + first-0 PodDeleted {expected};", plan.Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_deleted_pod_of_which_nothing_is_left_is_terminated()
    {
        Assert.Equal(PodStage.Terminated, PlanFor.At(0, PlanFor.Deleted(Web, 0, 30), null).Stage);
        Assert.Equal(PodStage.Terminated, PlanFor.At(0, PlanFor.Deleted(Web, 0, 30), new ObservedPod(Web)).Stage);
    }

    [Fact]
    public void The_newest_sandbox_is_removed_last()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox(0, PodSandboxState.NotReady).Unknown("app").Sandbox(1).Exited("log", 0);
        Assert.Equal(
            "stop sandbox 1 PodDeleted; stop sandbox 0 PodDeleted; remove sandbox 0 PodDeleted; remove sandbox 1 PodDeleted",
            PlanFor.At(2, PlanFor.Deleted(Web, 0, 30), observed).Text());
    }

    [Fact]
    public void A_step_of_the_end_that_failed_is_tried_again_after_the_retry_period()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 0);
        PodPlan plan = PlanFor.At(0, PlanFor.Deleted(Web, 0, 30), observed);
        PlannerMemory memory = plan.Memory.Failed(plan.Actions[0], StepFailureReason.KillPodSandboxError, "EBUSY", ObservedPod.At(1), PlannerSettings.Default);
        PodPlan waiting = PlanFor.At(2, PlanFor.Deleted(Web, 0, 30), observed, memory);
        Assert.Equal((0, PodStage.Terminating, ObservedPod.At(11)), (waiting.Actions.Count, waiting.Stage, waiting.WakeAt!.Value));
        Assert.Equal(2, PlanFor.At(11, PlanFor.Deleted(Web, 0, 30), observed, waiting.Memory).Actions.Count);
    }

    [Fact]
    public void The_active_deadline_wakes_the_pod_and_then_fails_it()
    {
        Pod pod = PodBuilder.Named("job").ActiveDeadline(60).Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox().Running("app");
        PodPlan before = PlanFor.At(59, pod, observed);
        Assert.Equal((0, ObservedPod.At(60)), (before.Actions.Count, before.WakeAt!.Value));
        PodPlan after = PlanFor.At(60, pod, observed, before.Memory);
        Assert.Equal("kill app-0 DeadlineExceeded 30s; stop sandbox 0 DeadlineExceeded", after.Text());
        Assert.Equal(PodVerdict.DeadlineExceeded, after.Verdict?.Reason);

        ObservedPod dead = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Exited("app", 143, end: 61);
        PodPlan rest = PlanFor.At(62, pod, dead, after.Memory.Succeeded(after.Actions[1]));
        Assert.Equal((0, PodStage.Finished), (rest.Actions.Count, rest.Stage));
    }

    [Fact]
    public void The_active_deadline_counts_from_the_first_sandbox_also_after_a_restart_of_the_agent()
    {
        Pod pod = PodBuilder.Named("job").ActiveDeadline(60).Main("app").Build();
        PodDesire taken = PlanFor.Desire(pod) with { AcceptedAt = ObservedPod.At(50) };
        PodPlan plan = PlanFor.At(61, taken, new ObservedPod(pod).Sandbox().Running("app", at: 1));
        Assert.Equal(PodVerdict.DeadlineExceeded, plan.Verdict?.Reason);
    }

    [Fact]
    public void A_pod_that_ended_before_its_deadline_keeps_its_own_result()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").ActiveDeadline(60).Main("app").Build();
        PodPlan plan = PlanFor.At(100, pod, new ObservedPod(pod).Sandbox().Exited("app", 0));
        Assert.Equal("stop sandbox 0 PodFinished", plan.Text());
        Assert.Null(plan.Verdict);
    }

    [Theory]
    [InlineData(null, "30s")]
    [InlineData(0.0, "0s")]
    [InlineData(7.0, "7s")]
    public void An_eviction_ends_the_pod_with_its_grace_and_nothing_starts_again(double? grace, string expected)
    {
        PodDesire desire = PlanFor.Desire(Web) with
        {
            Verdict = new PodVerdict("Evicted", "the node was low on memory", ObservedPod.At(5), grace is { } s ? TimeSpan.FromSeconds(s) : null),
        };
        PodPlan plan = PlanFor.At(5, desire, new ObservedPod(Web).Sandbox().Running("app").Exited("log", 1));
        Assert.Equal($"kill app-0 PodFailed {expected}; stop sandbox 0 PodFailed", plan.Text());
        PodPlan after = PlanFor.At(6, PlanFor.Desire(Web), new ObservedPod(Web).Sandbox().Exited("app", 143).Exited("log", 1), plan.Memory);
        Assert.Equal("Evicted", after.Verdict?.Reason);
        Assert.Empty(after.Actions.OfType<StartContainer>());
    }
}
