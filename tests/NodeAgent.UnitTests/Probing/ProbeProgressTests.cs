using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;
using Xunit;

namespace NodeAgent.UnitTests.Probing;

public sealed class ProbeProgressTests
{
    /// <summary>S success, W warning, F failure, E error; the verdict after each: + true, - false, ? none.</summary>
    [Theory]
    [InlineData(1, 3, null, "S", "+")]
    [InlineData(1, 3, null, "FFF", "??-")]
    [InlineData(1, 3, null, "FFSFF", "??+++")]
    [InlineData(1, 3, null, "FFSFFF", "??+++-")]
    [InlineData(2, 1, null, "SFSS", "?--+")]
    [InlineData(3, 1, null, "SSFSSS", "??---+")]
    [InlineData(1, 2, null, "FEF", "??-")]
    [InlineData(2, 2, null, "SES", "??+")]
    [InlineData(1, 1, null, "EEE", "???")]
    [InlineData(2, 2, null, "WS", "?+")]
    [InlineData(1, 3, true, "FF", "++")]
    [InlineData(1, 3, true, "FFF", "++-")]
    [InlineData(2, 3, false, "SS", "-+")]
    [InlineData(1, 3, false, "FFFFFS", "-----+")]
    public void So_many_equal_results_in_a_row_as_the_threshold_says_move_the_verdict(int successes, int failures, bool? kept, string results, string verdicts)
    {
        Probe probe = new() { SuccessThreshold = successes, FailureThreshold = failures };
        var progress = ProbeProgress.From(kept);
        string seen = "";
        foreach (char result in results)
        {
            progress = progress.After(
                result switch { 'S' => ProbeResult.Success, 'W' => ProbeResult.Warning, 'F' => ProbeResult.Failure, _ => ProbeResult.Error }, probe);
            seen += progress.Verdict switch { true => '+', false => '-', null => '?' };
        }
        Assert.Equal(verdicts, seen);
    }

    [Theory]
    [InlineData(ProbeKind.Startup, null, false)]
    [InlineData(ProbeKind.Startup, true, true)]
    [InlineData(ProbeKind.Startup, false, true)]
    [InlineData(ProbeKind.Liveness, null, false)]
    [InlineData(ProbeKind.Liveness, true, false)]
    [InlineData(ProbeKind.Liveness, false, true)]
    [InlineData(ProbeKind.Readiness, null, false)]
    [InlineData(ProbeKind.Readiness, true, false)]
    [InlineData(ProbeKind.Readiness, false, false)]
    public void A_startup_probe_ends_with_its_verdict_a_liveness_probe_with_a_failure_a_readiness_probe_never(ProbeKind kind, bool? verdict, bool over) =>
        Assert.Equal(over, ProbeProgress.From(verdict).IsOver(kind));

    [Fact]
    public void Without_thresholds_one_success_and_three_failures_are_enough()
    {
        ProbeProgress failing = ProbeProgress.From(null).After(ProbeResult.Failure, new Probe()).After(ProbeResult.Failure, new Probe());
        Assert.Null(failing.Verdict);
        Assert.False(failing.After(ProbeResult.Failure, new Probe()).Verdict);
        Assert.True(ProbeProgress.From(null).After(ProbeResult.Success, new Probe()).Verdict);
    }
}
