namespace NodeAgent.Pods;

/// <summary>When a loop has turned last. The watchdog and <c>/livez</c> read it; the loop writes it once a turn.</summary>
public sealed class LoopHeartbeat
{
    private readonly TimeProvider _time;
    private long _lastTurn;
    private long _turns;

    /// <param name="name">As <c>/livez</c> shows it.</param>
    /// <param name="limit">A loop that has not turned for longer than this hangs.</param>
    public LoopHeartbeat(string name, TimeSpan limit, TimeProvider time)
    {
        Name = name;
        Limit = limit;
        _time = time;
        _lastTurn = time.GetTimestamp();
    }

    public string Name { get; }
    public TimeSpan Limit { get; }
    public long Turns => Interlocked.Read(ref _turns);
    public TimeSpan SinceLastTurn => _time.GetElapsedTime(Interlocked.Read(ref _lastTurn));
    public bool IsAlive => SinceLastTurn <= Limit;

    internal void Turn()
    {
        Interlocked.Exchange(ref _lastTurn, _time.GetTimestamp());
        Interlocked.Increment(ref _turns);
    }
}
