using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

/// <summary>Every cell of restart policy × how a container ended × which kind it is, and the same cells once the pod is deleted.</summary>
public sealed class RestartTableTests
{
    // The end of the run, then what is planned under Always, OnFailure, Never.
    private static readonly (string End, string Always, string OnFailure, string Never)[] Main =
    [
        ("exits with 0", "start app#1 RestartPolicyAlways", "stop sandbox 0 PodFinished", "stop sandbox 0 PodFinished"),
        ("exits with 3", "start app#1 RestartPolicyAlways", "start app#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("dies by signal 9", "start app#1 RestartPolicyAlways", "start app#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("is killed for memory", "start app#1 RestartPolicyAlways", "start app#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("fails to start", "start app#1 RestartPolicyAlways", "start app#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("is lost without an exit record", "kill app-0 StateUnknown 30s; start app#1 StateUnknown",
            "kill app-0 StateUnknown 30s; start app#1 StateUnknown", "kill app-0 StateUnknown 30s; start app#1 StateUnknown"),
    ];

    private static readonly (string End, string Always, string OnFailure, string Never)[] Init =
    [
        ("exits with 0", "start app#0 FirstRun", "start app#0 FirstRun", "start app#0 FirstRun"),
        ("exits with 3", "start init#1 RestartPolicyAlways", "start init#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("dies by signal 9", "start init#1 RestartPolicyAlways", "start init#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("is killed for memory", "start init#1 RestartPolicyAlways", "start init#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("fails to start", "start init#1 RestartPolicyAlways", "start init#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
        ("is lost without an exit record", "kill init-0 StateUnknown 30s; start init#1 RestartPolicyAlways",
            "kill init-0 StateUnknown 30s; start init#1 RestartPolicyOnFailure", "stop sandbox 0 PodFinished"),
    ];

    private static readonly (string End, string Always, string OnFailure, string Never)[] Sidecar =
    [
        ("exits with 0", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways"),
        ("exits with 3", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways"),
        ("dies by signal 9", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways"),
        ("is killed for memory", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways"),
        ("fails to start", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways", "start side#1 RestartPolicyAlways"),
        ("is lost without an exit record", "kill side-0 StateUnknown 30s; start side#1 RestartPolicyAlways",
            "kill side-0 StateUnknown 30s; start side#1 RestartPolicyAlways", "kill side-0 StateUnknown 30s; start side#1 RestartPolicyAlways"),
    ];

    public static TheoryData<string, string> Cells()
    {
        TheoryData<string, string> cells = [];
        foreach ((string kind, var rows) in new[] { ("main container", Main), ("init container", Init), ("sidecar", Sidecar) })
        {
            foreach ((string end, string always, string onFailure, string never) in rows)
            {
                cells.Add($"a {kind} that {end} under Always", always);
                cells.Add($"a {kind} that {end} under OnFailure", onFailure);
                cells.Add($"a {kind} that {end} under Never", never);
            }
        }

        return cells;
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void A_container_that_ended_is_treated_as_its_policy_says(string @case, string expected)
    {
        (Pod pod, ObservedPod observed) = Arrange(@case);
        Assert.Equal(expected, PlanFor.At(2, pod, observed).Text());
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Nothing_is_started_in_a_pod_that_is_deleted(string @case, string expected)
    {
        Assert.NotEmpty(expected);
        (Pod pod, ObservedPod observed) = Arrange(@case);
        PodPlan plan = PlanFor.At(2, PlanFor.Deleted(pod, at: 2, grace: 30), observed);
        string kill = @case.StartsWith("a sidecar", StringComparison.Ordinal) ? "kill app-0 PodDeleted 30s; " : "";
        Assert.Equal(kill + "stop sandbox 0 PodDeleted; remove sandbox 0 PodDeleted", plan.Text());
        Assert.Equal(PodStage.Terminating, plan.Stage);
    }

    [Theory]
    [MemberData(nameof(Cells))]
    public void Planning_again_with_an_empty_memory_after_a_restart_of_the_agent_gives_the_same_plan(string @case, string expected)
    {
        (Pod pod, ObservedPod observed) = Arrange(@case);
        PodPlan before = PlanFor.At(2, pod, observed);
        Assert.Equal(expected, PlanFor.At(3, pod, observed).Text());
        Assert.Equal(expected, PlanFor.At(2, pod, observed, before.Memory).Text());
    }

    private static (Pod Pod, ObservedPod Observed) Arrange(string @case)
    {
        string policy = @case[(@case.LastIndexOf(' ') + 1)..];
        string end = @case[(@case.IndexOf(" that ", StringComparison.Ordinal) + 6)..@case.IndexOf(" under ", StringComparison.Ordinal)];
        PodBuilder builder = PodBuilder.Named("web").Policy(policy);
        if (@case.StartsWith("a main", StringComparison.Ordinal))
        {
            Pod pod = builder.Main("app").Build();
            return (pod, End(new ObservedPod(pod).Sandbox(), "app", end));
        }

        if (@case.StartsWith("a init", StringComparison.Ordinal))
        {
            Pod pod = builder.Init("init").Main("app").Build();
            return (pod, End(new ObservedPod(pod).Sandbox(), "init", end));
        }

        Pod withSidecar = builder.Sidecar("side").Main("app").Build();
        return (withSidecar, End(new ObservedPod(withSidecar).Sandbox().Running("app"), "side", end));
    }

    private static ObservedPod End(ObservedPod observed, string name, string end) => end switch
    {
        "exits with 0" => observed.Exited(name, 0),
        "exits with 3" => observed.Exited(name, 3),
        "dies by signal 9" => observed.Exited(name, 137),
        "is killed for memory" => observed.Exited(name, 137, reason: "OOMKilled"),
        "fails to start" => observed.Exited(name, 128, reason: "StartError").Last(run => run with { StartedAt = null, Signal = 0 }),
        _ => observed.Unknown(name),
    };
}
