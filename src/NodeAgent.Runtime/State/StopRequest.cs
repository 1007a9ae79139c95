namespace NodeAgent.Runtime.State;

/// <summary>
/// The wait between a stop signal and SIGKILL: one for each run, whoever asks and however often. A later, shorter grace moves the deadline nearer; it never
/// moves away.
/// </summary>
internal sealed class StopRequest : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long _start;
    private TimeSpan _grace;
    private int _signalTaken;

    /// <param name="kill">Called once when the grace is over, on a pool thread.</param>
    public StopRequest(TimeProvider time, int signal, TimeSpan grace, Action kill)
    {
        Signal = signal;
        _time = time;
        _grace = grace;
        _start = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((Action)state!)(), kill, Due(grace), Timeout.InfiniteTimeSpan);
    }

    /// <summary>What the process is asked with; sent after its start if it has not begun yet.</summary>
    public int Signal { get; }

    /// <summary>True for the one caller that is to send the signal: a second one makes some programs give up their orderly end.</summary>
    public bool TakeSignal() => Interlocked.Exchange(ref _signalTaken, 1) == 0;

    public void Shorten(TimeSpan grace)
    {
        lock (_lock)
        {
            TimeSpan asked = _time.GetElapsedTime(_start) + grace;
            if (asked >= _grace) return;
            _grace = asked;
            _timer.Change(Due(grace), Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => _timer.Dispose();

    private static TimeSpan Due(TimeSpan grace) => grace < TimeSpan.Zero ? TimeSpan.Zero : grace;
}
