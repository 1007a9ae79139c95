using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Planning;
using Xunit;

namespace NodeAgent.UnitTests.Status;

public sealed class PodStatusColumnTests
{
    private static readonly PodBuilder Plain = PodBuilder.Named("web").Main("app").Main("log");
    private static readonly PodBuilder WithInits = PodBuilder.Named("web").Init("one").Sidecar("side").Main("app");

    public static TheoryData<string, string, string, string> Rows() => new()
    {
        { "plain", "nothing has run", "ContainerCreating", "0/2" },
        { "plain", "app=run log=run", "Running", "2/2" },
        { "plain", "app=run log=1", "Error", "1/2" },
        { "plain", "app=run log=backoff", "CrashLoopBackOff", "1/2" },
        { "plain", "app=run log=oom", "OOMKilled", "1/2" },
        { "plain", "app=0 log=0", "Completed", "0/2" },
        { "inits", "nothing has run", "Init:0/2", "0/2" },
        { "inits", "one=run", "Init:0/2", "0/2" },
        { "inits", "one=1", "Init:Error", "0/2" },
        { "inits", "one=backoff", "Init:CrashLoopBackOff", "0/2" },
        { "inits", "one=oom", "Init:OOMKilled", "0/2" },
        { "inits", "one=0", "Init:1/2", "0/2" },
        { "inits", "one=0 side=run", "PodInitializing", "1/2" },
        { "inits", "one=0 side=run app=run", "Running", "2/2" },
        { "inits", "one=0 side=run app=backoff", "CrashLoopBackOff", "1/2" },
    };

    [Theory]
    [MemberData(nameof(Rows))]
    public void Status_and_ready_are_printed_as_kubectl_prints_them(string kind, string @case, string status, string ready)
    {
        Pod pod = Shown(kind == "plain" ? Plain.Build() : WithInits.Build(), @case);
        Assert.Equal((status, ready), (PodStatusColumn.Status(pod), PodStatusColumn.Ready(pod)));
    }

    [Theory]
    [InlineData("True", "Running")]
    [InlineData("False", "NotReady")]
    public void A_pod_with_a_finished_and_a_running_container_shows_whether_it_is_ready(string ready, string expected)
    {
        Pod pod = Shown(PodBuilder.Named("web").Policy("Never").Main("app").Main("log").Build(), "app=0 log=run");
        PodStatus status = pod.Status! with { Conditions = [new PodCondition { Type = "Ready", Status = ready }] };
        Assert.Equal(expected, PodStatusColumn.Status(pod with { Status = status }));
    }

    [Theory]
    [InlineData(9, 137, "Signal:9")]
    [InlineData(null, 3, "ExitCode:3")]
    public void An_end_without_a_reason_shows_signal_or_code(int? signal, int code, string expected)
    {
        Pod pod = Shown(PodBuilder.Named("job").Policy("Never").Main("app").Build(), "app=1");
        ContainerStatus app = pod.Status!.ContainerStatuses![0];
        ContainerState state = new() { Terminated = new ContainerStateTerminated { ExitCode = code, Signal = signal } };
        Pod changed = pod with { Status = pod.Status with { ContainerStatuses = [app with { State = state }] } };
        Assert.Equal(expected, PodStatusColumn.Status(changed));

        Pod init = Shown(PodBuilder.Named("job").Policy("Never").Init("one").Main("app").Build(), "one=1");
        ContainerStatus one = init.Status!.InitContainerStatuses![0];
        Assert.Equal("Init:" + expected, PodStatusColumn.Status(init with { Status = init.Status with { InitContainerStatuses = [one with { State = state }] } }));
    }

    [Theory]
    [InlineData("Running", null, "Terminating")]
    [InlineData("Pending", null, "Terminating")]
    [InlineData("Failed", "Evicted", "Evicted")]
    [InlineData("Succeeded", null, "Succeeded")]
    public void A_deleted_pod_shows_Terminating_until_its_phase_is_terminal(string phase, string? reason, string expected)
    {
        Pod pod = Plain.Build();
        Pod deleted = pod with
        {
            Metadata = pod.Metadata! with { DeletionTimestamp = ObservedPod.Start },
            Status = new PodStatus { Phase = phase, Reason = reason },
        };
        Assert.Equal(expected, PodStatusColumn.Status(deleted));
    }

    [Fact]
    public void A_pod_without_a_status_is_unknown_with_nothing_ready()
    {
        Pod pod = Plain.Build();
        Assert.Equal(("Unknown", "0/2", "0"), (PodStatusColumn.Status(pod), PodStatusColumn.Ready(pod), PodStatusColumn.Restarts(pod, ObservedPod.Start)));
    }

    [Fact]
    public void Restarts_are_summed_with_the_time_since_the_last()
    {
        Pod pod = Plain.Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox().Exited("app", 1, 1, end: 50).Running("app", 2, at: 60).Exited("log", 1, 0, end: 100).Running("log", 1, at: 100);
        Pod shown = pod with { Status = StatusFor.At(101, pod, observed) };
        Assert.Equal("3 (5m ago)", PodStatusColumn.Restarts(shown, ObservedPod.At(400)));
    }

    [Fact]
    public void Restarts_of_init_containers_count_only_while_they_run_and_those_of_sidecars_always()
    {
        Pod pod = WithInits.Build();
        Pod initializing = pod with { Status = StatusFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("one", 4)) };
        Assert.Equal("4", PodStatusColumn.Restarts(initializing, ObservedPod.At(9)));
        ObservedPod later = new ObservedPod(pod).Sandbox().Exited("one", 0, 4).Running("side", 2).Running("app", 1);
        Assert.Equal("3", PodStatusColumn.Restarts(pod with { Status = StatusFor.At(2, pod, later) }, ObservedPod.At(9)));
    }

    [Fact]
    public void Age_counts_from_the_creation()
    {
        Pod pod = Plain.Build();
        Assert.Equal("<unknown>", PodStatusColumn.Age(pod, ObservedPod.Start));
        Pod aged = pod with { Metadata = pod.Metadata! with { CreationTimestamp = ObservedPod.Start } };
        Assert.Equal("3d4h", PodStatusColumn.Age(aged, ObservedPod.Start.AddHours(76.5)));
    }

    private static Pod Shown(Pod pod, string @case)
    {
        ObservedPod observed = new ObservedPod(pod).Sandbox();
        foreach (string part in @case.Split(' ').Where(p => p.Contains('=', StringComparison.Ordinal)))
        {
            string name = part[..part.IndexOf('=', StringComparison.Ordinal)];
            observed = part[(name.Length + 1)..] switch
            {
                "run" => observed.Running(name),
                "backoff" => observed.Exited(name, 1, 3, end: 1, delay: 40),
                "oom" => observed.Exited(name, 137, reason: "OOMKilled"),
                var code => observed.Exited(name, int.Parse(code, System.Globalization.CultureInfo.InvariantCulture)),
            };
        }

        return pod with { Status = StatusFor.At(2, pod, observed) };
    }
}
