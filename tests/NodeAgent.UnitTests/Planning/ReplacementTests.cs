using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

/// <summary>Runs that live and must not: changed definitions, failed probes, strays. And the records that can go.</summary>
public sealed class ReplacementTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Build();

    [Fact]
    public void A_container_whose_image_changed_is_killed_and_started_again_even_under_Never()
    {
        Pod changed = PodBuilder.Named("web").Policy("Never").Main("app", c => c with { Image = "localhost/app:2" }).Build();
        PodPlan kill = PlanFor.At(2, changed, new ObservedPod(Web).Sandbox().Running("app"));
        Assert.Equal("kill app-0 DefinitionChanged 30s", kill.Text());
        PodPlan start = PlanFor.At(3, changed, new ObservedPod(Web).Sandbox().Exited("app", 143, end: 3), kill.Memory);
        Assert.Equal("start app#1 DefinitionChanged", start.Text());
    }

    [Fact]
    public void Changed_resources_alone_do_not_replace_a_running_container()
    {
        Pod resized = PodBuilder.Named("web").Main("app", c => c with
        {
            Resources = new ResourceRequirements { Limits = new Dictionary<string, Quantity> { ["cpu"] = Quantity.FromMilli(500) } },
        }).Build();
        Assert.Equal("resize pod 500m/-; resize app-0 500m/-", PlanFor.At(2, resized, new ObservedPod(Web).Sandbox().Running("app")).Text());
    }

    [Theory]
    [InlineData("Always", null, "30s")]
    [InlineData("OnFailure", 7, "7s")]
    [InlineData("Never", 1, "2s")]
    public void A_failed_liveness_probe_kills_with_the_probes_grace(string policy, int? grace, string expected)
    {
        Pod pod = PodBuilder.Named("web").Policy(policy).Main("app", c => c.WithLivenessProbe(grace)).Build();
        ProbeResults failed = new(ProbeResults.None.Runs.Add(ObservedPod.Id("app", 0), new RunProbes(null, false, null)));
        PodPlan kill = PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Running("app"), probes: failed);
        Assert.Equal($"kill app-0 LivenessProbe {expected}", kill.Text());

        // It takes the signal and exits with 0: a policy of OnFailure restarts it all the same, because it was killed for a failure.
        PodPlan after = PlanFor.At(3, pod, new ObservedPod(pod).Sandbox().Exited("app", 0, end: 3), kill.Memory);
        Assert.Equal(
            policy switch { "Always" => "start app#1 RestartPolicyAlways", "OnFailure" => "start app#1 ProbeFailed", _ => "stop sandbox 0 PodFinished" },
            after.Text());
    }

    [Fact]
    public void A_running_container_that_the_manifest_does_not_have_is_killed_and_its_record_removed()
    {
        Assert.Equal("kill ghost-0 NotInManifest 30s", PlanFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app").Running("ghost")).Text());
        Assert.Equal("remove ghost-0 NotInManifest", PlanFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app").Exited("ghost", 0)).Text());
    }

    [Fact]
    public void Of_two_live_runs_of_one_container_the_older_is_killed() =>
        Assert.Equal("kill app-0 Superseded 30s", PlanFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app", 0).Running("app", 1)).Text());

    [Fact]
    public void Of_each_container_only_the_newest_dead_run_is_kept()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, 0).Exited("app", 1, 1).Exited("app", 1, 2).Running("app", 3);
        PodPlan plan = PlanFor.At(2, Web, observed);
        Assert.Equal("remove app-1 Superseded; remove app-0 Superseded", plan.Text());
        PlannerMemory memory = plan.Memory.Failed(plan.Actions[0], StepFailureReason.RemoveError, "EBUSY", ObservedPod.At(2), PlannerSettings.Default);
        Assert.Equal("remove app-0 Superseded", PlanFor.At(3, Web, observed, memory).Text());
    }

    [Fact]
    public void The_restart_count_goes_on_when_all_records_are_lost()
    {
        PlannerMemory memory = PlanFor.At(2, Web, new ObservedPod(Web).Sandbox().Running("app", 6)).Memory;
        Assert.Equal("create sandbox 0 FirstSandbox; start app#7 FirstRun", PlanFor.At(3, Web, null, memory).Text());
    }
}
