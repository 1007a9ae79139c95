using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

public sealed class StartFailureTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Main("log").Build();
    private static readonly ObservedPod Ready = new ObservedPod(Web).Sandbox();

    [Theory]
    [InlineData(StepFailureReason.CreateContainerConfigError, WaitingReason.CreateContainerConfigError)]
    [InlineData(StepFailureReason.CreateContainerError, WaitingReason.CreateContainerError)]
    [InlineData(StepFailureReason.RunContainerError, WaitingReason.RunContainerError)]
    [InlineData(StepFailureReason.ErrImageNeverPull, WaitingReason.ErrImageNeverPull)]
    [InlineData(StepFailureReason.InvalidImageName, WaitingReason.InvalidImageName)]
    [InlineData(StepFailureReason.ImageInspectError, WaitingReason.ImageInspectError)]
    public void A_start_that_failed_without_a_run_is_tried_again_every_10_seconds_and_the_others_go_on(StepFailureReason reason, WaitingReason shown)
    {
        PodPlan first = PlanFor.At(0, Web, Ready);
        PlannerMemory memory = first.Memory.Failed(first.Actions[0], reason, "no such user", ObservedPod.At(0), PlannerSettings.Default);
        PodPlan plan = PlanFor.At(1, Web, Ready, memory);
        Assert.Equal("start log#0 FirstRun", plan.Text());
        ContainerWait wait = Assert.Single(plan.Waits);
        Assert.Equal((shown, "no such user", ObservedPod.At(10)), (wait.Reason, wait.Message, wait.Until!.Value));
        Assert.Equal(ObservedPod.At(10), plan.WakeAt);
        Assert.Equal("start app#0 FirstRun; start log#0 FirstRun", PlanFor.At(10, Web, Ready, plan.Memory).Text());
    }

    [Fact]
    public void A_run_that_failed_to_start_and_left_a_record_follows_the_restart_back_off_only()
    {
        PodPlan first = PlanFor.At(0, Web, Ready.Running("log"));
        PlannerMemory memory = first.Memory.Failed(first.Actions[0], StepFailureReason.RunContainerError, "exec: not found", ObservedPod.At(1), PlannerSettings.Default);
        ObservedPod failed = Ready.Running("log").Exited("app", 128, end: 1, reason: "StartError");
        Assert.Equal("start app#1 RestartPolicyAlways", PlanFor.At(1, Web, failed, memory).Text());
        ObservedPod again = Ready.Running("log").Exited("app", 128, attempt: 1, at: 1, end: 1, delay: 10, reason: "StartError");
        Assert.Equal("app CrashLoopBackOff", PlanFor.At(1, Web, again, memory).WaitText());
    }

    [Fact]
    public void Image_pulls_back_off_from_10_to_300_seconds_shown_first_as_the_error_then_as_back_off()
    {
        Pod pod = PodBuilder.Named("web").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox();
        PodPlan plan = PlanFor.At(0, pod, observed);
        double now = 0;
        foreach (double delay in new double[] { 10, 20, 40, 80, 160, 300, 300 })
        {
            PlannerMemory failed = plan.Memory.Failed(plan.Actions[0], StepFailureReason.ErrImagePull, "404", ObservedPod.At(now), PlannerSettings.Default);
            PodPlan young = PlanFor.At(now + 1, pod, observed, failed);
            Assert.Equal((WaitingReason.ErrImagePull, "404", ObservedPod.At(now + delay)), Wait(young));
            Assert.Equal(ObservedPod.At(now + 10), young.WakeAt);
            if (delay > 10)
            {
                PodPlan old = PlanFor.At(now + 10, pod, observed, young.Memory);
                Assert.Equal(
                    (WaitingReason.ImagePullBackOff, "Back-off pulling image \"localhost/app:1\": ErrImagePull: 404", ObservedPod.At(now + delay)), Wait(old));
                Assert.Equal(ObservedPod.At(now + delay), old.WakeAt);
            }

            now += delay;
            plan = PlanFor.At(now, pod, observed, young.Memory);
            Assert.Equal("start app#0 FirstRun", plan.Text());
        }

        static (WaitingReason, string?, DateTimeOffset) Wait(PodPlan plan) =>
            (Assert.Single(plan.Waits).Reason, plan.Waits[0].Message, plan.Waits[0].Until!.Value);
    }

    [Fact]
    public void Two_containers_of_one_image_share_its_back_off_and_its_success()
    {
        Pod pod = PodBuilder.Named("web").Main("app", c => c with { Image = "x:1" }).Main("log", c => c with { Image = "x:1" }).Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox();
        PodPlan plan = PlanFor.At(0, pod, observed);
        PlannerMemory failed = plan.Memory.Failed(plan.Actions[0], StepFailureReason.ErrImagePull, "404", ObservedPod.At(0), PlannerSettings.Default);
        Assert.Equal("app ErrImagePull; log ErrImagePull", PlanFor.At(1, pod, observed, failed).WaitText());
        Assert.Equal("start app#0 FirstRun; start log#0 FirstRun", PlanFor.At(1, pod, observed, failed.Succeeded(plan.Actions[1])).Text());
    }

    [Fact]
    public void An_image_that_comes_by_another_way_is_used_at_once()
    {
        PodPlan plan = PlanFor.At(0, Web, Ready);
        PlannerMemory failed = plan.Memory
            .Failed(plan.Actions[0], StepFailureReason.ErrImagePull, "404", ObservedPod.At(0), PlannerSettings.Default)
            .Failed(plan.Actions[1], StepFailureReason.ErrImageNeverPull, "not here", ObservedPod.At(0), PlannerSettings.Default);
        Assert.Empty(PlanFor.At(1, Web, Ready, failed).Actions);
        Assert.Equal(2, PlanFor.At(1, Web, Ready, failed.ForgetImageFailures()).Actions.Count);
    }
}
