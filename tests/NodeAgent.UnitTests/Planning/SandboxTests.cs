using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

public sealed class SandboxTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Main("log").Build();

    [Fact]
    public void A_new_pod_gets_a_sandbox_and_all_main_containers_in_one_plan()
    {
        PodPlan plan = PlanFor.At(0, Web, null);
        Assert.Equal("create sandbox 0 FirstSandbox; start app#0 FirstRun; start log#0 FirstRun", plan.Text());
        Assert.Equal(TimeSpan.Zero, plan.Actions.OfType<StartContainer>().First().RestartDelay);
        Assert.All(plan.Actions.OfType<StartContainer>(), start => Assert.Equal(new PodSandboxId("web-uid-0"), start.Sandbox));
        Assert.Equal(PodStage.Syncing, plan.Stage);
    }

    [Fact]
    public void A_pod_with_init_containers_begins_with_the_first_of_them_only()
    {
        Pod pod = PodBuilder.Named("web").Init("one").Init("two").Main("app").Build();
        PodPlan plan = PlanFor.At(0, pod, null);
        Assert.Equal("create sandbox 0 FirstSandbox; start one#0 FirstRun", plan.Text());
        Assert.Equal("app PodInitializing", plan.WaitText());
    }

    [Fact]
    public void A_running_pod_is_at_rest()
    {
        PodPlan plan = PlanFor.At(10, Web, new ObservedPod(Web).Sandbox().Running("app").Running("log"));
        Assert.Empty(plan.Actions);
        Assert.Null(plan.WakeAt);
        Assert.Empty(plan.Waits);
    }

    [Fact]
    public void A_container_that_dies_restarts_alone()
    {
        PodPlan plan = PlanFor.At(10, Web, new ObservedPod(Web).Sandbox().Running("app").Exited("log", 1));
        Assert.Equal("start log#1 RestartPolicyAlways", plan.Text());
    }

    [Fact]
    public void A_sandbox_that_could_not_be_made_is_tried_again_after_the_retry_period()
    {
        PodPlan first = PlanFor.At(0, Web, null);
        PlannerMemory memory = first.Memory.Failed(first.Actions[0], StepFailureReason.FailedCreatePodSandBox, "no bridge", ObservedPod.At(1), PlannerSettings.Default);
        PodPlan waiting = PlanFor.At(2, Web, null, memory);
        Assert.Empty(waiting.Actions);
        Assert.Equal(ObservedPod.At(11), waiting.WakeAt);
        Assert.All(waiting.Waits, wait => Assert.Equal((WaitingReason.ContainerCreating, "no bridge"), (wait.Reason, wait.Message)));
        Assert.Equal(first.Text(), PlanFor.At(11, Web, null, waiting.Memory).Text());
    }

    [Theory]
    [InlineData("Always", "a sandbox that dies under Always is made again and every container restarts",
        "stop sandbox 0 SandboxDied; create sandbox 1 SandboxDied; start app#1 SandboxChanged; start log#1 SandboxChanged")]
    [InlineData("OnFailure", "under OnFailure the container that succeeded stays done",
        "stop sandbox 0 SandboxDied; create sandbox 1 SandboxDied; start log#1 SandboxChanged")]
    [InlineData("Never", "under Never nothing is repeated and the pod is over", "stop sandbox 0 PodFinished")]
    public void A_dead_sandbox_with_one_success_and_one_killed(string policy, string @case, string expected)
    {
        Assert.NotEmpty(@case);
        Pod pod = PodBuilder.Named("web").Policy(policy).Main("app").Main("log").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Exited("app", 0).Unknown("log");
        Assert.Equal(expected, PlanFor.At(10, pod, observed).Text());
    }

    [Fact]
    public void Init_containers_run_again_in_a_new_sandbox_and_counts_go_on()
    {
        Pod pod = PodBuilder.Named("web").Init("setup").Sidecar("side").Main("app").Build();
        ObservedPod dead = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Exited("setup", 0).Unknown("side").Unknown("app", attempt: 3);
        Assert.Equal("stop sandbox 0 SandboxDied; create sandbox 1 SandboxDied; start setup#1 SandboxChanged", PlanFor.At(10, pod, dead).Text());

        ObservedPod next = dead.Sandbox(1).Exited("setup", 0, attempt: 1, at: 10, end: 11);
        PlannerMemory stopped = PlannerMemory.Empty with { Stopped = [new PodSandboxId("web-uid-0")] };
        Assert.Equal("start side#1 SandboxChanged; remove setup-0 Superseded", PlanFor.At(12, pod, next, stopped).Text());
        ObservedPod third = next.Running("side", attempt: 1, at: 12);
        Assert.StartsWith("start app#4 SandboxChanged", PlanFor.At(13, pod, third, stopped).Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void Under_Never_a_sandbox_that_dies_before_the_main_container_ran_fails_the_pod_with_a_reason()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Init("setup").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Exited("setup", 0);
        PodPlan plan = PlanFor.At(10, pod, observed);
        Assert.Equal("stop sandbox 0 PodFailed", plan.Text());
        Assert.Equal(PodVerdict.SandboxDied, plan.Verdict?.Reason);
    }

    [Fact]
    public void Under_Never_a_sandbox_that_dies_before_anything_ran_is_made_again()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Created("app");
        Assert.Equal("stop sandbox 0 SandboxDied; create sandbox 1 SandboxDied; start app#0 SandboxChanged", PlanFor.At(10, pod, observed).Text());
    }

    [Fact]
    public void A_replaced_sandbox_goes_when_nothing_in_it_is_needed()
    {
        Pod pod = PodBuilder.Named("web").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox(0, PodSandboxState.NotReady).Unknown("app")
            .Sandbox(1).Exited("app", 1, attempt: 1, at: 10, end: 11).Running("app", attempt: 2, at: 12);
        PodPlan first = PlanFor.At(13, pod, observed);
        Assert.Equal("stop sandbox 0 SandboxDied; remove app-0 Superseded", first.Text());
        PlannerMemory memory = first.Memory.Succeeded(first.Actions[0]);
        Assert.Equal("remove app-0 Superseded; remove sandbox 0 SandboxReplaced", PlanFor.At(13, pod, observed, memory).Text());
    }

    [Fact]
    public void A_finished_pod_stops_its_sandbox_once_and_then_rests()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        PodPlan first = PlanFor.At(10, pod, new ObservedPod(pod).Sandbox().Exited("app", 0));
        Assert.Equal(("stop sandbox 0 PodFinished", PodStage.Finishing), (first.Text(), first.Stage));
        ObservedPod stopped = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Exited("app", 0);
        PodPlan second = PlanFor.At(10, pod, stopped, first.Memory.Succeeded(first.Actions[0]));
        Assert.Empty(second.Actions);
        Assert.Null(second.WakeAt);
        Assert.Equal(PodStage.Finished, second.Stage);
    }

    [Fact]
    public void A_finished_pod_stays_finished_when_its_records_are_lost_or_its_definition_changes()
    {
        PodBuilder job = PodBuilder.Named("job").Policy("Never");
        Pod pod = job.Main("app").Build();
        PlannerMemory memory = PlanFor.At(10, pod, new ObservedPod(pod).Sandbox().Exited("app", 0)).Memory;
        PodPlan lost = PlanFor.At(11, pod, null, memory);
        Assert.Equal((0, PodStage.Finished), (lost.Actions.Count, lost.Stage));
        Pod changed = job.Main("app", c => c with { Image = "localhost/app:2" }).Build();
        Assert.Equal("stop sandbox 0 PodFinished", PlanFor.At(11, changed, new ObservedPod(pod).Sandbox().Exited("app", 0), memory).Text());
    }

    [Fact]
    public void A_pod_whose_kept_status_says_that_it_is_over_is_not_started_again()
    {
        Pod pod = PodBuilder.Named("web").Main("app").Build();
        PodStatus evicted = new() { Phase = PodPhase.Failed, Reason = "Evicted", Message = "low on memory", StartTime = ObservedPod.Start };
        PodPlan plan = PlanFor.At(11, pod, null, PlannerMemory.Restore(new KeptPod(evicted, new PodVerdict("Evicted", "low on memory", ObservedPod.Start))));
        Assert.Equal((0, PodStage.Finished, "Evicted"), (plan.Actions.Count, plan.Stage, plan.Verdict?.Reason));
    }
}
