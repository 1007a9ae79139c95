using NodeAgent.Core.Model;

namespace NodeAgent.Core.Probing;

/// <summary>
/// What a probe's results have come to so far. The verdict moves when so many results in a row agree as the probe's threshold says:
///
/// | result           | equal results in a row, this one included | verdict   |
/// | Success, Warning | fewer than successThreshold               | as it was |
/// | Success, Warning | successThreshold or more                  | true      |
/// | Failure          | fewer than failureThreshold               | as it was |
/// | Failure          | failureThreshold or more                  | false     |
/// | Error            | not counted                               | as it was |
///
/// A startup probe is over with its first verdict. A liveness probe is over when it has failed: its container ends, and the next run has a probe of its own.
/// A readiness probe goes on as long as the container runs.
/// </summary>
/// <param name="Succeeding">Whether the last counted result was a success; null before the first.</param>
/// <param name="Run">How many results in a row agreed with it.</param>
/// <param name="Verdict">Null until there is one. A probe that goes on after a restart of the agent begins with the verdict that was kept.</param>
public readonly record struct ProbeProgress(bool? Succeeding, int Run, bool? Verdict)
{
    public static ProbeProgress From(bool? verdict) => new(null, 0, verdict);

    public ProbeProgress After(ProbeResult result, Probe probe)
    {
        if (result == ProbeResult.Error)
            return this;
        bool success = result is ProbeResult.Success or ProbeResult.Warning;
        int run = Succeeding == success ? Run + 1 : 1;
        int threshold = (success ? probe.SuccessThreshold ?? 1 : probe.FailureThreshold ?? 3);
        // No further than the threshold: a probe that agrees with itself for years must not overflow.
        return new ProbeProgress(success, Math.Min(run, threshold), run >= threshold ? success : Verdict);
    }

    public bool IsOver(ProbeKind kind) => kind switch
    {
        ProbeKind.Startup => Verdict is not null,
        ProbeKind.Liveness => Verdict == false,
        _ => false,
    };
}
