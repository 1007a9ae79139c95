using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Planning;
using Xunit;

namespace NodeAgent.UnitTests.Status;

public sealed class ContainerStatusTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Build();

    [Fact]
    public void Before_any_run_a_container_waits_for_its_creation_or_for_initialization()
    {
        Pod withInit = PodBuilder.Named("web").Init("init").Main("app").Build();
        Assert.Equal("Waiting ContainerCreating", StatusFor.At(0, Web, null).Container("app").Text());
        PodStatus status = StatusFor.At(0, withInit, null);
        Assert.Equal("Waiting PodInitializing", status.Container("app").Text());
        Assert.Equal("Waiting PodInitializing", status.Container("init").Text());
    }

    [Fact]
    public void A_running_container_shows_start_image_and_id()
    {
        ContainerStatus app = StatusFor.At(5, Web, new ObservedPod(Web).Sandbox().Running("app", 2, at: 3)).Container("app");
        Assert.Equal("Running", app.Text());
        Assert.Equal(ObservedPod.At(3), app.State!.Running!.StartedAt);
        Assert.Equal(("localhost/app:1", "sha256:app", "podagent://app-2"), (app.Image, app.ImageID, app.ContainerID));
        Assert.Equal((2, true, true), (app.RestartCount, app.Ready, app.Started));
    }

    public static TheoryData<string, int, string?, string> Ends() => new()
    {
        { "it exits with 0", 0, null, "Terminated Completed 0" },
        { "it exits with 3", 3, null, "Terminated Error 3" },
        { "it dies by signal 9", 137, null, "Terminated Error 137" },
        { "it is killed for memory", 137, "OOMKilled", "Terminated OOMKilled 137" },
        { "its start fails", 128, "StartError", "Terminated StartError 128" },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public void A_container_that_ended_for_good_is_terminated_with_code_and_reason(string @case, int code, string? reason, string expected)
    {
        Assert.NotEmpty(@case);
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        ContainerStatus app = StatusFor.At(5, pod, new ObservedPod(pod).Sandbox().Exited("app", code, reason: reason)).Container("app");
        Assert.Equal(expected, app.Text());
        Assert.Equal(code == 137 ? 9 : null, app.State!.Terminated!.Signal);
        Assert.Equal((false, false, "podagent://app-0"), (app.Ready, app.Started, app.State.Terminated.ContainerID));
    }

    [Fact]
    public void A_container_that_is_lost_shows_ContainerStatusUnknown_137()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox(state: PodSandboxState.NotReady).Unknown("app");
        PodStatus status = StatusFor.At(5, pod, observed);
        Assert.Equal(("Terminated ContainerStatusUnknown 137", PodPhase.Failed), (status.Container("app").Text(), status.Phase));
    }

    [Fact]
    public void During_back_off_a_container_waits_and_its_last_state_tells_the_end()
    {
        PodStatus status = StatusFor.At(5, Web, new ObservedPod(Web).Sandbox().Exited("app", 1, 3, end: 1, delay: 40));
        ContainerStatus app = status.Container("app");
        Assert.Equal("Waiting CrashLoopBackOff, last Error 1", app.Text());
        Assert.Equal("back-off 40s restarting failed container=app pod=web_default(web-uid)", app.State!.Waiting!.Message);
        Assert.Equal((3, false, PodPhase.Running), (app.RestartCount, app.Ready, status.Phase));
    }

    [Fact]
    public void A_restarted_container_keeps_the_end_of_the_run_before_as_last_state() =>
        Assert.Equal("Running, last Error 7", StatusFor.At(5, Web, new ObservedPod(Web).Sandbox().Exited("app", 7, 0).Running("app", 1)).Container("app").Text());

    [Theory]
    [InlineData(StepFailureReason.ErrImagePull, "Waiting ErrImagePull")]
    [InlineData(StepFailureReason.CreateContainerConfigError, "Waiting CreateContainerConfigError")]
    [InlineData(StepFailureReason.InvalidImageName, "Waiting InvalidImageName")]
    public void A_failed_start_is_the_reason_of_the_wait(StepFailureReason reason, string expected)
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox();
        PodPlan plan = PlanFor.At(0, Web, observed);
        PlannerMemory memory = plan.Memory.Failed(plan.Actions[0], reason, "what went wrong", ObservedPod.At(0), PlannerSettings.Default);
        ContainerStatus app = StatusFor.At(1, Web, observed, memory: memory).Container("app");
        Assert.Equal((expected, "what went wrong"), (app.Text(), app.State!.Waiting!.Message));
    }

    [Theory]
    [InlineData(null, null, false, false)]
    [InlineData(true, null, true, false)]
    [InlineData(true, true, true, true)]
    [InlineData(true, false, true, false)]
    [InlineData(null, true, false, false)]
    public void Probes_decide_started_and_ready(bool? startup, bool? readiness, bool started, bool ready)
    {
        Pod pod = PodBuilder.Named("web").Main("app", c => c.WithStartupProbe().WithReadinessProbe()).Build();
        ProbeResults probes = new(ProbeResults.None.Runs.Add(ObservedPod.Id("app", 0), new RunProbes(startup, null, readiness)));
        PodStatus status = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("app"), probes: probes);
        Assert.Equal((started, ready), (status.Container("app").Started, status.Container("app").Ready));
        Assert.Equal(ready ? "True" : "False", status.Condition("Ready").Status);
    }

    [Fact]
    public void An_init_container_is_ready_when_it_exited_with_0_and_a_sidecar_when_it_runs()
    {
        Pod pod = PodBuilder.Named("web").Init("init").Sidecar("side").Main("app").Build();
        PodStatus status = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("init", 0).Running("side").Running("app"));
        Assert.Equal((true, false), (status.Container("init").Ready, status.Container("init").Started));
        Assert.Equal((true, true), (status.Container("side").Ready, status.Container("side").Started));
    }

    [Fact]
    public void Restart_count_and_last_state_survive_the_loss_of_the_records()
    {
        PodStatus before = StatusFor.At(5, Web, new ObservedPod(Web).Sandbox().Exited("app", 7, 4).Running("app", 5, at: 2));
        ContainerStatus after = StatusFor.At(6, Web, null, before).Container("app");
        Assert.Equal(("Waiting ContainerCreating, last ContainerStatusUnknown 137", 5), (after.Text(), after.RestartCount));
    }

    [Fact]
    public void A_finished_container_keeps_its_state_when_its_record_is_gone()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        PodStatus before = StatusFor.At(5, pod, new ObservedPod(pod).Sandbox().Exited("app", 0));
        Assert.Equal("Terminated Completed 0", StatusFor.At(6, pod, null, before, PlannerMemory.Restore(new KeptPod(before, null))).Container("app").Text());
    }

    [Fact]
    public void The_restart_count_does_not_fall_when_only_an_older_record_is_left()
    {
        PodStatus before = StatusFor.At(5, Web, new ObservedPod(Web).Sandbox().Exited("app", 7, 4).Running("app", 5, at: 2));
        Assert.Equal(5, StatusFor.At(6, Web, new ObservedPod(Web).Sandbox().Exited("app", 7, 4), before).Container("app").RestartCount);
    }
}
