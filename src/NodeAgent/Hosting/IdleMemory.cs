using NodeAgent.Linux;

namespace NodeAgent.Hosting;

/// <summary>
/// Gives memory back when the agent rests: what starting pods and answering requests took lies free in the collector's heap and in the C library's, and
/// neither returns it by itself while nothing happens.
/// <code>
///   resting --Touch--> busy --nothing for Quiet--> release (if enough was allocated since the last) --> resting
///                      busy --Touch--> busy, the quiet begins anew
/// </code>
/// Callers: the pods' changes and the API's requests touch, from any thread; the timer releases. A full collection of the agent's few megabytes takes some
/// milliseconds, which nobody waits for after a second of quiet.
/// </summary>
internal sealed class IdleMemory : IDisposable
{
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    /// <summary>Bytes; less is not worth a full collection: a probe or a scrape now and then does not cause one each time.</summary>
    public const long WorthReleasing = 1 << 20;

    private readonly Func<long> _allocated;
    private readonly Action _release;
    private readonly ITimer _timer;
    private long _allocatedAtRelease;

    public IdleMemory(TimeProvider time) : this(time, () => GC.GetTotalAllocatedBytes(), Release)
    {
    }

    /// <param name="allocated">Bytes allocated by the process so far, ever.</param>
    public IdleMemory(TimeProvider time, Func<long> allocated, Action release)
    {
        _allocated = allocated;
        _release = release;
        _timer = time.CreateTimer(static self => ((IdleMemory)self!).OnQuiet(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Something was done.</summary>
    public void Touch() => _timer.Change(Quiet, Timeout.InfiniteTimeSpan);

    public void Dispose() => _timer.Dispose();

    private void OnQuiet()
    {
        if (_allocated() - _allocatedAtRelease < WorthReleasing) return;
        _release();
        _allocatedAtRelease = _allocated();
    }

    private static void Release()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Malloc.Trim();
    }
}
