using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

/// <summary>What is done, in which order, when a running pod has been given other resources.</summary>
public sealed class ResizeTests
{
    [Theory]
    [InlineData("growing: the pod first", "1/64Mi", "2/64Mi", "resize pod 2/64Mi; resize app-0 2/64Mi")]
    [InlineData("shrinking: the pod last", "2/64Mi", "1/64Mi", "resize app-0 1/64Mi; resize pod 1/64Mi")]
    [InlineData("both: the pod by way of the larger values", "1/64Mi", "2/32Mi", "resize pod 2/64Mi; resize app-0 2/32Mi; resize pod 2/32Mi")]
    [InlineData("a limit that comes narrows last", "1/-", "1/64Mi", "resize app-0 1/64Mi; resize pod 1/64Mi")]
    [InlineData("a limit that goes widens first", "1/64Mi", "1/-", "resize pod 1/-; resize app-0 1/-")]
    [InlineData("the same in another notation: nothing", "1/64Mi", "1000m/65536Ki", "")]
    public void The_pods_bound_is_never_the_narrower_one(string what, string before, string after, string plan)
    {
        PodPlan made = PlanFor.At(2, Web(after), new ObservedPod(Web(before)).Sandbox().Running("app").Running("log"));
        Assert.True(made.Text() == plan, $"{what}: {made.Text()}");
        Assert.Equal(plan.Length > 0, made.Resizing);
    }

    [Fact]
    public void A_container_that_restarts_for_its_memory_is_killed_alone_and_started_with_it()
    {
        Pod before = Web("1/64Mi", policy: "RestartContainer"), after = Web("1/32Mi", policy: "RestartContainer");
        PodPlan kill = PlanFor.At(2, after, new ObservedPod(before).Sandbox().Running("app").Running("log"));
        Assert.Equal("kill app-0 Resized 30s", kill.Text());

        PodPlan start = PlanFor.At(3, after, new ObservedPod(before).Sandbox().Running("log").Exited("app", 0, end: 3), kill.Memory);
        Assert.Equal("resize pod 1/32Mi; start app#1 Resized", start.Text());
    }

    [Fact]
    public void A_policy_for_memory_says_nothing_of_cpu() =>
        Assert.Equal(
            "resize pod 2/64Mi; resize app-0 2/64Mi",
            PlanFor.At(2, Web("2/64Mi", policy: "RestartContainer"), new ObservedPod(Web("1/64Mi", policy: "RestartContainer")).Sandbox().Running("app").Running("log")).Text());

    [Fact]
    public void Growing_memory_by_restart_widens_the_pod_before_the_container_ends() =>
        Assert.Equal(
            "resize pod 1/128Mi; kill app-0 Resized 30s",
            PlanFor.At(2, Web("1/128Mi", policy: "RestartContainer"), new ObservedPod(Web("1/64Mi", policy: "RestartContainer")).Sandbox().Running("app").Running("log")).Text());

    [Fact]
    public void A_container_that_waits_for_its_restart_needs_nothing_but_the_pod()
    {
        ObservedPod observed = new ObservedPod(Web("1/64Mi")).Sandbox().Running("log").Exited("app", 1, 1, delay: 40);
        Pod after = Web("1/128Mi");
        Assert.Equal("resize pod 1/128Mi; start app#2 RestartPolicyAlways", PlanFor.At(2, after, observed).Text());
    }

    [Fact]
    public void A_sidecar_is_resized_and_an_ordinary_init_container_is_not()
    {
        Pod Make(string side) => PodBuilder.Named("web").Init("init", c => c.Limited("1", "16Mi")).Sidecar("side", c => c.Limited(side, "16Mi")).Main("app", c => c.Limited("1", "16Mi")).Build();
        ObservedPod observed = new ObservedPod(Make("1")).Sandbox().Exited("init", 0).Running("side").Running("app");
        Assert.Equal("resize pod 1/16Mi; resize side-0 2/16Mi", PlanFor.At(2, Make("2"), observed).Text());
        Assert.Equal("", PlanFor.At(2, Make("1"), observed.Last(run => run)).Text());
    }

