using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Planning;
using Xunit;

namespace NodeAgent.UnitTests.Status;

public sealed class PodConditionTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Main("log").Build();

    [Fact]
    public void A_pod_that_waits_for_its_sandbox_is_scheduled_and_nothing_else()
    {
        PodStatus status = StatusFor.At(0, Web, null);
        Assert.Equal(
            "PodReadyToStartContainers=False:PodSandboxNotReady Initialized=True: Ready=False:ContainersNotReady ContainersReady=False:ContainersNotReady PodScheduled=True:",
            Text(status));
        Assert.Equal("containers with unready status: [app log]", status.Condition("Ready").Message);
    }

    [Fact]
    public void A_running_pod_has_all_conditions_true() =>
        Assert.Equal(
            "PodReadyToStartContainers=True: Initialized=True: Ready=True: ContainersReady=True: PodScheduled=True:",
            Text(StatusFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app").Running("log"))));

    [Fact]
    public void Init_containers_that_are_not_done_are_named()
    {
        Pod pod = PodBuilder.Named("web").Init("one").Sidecar("side").Main("app").Build();
        PodCondition initialized = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("one", 0)).Condition("Initialized");
        Assert.Equal(("False", "ContainersNotInitialized", "containers with incomplete status: [side]"), (initialized.Status, initialized.Reason, initialized.Message));
        Assert.Equal("True", StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("one", 0).Running("side")).Condition("Initialized").Status);
    }

    [Fact]
    public void Once_initialized_a_pod_stays_initialized_while_a_sidecar_restarts()
    {
        Pod pod = PodBuilder.Named("web").Sidecar("side").Main("app").Build();
        PodStatus status = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("side", 1, 3, delay: 40).Running("app"));
        Assert.Equal("True", status.Condition("Initialized").Status);
        Assert.Equal("containers with unready status: [side]", status.Condition("ContainersReady").Message);
    }

    [Theory]
    [InlineData("app runs", "False", null)]
    [InlineData("app asked, log runs", "True", "RestartAllContainersStarted")]
    [InlineData("app asked, log ended", "True", "RestartAllContainersStarted")]
    [InlineData("app asked, log ended, log again", "False", null)]
    [InlineData("app done, log ended", "False", "PodCompleted")]
    [InlineData("app failed, log ended", "False", "PodFailed")]
    public void A_restart_of_all_containers_shows_from_the_rule_to_the_first_start(string @case, string expected, string? reason)
    {
        Pod pod = PodBuilder.Named("web").Policy("Never").Main("app", c => c.Rule("RestartAllContainers", "In", 88)).Main("log").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox();
        foreach (string part in @case.Split(", "))
        {
            string name = part.Split(' ')[0];
            observed = part.Split(' ')[1] switch
            {
                "asked" => observed.Exited(name, 88),
                "done" or "ended" => observed.Exited(name, 0),
                "failed" => observed.Exited(name, 1),
                "again" => observed.Running(name, 1).Last(run => run with { Hash = (ContainerHash.Parse(run.Hash) with { Round = 1 }).ToString() }),
                _ => observed.Running(name),
            };
        }

        PodCondition condition = StatusFor.At(2, pod, observed).Condition("AllContainersRestarting");
        Assert.Equal((expected, reason), (condition.Status, condition.Reason));
        Assert.DoesNotContain(StatusFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app")).Conditions!, c => c.Type == "AllContainersRestarting");
    }

    [Theory]
    [InlineData(0, "PodReadyToStartContainers=True: Initialized=True:PodCompleted Ready=False:PodCompleted ContainersReady=False:PodCompleted PodScheduled=True:")]
    [InlineData(1, "PodReadyToStartContainers=True: Initialized=True: Ready=False:PodFailed ContainersReady=False:PodFailed PodScheduled=True:")]
    public void A_pod_that_is_over_says_so(int code, string expected)
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        Assert.Equal(expected, Text(StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("app", code))));
    }

    [Fact]
    public void A_transition_time_moves_only_with_the_status()
    {
        PodStatus first = StatusFor.At(1, Web, new ObservedPod(Web).Sandbox().Running("app"));
        PodStatus second = StatusFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app").Exited("log", 1, 3, delay: 40), first);
        PodStatus third = StatusFor.At(3, Web, new ObservedPod(Web).Sandbox().Running("app").Running("log", 4), second);
        Assert.Equal(ObservedPod.At(1), second.Condition("Ready").LastTransitionTime);
        Assert.Equal(ObservedPod.At(3), third.Condition("Ready").LastTransitionTime);
        Assert.Equal(ObservedPod.At(1), third.Condition("PodScheduled").LastTransitionTime);
        Assert.Equal(1, third.Condition("Ready").ObservedGeneration);
    }

    [Fact]
    public void Limits_that_cannot_be_enforced_show_as_a_condition_that_goes_when_they_can()
    {
        ObservedPod running = new ObservedPod(Web).Sandbox().Running("app").Running("log");
        PodStatus status = StatusFor.At(2, Web, running.NotEnforced("no memory controller"));
        PodCondition enforced = status.Condition("ResourcesEnforced");
        Assert.Equal(("False", "ControllersMissing", "no memory controller"), (enforced.Status, enforced.Reason, enforced.Message));
        Assert.DoesNotContain(StatusFor.At(3, Web, running, status).Conditions!, c => c.Type == "ResourcesEnforced");
    }

    [Fact]
    public void Readiness_gates_count_and_conditions_of_others_are_kept()
    {
        Pod pod = PodBuilder.Named("web").Main("app").With(s => s with { ReadinessGates = [new PodReadinessGate { ConditionType = "example.org/ok" }] }).Build();
        ObservedPod running = new ObservedPod(pod).Sandbox().Running("app");
        Assert.Equal("ReadinessGatesNotReady", StatusFor.At(2, pod, running).Condition("Ready").Reason);
        PodStatus previous = new() { Conditions = [new PodCondition { Type = "example.org/ok", Status = "True" }] };
        PodStatus status = StatusFor.At(2, pod, running, previous);
        Assert.Equal(("True", "True"), (status.Condition("Ready").Status, status.Condition("example.org/ok").Status));
    }

    [Fact]
    public void Addresses_are_the_hosts_and_the_sandboxes_and_stay_when_the_pod_is_over()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Main("app").Build();
        PodStatus running = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox(ips: ["10.88.0.4", "fd00::4"]).Running("app"));
        Assert.Equal(("192.0.2.7", "10.88.0.4", 2, 2), (running.HostIP, running.PodIP, running.HostIPs!.Count, running.PodIPs!.Count));
        PodStatus over = StatusFor.At(3, pod, new ObservedPod(pod).Sandbox(0, PodSandboxState.NotReady).Exited("app", 0), running);
        Assert.Equal("10.88.0.4", over.PodIP);
        Pod onHost = PodBuilder.Named("web").Main("app").With(s => s with { HostNetwork = true }).Build();
        Assert.Equal("192.0.2.7", StatusFor.At(2, onHost, new ObservedPod(onHost).Sandbox().Running("app")).PodIP);
    }

    [Fact]
    public void Start_time_class_and_generation_are_told()
    {
        PodStatus status = StatusFor.At(5, Web, new ObservedPod(Web).Sandbox(createdAt: -20).Running("app"));
        Assert.Equal((ObservedPod.At(-20), PodQosClass.BestEffort, 1L), (status.StartTime!.Value, status.QosClass, status.ObservedGeneration!.Value));
        Assert.Equal(ObservedPod.At(-20), StatusFor.At(9, Web, new ObservedPod(Web).Sandbox(createdAt: 3), status).StartTime);
    }

    private static string Text(PodStatus status) => string.Join(' ', status.Conditions!.Select(c => $"{c.Type}={c.Status}:{c.Reason}"));
}
