using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Probing;
using NodeAgent.Testing.Builders;
using NodeAgent.UnitTests.Planning;
using Xunit;

namespace NodeAgent.UnitTests.Probing;

public sealed class DueProbeTests
{
    private static readonly Probe Any = new() { Exec = new ExecAction { Command = ["true"] } };

    private static readonly Container All = new() { Name = "app", Image = "i", StartupProbe = Any, LivenessProbe = Any, ReadinessProbe = Any };

    [Theory]
    [InlineData("a startup probe without a verdict holds the others back", null, null, "Startup")]
    [InlineData("a startup probe that has failed is over, and its container ends", false, null, "")]
    [InlineData("a startup probe that has passed is over, and the others begin", true, null, "Liveness Readiness")]
    [InlineData("a container that is found alive goes on being asked", true, true, "Liveness Readiness")]
    [InlineData("a container that is found dead is asked no more, but for its readiness", true, false, "Readiness")]
    public void Verdicts_decide_what_is_asked_next(string why, bool? startup, bool? liveness, string kinds) =>
        Assert.Equal((why, kinds), (why, Kinds(PodOf(All), PodStage.Syncing, new RunProbes(startup, liveness, null))));

    [Theory]
    [InlineData(PodStage.Syncing, "Liveness Readiness")]
    [InlineData(PodStage.Terminating, "Readiness")]
    [InlineData(PodStage.Finishing, "Readiness")]
    [InlineData(PodStage.Holding, "Readiness")]
    public void While_a_pod_is_ended_only_its_readiness_is_asked(PodStage stage, string kinds) =>
        Assert.Equal(kinds, Kinds(PodOf(All), stage, new RunProbes(true, null, null)));

    [Fact]
    public void A_pod_that_is_ended_before_it_has_started_is_not_asked_at_all() =>
        Assert.Equal("", Kinds(PodOf(All), PodStage.Terminating, RunProbes.None));

    [Fact]
    public void Without_a_startup_probe_the_others_begin_at_once() =>
        Assert.Equal("Liveness Readiness", Kinds(PodOf(All with { StartupProbe = null }), PodStage.Syncing, RunProbes.None));

    [Fact]
    public void Sidecars_are_asked_and_ordinary_init_containers_are_not()
    {
        Pod sidecar = PodOf(new Container { Name = "main", Image = "i" }, All with { RestartPolicy = RestartPolicy.Always });
        Assert.Equal("Startup", Kinds(sidecar, PodStage.Syncing, RunProbes.None));
        Pod ordinary = PodOf(new Container { Name = "main", Image = "i" }, All);
        Assert.Equal("", Kinds(ordinary, PodStage.Syncing, RunProbes.None));
    }

    [Fact]
    public void A_run_that_does_not_run_is_not_asked()
    {
        Pod pod = PodOf(All);
        Assert.Empty(Due(pod, new ObservedPod(pod).Sandbox().Exited("app", 1), PodStage.Syncing, RunProbes.None));
        Assert.Empty(Due(pod, new ObservedPod(pod).Sandbox().Created("app"), PodStage.Syncing, RunProbes.None));
        Assert.Empty(DueProbe.Of(PlanFor.Desire(pod), null, PodStage.Syncing, PlannerMemory.Empty, ProbeResults.None));
    }

    [Theory]
    [InlineData("the time of the record is believed between its creation and now", 7, 7)]
    [InlineData("a record of the future tells of a clock that was set: the run was first seen at 5", 3607, 5)]
    [InlineData("so does one from before it was made", -3600, 5)]
    public void The_initial_delay_counts_from_when_the_container_started(string why, double recorded, double expected)
    {
        Pod pod = PodOf(All);
        ObservedPod observed = new ObservedPod(pod).Sandbox().Running("app", at: 5).Last(run => run with { StartedAt = ObservedPod.At(recorded) });
        PlannerMemory memory = PlannerMemory.Empty with
        {
            PlannedAt = ObservedPod.At(10),
            Sightings = PlannerMemory.Empty.Sightings.Add(ObservedPod.Id("app", 0), new RunSighting(ObservedPod.At(5), null)),
        };
        DueProbe due = Assert.Single(DueProbe.Of(PlanFor.Desire(pod), observed.Build(), PodStage.Syncing, memory, ProbeResults.None));
        Assert.Equal((why, ObservedPod.At(expected)), (why, due.StartedAt));
    }

    private static string Kinds(Pod pod, PodStage stage, RunProbes said) =>
        string.Join(' ', Due(pod, new ObservedPod(pod).Sandbox().Running("app"), stage, said).Select(due => due.Kind));

    private static DueProbe[] Due(Pod pod, ObservedPod observed, PodStage stage, RunProbes said) =>
        [.. DueProbe.Of(PlanFor.Desire(pod), observed.Build(), stage, PlannerMemory.Empty, new ProbeResults(ProbeResults.None.Runs.SetItem(ObservedPod.Id("app", 0), said)))];

    private static Pod PodOf(Container main, Container? init = null) => new()
    {
        Metadata = new ObjectMeta { Name = "p", Namespace = "default", Uid = "u" },
        Spec = new PodSpec { Containers = [main], InitContainers = init is null ? null : [init] },
    };
}
