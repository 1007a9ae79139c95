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
    /// How long to wait for a point of steady time; never negative. Whole milliseconds, rounded up: timers drop what is less, and who wakes too early would do
    /// nothing but wait again.
    /// </summary>
    public TimeSpan Until(DateTimeOffset at)
    {
        var wait = at - Now;
        return wait <= TimeSpan.Zero ? TimeSpan.Zero : wait < LongestWait ? TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)) : LongestWait;
    }
}