    [Fact]
    public void What_the_pod_has_as_a_whole_is_resized_without_its_containers()
    {
        Pod Make(string memory) => PodBuilder.Named("web").Main("app")
            .With(spec => spec with { Resources = new ResourceRequirements { Limits = new Dictionary<string, Quantity> { ["memory"] = Quantity.Parse(memory) } } }).Build();
        PodPlan plan = PlanFor.At(2, Make("1Gi"), new ObservedPod(Make("2Gi")).Sandbox().Running("app"));
        var resize = Assert.IsType<ResizeSandbox>(Assert.Single(plan.Actions));
        Assert.Equal(Quantity.Parse("1Gi"), resize.Pod.Spec!.Resources!.Limits!["memory"]);
    }

    [Fact]
    public void A_step_that_failed_is_tried_again_later_and_holds_the_pods_own_narrowing_back()
    {
        Pod before = Web("2/64Mi"), after = Web("1/32Mi");
        ObservedPod observed = new ObservedPod(before).Sandbox().Running("app").Running("log");
        PodPlan plan = PlanFor.At(2, after, observed);
        PlannerMemory memory = plan.Memory.Failed(plan.Actions[0], StepFailureReason.ResizeError, "below what is used", ObservedPod.At(2), PlannerSettings.Default);

        PodPlan wait = PlanFor.At(3, after, observed, memory);
        Assert.Equal(("", true, ObservedPod.At(12)), (wait.Text(), wait.Resizing, wait.WakeAt));
        Assert.Equal("below what is used", wait.Memory.ResizeError);
        PodPlan again = PlanFor.At(12, after, observed, wait.Memory);
        Assert.Equal("resize app-0 1/32Mi; resize pod 1/32Mi", again.Text());
        Assert.Equal("below what is used", again.Memory.ResizeError);
        Assert.Null(PlanFor.At(13, before, observed, again.Memory).Memory.ResizeError);
    }

    [Fact]
    public void A_pod_that_is_over_or_deleted_is_not_resized()
    {
        Pod before = Web("1/64Mi"), after = Web("2/64Mi");
        ObservedPod observed = new ObservedPod(before).Sandbox().Running("app").Running("log");
        Assert.DoesNotContain("resize", PlanFor.At(2, PlanFor.Deleted(after, 1, 30), observed).Text(), StringComparison.Ordinal);
        PodDesire evicted = PlanFor.Desire(after) with { Verdict = new PodVerdict("Evicted", "", ObservedPod.Start) };
        Assert.DoesNotContain("resize", PlanFor.At(2, evicted, observed).Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void The_status_tells_what_is_in_force_what_was_given_and_what_is_wanted()
    {
        Pod before = Web("1/64Mi"), given = Web("2/64Mi"), wanted = Web("9/64Mi");
        ObservedPod observed = new ObservedPod(before).Sandbox().Running("app").Running("log");
        PodDesire desire = PlanFor.Desire(given) with { Resize = new PodResize(wanted, ResizePending.Deferred, "no room", ObservedPod.Start) };
        PodPlan plan = PlanFor.At(2, desire, observed);
        PodStatus status = PodStatusBuilder.Build(desire, observed.Build(), plan, ProbeResults.None, null, [], ObservedPod.At(2));

        ContainerStatus app = status.ContainerStatuses![0];
        Assert.Equal("1", app.Resources!.Limits!["cpu"].ToString());
        Assert.Equal("2", app.AllocatedResources!["cpu"].ToString());
        Assert.Equal(["PodResizePending True Deferred no room", "PodResizeInProgress True  "], Resizes(status));

        PodPlan failed = plan with { Memory = plan.Memory with { ResizeError = "below what is used" } };
        PodStatus after = PodStatusBuilder.Build(PlanFor.Desire(given), observed.Build(), failed, ProbeResults.None, status, [], ObservedPod.At(2));
        Assert.Equal(["PodResizeInProgress True Error below what is used"], Resizes(after));

        static IEnumerable<string> Resizes(PodStatus status) =>
            status.Conditions!.Where(c => c.Type.StartsWith("PodResize", StringComparison.Ordinal)).Select(c => $"{c.Type} {c.Status} {c.Reason} {c.Message}");
    }

    /// <param name="app">Limits of cpu and memory of the first container; the second has none, so the pod is never Guaranteed.</param>
    private static Pod Web(string app, string? policy = null)
    {
        string[] parts = app.Split('/');
        return PodBuilder.Named("web").Main("app", c => c.Limited(parts[0], parts[1], policy)).Main("log").Build();
    }
}
