using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Planning;

public sealed class RestartBackoffTests
{
    private static readonly Pod Web = PodBuilder.Named("web").Main("app").Build();

    [Theory]
    // Position in the chain: delay in the record of the run that ended, then how long to wait, then the delay in the record of the next run.
    [InlineData("the first restart is immediate", 0, 0, 10)]
    [InlineData("the second restart waits 10 s", 10, 10, 20)]
    [InlineData("the third restart waits 20 s", 20, 20, 40)]
    [InlineData("the fourth restart waits 40 s", 40, 40, 80)]
    [InlineData("the fifth restart waits 80 s", 80, 80, 160)]
    [InlineData("the sixth restart waits 160 s", 160, 160, 300)]
    [InlineData("the seventh restart waits 300 s", 300, 300, 300)]
    [InlineData("a recorded delay above the maximum counts as the maximum", 900, 300, 300)]
    public void Delays_double_from_10_to_300_seconds(string @case, double recorded, double wait, double next)
    {
        Assert.NotEmpty(@case);
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 7, at: 100, end: 101, delay: recorded);
        if (wait > 0)
        {
            PodPlan early = PlanFor.At(101 + wait - 0.001, Web, observed);
            Assert.Empty(early.Actions);
            Assert.Equal(ObservedPod.At(101 + wait), early.WakeAt);
            ContainerWait waiting = Assert.Single(early.Waits);
            Assert.Equal(WaitingReason.CrashLoopBackOff, waiting.Reason);
            Assert.Equal(ObservedPod.At(101 + wait), waiting.Until);
            Assert.Equal(ObservedPod.Id("app", 7), waiting.Run);
        }

        StartContainer start = Assert.IsType<StartContainer>(Assert.Single(PlanFor.At(101 + wait, Web, observed).Actions));
        Assert.Equal(8, start.Attempt);
        Assert.Equal(TimeSpan.FromSeconds(next), start.RestartDelay);
    }

    [Theory]
    [InlineData("a run of exactly 600 s keeps its back-off", 600, 40, 80)]
    [InlineData("a run of more than 600 s clears it", 600.001, 0, 10)]
    public void A_long_run_clears_the_back_off(string @case, double lifetime, double wait, double next)
    {
        Assert.NotEmpty(@case);
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 4, at: 0, end: lifetime, delay: 40);
        PodPlan plan = PlanFor.At(lifetime + wait, Web, observed);
        Assert.Equal(TimeSpan.FromSeconds(next), Assert.IsType<StartContainer>(Assert.Single(plan.Actions)).RestartDelay);
        if (wait > 0)
            Assert.Empty(PlanFor.At(lifetime + wait - 0.001, Web, observed).Actions);
    }

    [Theory]
    [InlineData("the initial delay is never above the maximum", 1, 0, 0, 1)]
    [InlineData("a maximum of 1 s stays at 1 s", 1, 1, 1, 1)]
    [InlineData("a maximum of 15 s cuts the doubling", 15, 10, 10, 15)]
    [InlineData("a lower maximum than before the agent's restart holds at once", 15, 160, 15, 15)]
    public void The_maximum_is_a_setting(string @case, double maximum, double recorded, double wait, double next)
    {
        Assert.NotEmpty(@case);
        PlannerSettings settings = new() { MaxContainerRestartPeriod = TimeSpan.FromSeconds(maximum) };
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 4, at: 0, end: 1, delay: recorded);
        PodPlan plan = PlanFor.At(1 + wait, Web, observed, settings: settings);
        Assert.Equal(TimeSpan.FromSeconds(next), Assert.IsType<StartContainer>(Assert.Single(plan.Actions)).RestartDelay);
        if (wait > 0)
            Assert.Empty(PlanFor.At(1 + wait - 0.001, Web, observed, settings: settings).Actions);
    }

    [Fact]
    public void The_message_says_how_long_and_which_container()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 4, at: 0, end: 1, delay: 80);
        Assert.Equal(
            "back-off 1m20s restarting failed container=app pod=web_default(web-uid)", Assert.Single(PlanFor.At(2, Web, observed).Waits).Message);
    }

    [Fact]
    public void Changed_resources_start_the_back_off_afresh()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 4, at: 0, end: 1, delay: 80);
        Pod resized = PodBuilder.Named("web").Main("app", c => c with
        {
            Resources = new ResourceRequirements { Limits = new Dictionary<string, Quantity> { ["cpu"] = Quantity.FromMilli(500) } },
        }).Build();
        StartContainer start = Assert.Single(PlanFor.At(1, resized, observed).Actions.OfType<StartContainer>());
        Assert.Equal(TimeSpan.Zero, start.RestartDelay);
        Assert.Equal(5, start.Attempt);
    }

    [Theory]
    [InlineData("the clock jumps an hour ahead while the container runs", 3600)]
    [InlineData("the clock jumps an hour back while the container runs", -3600)]
    public void A_jump_of_the_wall_clock_neither_clears_nor_prolongs_the_back_off(string @case, double jump)
    {
        Assert.NotEmpty(@case);
        PlannerMemory memory = PlanFor.At(50, Web, new ObservedPod(Web).Sandbox().Running("app", attempt: 2, at: 40, delay: 20)).Memory;
        ObservedPod ended = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 2, at: 40, end: 60 + jump, delay: 20);

        PodPlan first = PlanFor.At(60, Web, ended, memory);
        Assert.Equal(ObservedPod.At(80), Assert.Single(first.Waits).Until);
        PodPlan later = PlanFor.At(79, Web, ended, first.Memory);
        Assert.Equal(ObservedPod.At(80), Assert.Single(later.Waits).Until);
        Assert.Equal(TimeSpan.FromSeconds(40), Assert.IsType<StartContainer>(Assert.Single(PlanFor.At(80, Web, ended, later.Memory).Actions)).RestartDelay);
    }

    [Fact]
    public void A_run_made_while_the_clock_was_wrong_is_not_taken_for_a_long_one()
    {
        PlannerMemory memory = PlanFor.At(10, Web, new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 1, at: 0, end: 10, delay: 10)).Memory;
        ObservedPod running = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 1, at: 0, end: 10, delay: 10).Running("app", attempt: 2, at: 20 - 3600, delay: 20);
        memory = PlanFor.At(20, Web, running, memory).Memory;
        ObservedPod ended = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 2, at: 20 - 3600, end: 25, delay: 20);
        Assert.Equal(ObservedPod.At(45), Assert.Single(PlanFor.At(25, Web, ended, memory).Waits).Until);
    }

    [Fact]
    public void Back_off_goes_on_after_a_restart_of_the_agent_because_the_record_carries_it()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 5, at: 0, end: 5, delay: 160);
        Assert.Equal(ObservedPod.At(165), PlanFor.At(100, Web, observed, PlannerMemory.Empty).WakeAt);
    }

    [Fact]
    public void A_run_that_was_recorded_but_never_started_is_carried_on_at_once_with_its_number()
    {
        ObservedPod observed = new ObservedPod(Web).Sandbox().Exited("app", 1, attempt: 2, at: 0, end: 5, delay: 20).Created("app", attempt: 3, at: 25);
        PodPlan plan = PlanFor.At(26, Web, observed);
        Assert.Equal("start app#3 RunNotStarted", plan.Text());
    }
}
