using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>
/// The restart back-off of one container, carried in the records of its runs so that it survives the agent.
///
/// A run's <c>RestartDelay</c> is the time from its end to the next start. The first run carries 0: its restart is immediate.
///
/// | last run                                           | next start           | RestartDelay of the next run |
/// | none                                               | now                  | 0                            |
/// | recorded, never started                            | now                  | as recorded                  |
/// | made from another image or other resources         | now                  | 0: back-off starts afresh    |
/// | lived longer than 600 s, counted from its creation | now                  | initial (10 s)               |
/// | RestartDelay 0                                     | now                  | initial (10 s)               |
/// | RestartDelay d                                     | its end + d          | min(2 d, maximum)            |
///
/// The initial delay is min(10 s, maximum); the maximum is 300 s unless configured, and no recorded delay counts for more than it. No jitter.
/// </summary>
/// <param name="NotBefore">Steady time of the earliest start; null when it may start at once.</param>
/// <param name="Delay">The delay that leads to <paramref name="NotBefore"/>.</param>
/// <param name="NextDelay">RestartDelay of the run that is started then.</param>
public readonly record struct RestartBackoff(DateTimeOffset? NotBefore, TimeSpan Delay, TimeSpan NextDelay)
{
    public static RestartBackoff Of(ContainerRun? last, ContainerHash wanted, RunSighting? sighting, PlannerSettings settings)
    {
        if (last is null || !ContainerHash.Parse(last.Hash).SameBackoffKey(wanted))
            return default;
        if (!PodView.HasEnded(last) || sighting?.Ended is not { } ended)
            return new RestartBackoff(null, TimeSpan.Zero, last.RestartDelay);

        TimeSpan maximum = settings.MaxContainerRestartPeriod;
        TimeSpan initial = Min(settings.InitialContainerRestartPeriod, maximum);
        if (last.RestartDelay <= TimeSpan.Zero || ended - sighting.Began > settings.RestartBackoffForgottenAfter)
            return new RestartBackoff(null, TimeSpan.Zero, initial);

        TimeSpan delay = Min(last.RestartDelay, maximum);
        return new RestartBackoff(ended + delay, delay, Min(2 * delay, maximum));
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
