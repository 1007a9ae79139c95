using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

public sealed class InitContainerTests
{
    private static readonly Pod Mixed = PodBuilder.Named("web").Init("one").Sidecar("side").Init("two").Main("app").Main("log").Build();

    public static TheoryData<string, string> Progress() => new()
    {
        { "nothing has run", "start one#0 FirstRun" },
        { "one runs", "" },
        { "one is done", "start side#0 FirstRun" },
        { "one is done, side is recorded", "start side#0 RunNotStarted" },
        { "one is done, side runs", "start two#0 FirstRun" },
        { "one is done, side has exited", "start side#1 RestartPolicyAlways" },
        { "one is done, side runs, two runs", "" },
        { "one is done, side has exited, two runs", "start side#1 RestartPolicyAlways" },
        { "one is done, side runs, two has failed", "start two#1 RestartPolicyAlways" },
        { "one is done, side has exited, two has failed", "start side#1 RestartPolicyAlways; start two#1 RestartPolicyAlways" },
        { "one is done, side runs, two is done", "start app#0 FirstRun; start log#0 FirstRun" },
        { "one is done, side has exited, two is done", "start side#1 RestartPolicyAlways; start app#0 FirstRun; start log#0 FirstRun" },
        { "one is done, side runs, two is done, app runs", "start log#0 FirstRun" },
        { "side runs, app runs, log runs", "" },
        { "side has exited, app runs, log runs", "start side#1 RestartPolicyAlways" },
        { "app runs, log runs", "start side#0 FirstRun" },
    };

    [Theory]
    [MemberData(nameof(Progress))]
    public void Init_containers_run_in_order_and_sidecars_stay(string @case, string expected) =>
        Assert.Equal(expected, PlanFor.At(2, Mixed, Arrange(Mixed, @case)).Text());

    [Theory]
    [InlineData(null, "")]
    [InlineData(true, "start app#0 FirstRun")]
    [InlineData(false, "kill side-0 StartupProbe 30s")]
    public void A_sidecar_releases_the_next_when_its_startup_probe_has_passed(bool? startup, string expected)
    {
        Pod pod = PodBuilder.Named("web").Sidecar("side", c => c.WithStartupProbe()).Main("app").Build();
        ProbeResults probes = new(ProbeResults.None.Runs.Add(ObservedPod.Id("side", 0), new RunProbes(startup, null, null)));
        Assert.Equal(expected, PlanFor.At(2, pod, Arrange(pod, "side runs"), probes: probes).Text());
    }

    [Theory]
    [InlineData("Always", null, "start one#1 RestartPolicyAlways")]
    [InlineData("OnFailure", null, "start one#1 RestartPolicyOnFailure")]
    [InlineData("Never", null, "stop sandbox 0 PodFinished")]
    [InlineData("Always", "Never", "stop sandbox 0 PodFinished")]
    [InlineData("Never", "OnFailure", "start one#1 RestartPolicyOnFailure")]
    public void A_failed_init_container_follows_its_own_policy_before_the_pods(string policy, string? own, string expected)
    {
        Pod pod = PodBuilder.Named("web").Policy(policy).Init("one", c => c with { RestartPolicy = own }).Main("app").Build();
        PodPlan plan = PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("one", 5));
        Assert.Equal(expected, plan.Text());
        Assert.Equal(expected.StartsWith("stop", StringComparison.Ordinal), plan.Memory.Finished);
    }

    [Fact]
    public void A_failed_init_container_waits_its_back_off()
    {
        Pod pod = PodBuilder.Named("web").Init("one").Main("app").Build();
        PodPlan plan = PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("one", 5, attempt: 2, delay: 20));
        Assert.Empty(plan.Actions);
        Assert.Equal("one CrashLoopBackOff; app PodInitializing", plan.WaitText());
        Assert.Equal(ObservedPod.At(21), plan.WakeAt);
    }

    [Fact]
    public void An_init_container_that_failed_for_good_ends_the_sidecars_before_it()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Sidecar("side").Init("one").Main("app").Build();
        PodPlan plan = PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("side").Exited("one", 5));
        Assert.Equal("kill side-0 InitContainerFailed 30s; stop sandbox 0 PodFinished", plan.Text());
    }

    [Fact]
    public void When_the_main_containers_are_done_the_sidecars_end_in_reverse_order()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Sidecar("first").Sidecar("second").Main("app").Build();
        ObservedPod observed = new ObservedPod(pod).Sandbox().Running("first").Running("second").Exited("app", 0);
        PodPlan plan = PlanFor.At(2, pod, observed);
        Assert.Equal("kill second-0 PodFinished 30s", plan.Text());
        ObservedPod then = new ObservedPod(pod).Sandbox().Running("first").Exited("second", 143, at: 0, end: 12).Exited("app", 0);
        Assert.Equal("kill first-0 PodFinished 20s; stop sandbox 0 PodFinished", PlanFor.At(12, pod, then, plan.Memory).Text());
    }

    [Fact]
    public void A_sidecar_is_not_started_again_while_the_pod_ends()
    {
        Pod pod = PodBuilder.Named("job").Policy("Never").Sidecar("side").Main("app").Build();
        Assert.Equal("stop sandbox 0 PodFinished", PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("side", 1).Exited("app", 0)).Text());
    }

    [Fact]
    public void An_ephemeral_container_starts_in_a_running_pod_and_never_again()
    {
        Pod pod = PodBuilder.Named("web").Main("app").Ephemeral("debug").Build();
        Assert.Equal("start debug#0 FirstRun", PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("app")).Text());
        Assert.Empty(PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("app").Exited("debug", 1)).Actions);
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
                "has failed" or "has exited" => observed.Exited(name, 1),
                "is recorded" => observed.Created(name),
                _ => observed,
            };
        }

        return observed;
    }
}
