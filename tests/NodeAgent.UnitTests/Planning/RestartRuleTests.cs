using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

public sealed class RestartRuleTests
{
    [Theory]
    [InlineData("its own policy Never beats the pod's Always", "Always", "Never", null, 1, "stop sandbox 0 PodFinished")]
    [InlineData("its own policy Always beats the pod's Never", "Never", "Always", null, 0, "start app#1 RestartPolicyAlways")]
    [InlineData("its own policy OnFailure leaves a success done", "Always", "OnFailure", null, 0, "stop sandbox 0 PodFinished")]
    [InlineData("a rule In that names the code restarts", "Never", "Never", "Restart In 42", 42, "start app#1 RestartRule")]
    [InlineData("a rule In that does not name it leaves it to the policy", "Never", "Never", "Restart In 42", 43, "stop sandbox 0 PodFinished")]
    [InlineData("a rule NotIn restarts on the others", "Never", "Never", "Restart NotIn 0", 7, "start app#1 RestartRule")]
    [InlineData("a rule NotIn leaves the named code to the policy", "Never", "Never", "Restart NotIn 0", 0, "stop sandbox 0 PodFinished")]
    [InlineData("a rule can restart a success", "Never", "Never", "Restart In 0", 0, "start app#1 RestartRule")]
    [InlineData("a rule sees a death by signal as 128 and the signal", "Never", "Never", "Restart In 137", 137, "start app#1 RestartRule")]
    public void A_container_may_have_its_own_policy_and_rules(string @case, string podPolicy, string own, string? rule, int exitCode, string expected)
    {
        Assert.NotEmpty(@case);
        Pod pod = PodBuilder.Named("web").Policy(podPolicy).Main("app", c => WithRule(c.OwnPolicy(own), rule)).Build();
        Assert.Equal(expected, PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("app", exitCode)).Text());
    }

    [Fact]
    public void The_first_rule_that_matches_decides()
    {
        Pod pod = PodBuilder.Named("web").Policy("Never").Main("app", c => c.Rule("Nothing", "In", 3).Rule("Restart", "In", 3, 4)).Build();
        Assert.Equal("stop sandbox 0 PodFinished", PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("app", 3)).Text());
        Assert.Equal("start app#1 RestartRule", PlanFor.At(2, pod, new ObservedPod(pod).Sandbox().Exited("app", 4)).Text());
    }

    [Fact]
    public void Restart_all_containers_ends_everything_and_begins_again_with_the_init_containers_in_the_same_sandbox()
    {
        Pod pod = PodBuilder.Named("web").Policy("Never").Init("setup").Sidecar("side")
            .Main("app", c => c.Rule("RestartAllContainers", "In", 88)).Main("log").Build();
        ObservedPod exited = new ObservedPod(pod).Sandbox().Exited("setup", 0).Running("side").Exited("app", 88, end: 5).Running("log");
        PodPlan first = PlanFor.At(5, pod, exited);
        Assert.Equal("kill log-0 RestartAllContainers 30s", first.Text());

        ObservedPod second = new ObservedPod(pod).Sandbox().Exited("setup", 0).Running("side").Exited("app", 88, end: 5).Exited("log", 143, end: 6);
        Assert.Equal("kill side-0 RestartAllContainers 30s", PlanFor.At(6, pod, second, first.Memory).Text());

        ObservedPod dead = new ObservedPod(pod).Sandbox().Exited("setup", 0).Exited("side", 143, end: 7).Exited("app", 88, end: 5).Exited("log", 143, end: 6);
        PodPlan again = PlanFor.At(7, pod, dead);
        Assert.Equal("start setup#1 RestartAllContainers", again.Text());
        string round1 = Assert.IsType<StartContainer>(again.Actions[0]).Hash;
        Assert.Equal(1, ContainerHash.Parse(round1).Round);

        ObservedPod set = dead.Exited("setup", 0, attempt: 1, at: 7, end: 8).Last(run => run with { Hash = round1 });
        Assert.StartsWith("start side#1 RestartAllContainers", PlanFor.At(8, pod, set).Text(), StringComparison.Ordinal);
        ObservedPod sided = set.Running("side", attempt: 1, at: 8).Last(run => run with { Hash = WithRound(run.Hash, 1) });
        Assert.StartsWith(
            "start app#1 RestartAllContainers; start log#1 RestartAllContainers", PlanFor.At(9, pod, sided).Text(), StringComparison.Ordinal);

        ObservedPod half = sided.Running("app", attempt: 1, at: 9).Last(run => run with { Hash = WithRound(run.Hash, 1) });
        Assert.StartsWith("start log#1 RestartAllContainers", PlanFor.At(9, pod, half).Text(), StringComparison.Ordinal);
    }

    [Fact]
    public void Restart_all_containers_obeys_the_back_off_of_each_container()
    {
        Pod pod = PodBuilder.Named("web").Policy("Never").Main("app", c => c.Rule("RestartAllContainers", "In", 88)).Build();
        ObservedPod second = new ObservedPod(pod).Sandbox().Exited("app", 88, attempt: 1, at: 10, end: 11, delay: 10).Last(run => run with { Hash = WithRound(run.Hash, 1) });
        PodPlan plan = PlanFor.At(12, pod, second);
        Assert.Equal("app CrashLoopBackOff", plan.WaitText());
        Assert.Equal("start app#2 RestartAllContainers", PlanFor.At(21, pod, second).Text());
    }

    private static Container WithRule(Container container, string? rule)
    {
        if (rule is null)
            return container;
        string[] words = rule.Split(' ');
        return container.Rule(words[0], words[1], int.Parse(words[2], System.Globalization.CultureInfo.InvariantCulture));
    }

    private static string WithRound(string hash, int round) => (ContainerHash.Parse(hash) with { Round = round }).ToString();
}
