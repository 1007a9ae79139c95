namespace NodeAgent.Pods;

/// <summary>
/// Steady time: the wall clock at the agent's start plus what the monotonic clock has counted since. Back-off and graces are counted in it, so a wall clock
/// that is set neither prolongs nor shortens them.
/// </summary>
public sealed class SteadyClock(TimeProvider time)
{
    /// <summary>A timer can wait some 49 days; whoever waits longer plans again after this.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly DateTimeOffset _start = time.GetUtcNow();
    private readonly long _stamp = time.GetTimestamp();

    public TimeProvider Time => time;

    public DateTimeOffset Now => _start + time.GetElapsedTime(_stamp);

    /// <summary>
    /// The moments on which work that comes often is gathered, wherever it is not urgent: one wake-up then serves many, and waking up is most of what little
    /// work costs.
    /// </summary>
    public static TimeSpan Moment { get; } = TimeSpan.FromMilliseconds(10);

    /// <summary>The first such moment that is not before this time.</summary>
    public static DateTimeOffset MomentFrom(DateTimeOffset at) => at.AddTicks((Moment.Ticks - at.UtcTicks % Moment.Ticks) % Moment.Ticks);

    /// <summary>Returns at the next moment after now.</summary>
    public Task NextMomentAsync(CancellationToken cancellationToken) => Task.Delay(Until(MomentFrom(Now.AddTicks(1))), Time, cancellationToken);

    /// <summary>
    /// How long to wait for a point of steady time; never negative. Whole milliseconds, rounded up: timers drop what is less, and who wakes too early would do
    /// nothing but wait again.
    /// </summary>
    public TimeSpan Until(DateTimeOffset at)
    {
        var wait = at - Now;
        return wait <= TimeSpan.Zero ? TimeSpan.Zero : wait < LongestWait ? TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)) : LongestWait;
    }
}
