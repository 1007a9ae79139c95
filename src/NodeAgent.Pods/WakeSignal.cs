using System.Threading.Channels;

namespace NodeAgent.Pods;

/// <summary>
/// Wakes one waiting loop. Any number of <see cref="Set"/> before the loop looks count as one; one that comes while the loop is busy is kept.
/// A deadline is a timer that sets the signal, so the loop has a single thing to wait for.
/// </summary>
internal sealed class WakeSignal
{
    private readonly Channel<bool> _channel = Channel.CreateBounded<bool>(new BoundedChannelOptions(1)
    {
        FullMode = BoundedChannelFullMode.DropWrite,
        SingleReader = true,
    });

    public void Set() => _channel.Writer.TryWrite(true);

    /// <summary>Forgets what was signalled so far: called right before the loop reads the levels that the signal stands for.</summary>
    public void Reset() => _channel.Reader.TryRead(out _);

    /// <summary>Returns when the signal is set or <paramref name="deadline"/> has come, and leaves the signal as it is.</summary>
    /// <param name="deadline">Steady time; null waits for the signal alone.</param>
    public async Task WaitAsync(SteadyClock clock, DateTimeOffset? deadline, CancellationToken cancellationToken)
    {
        if (_channel.Reader.TryPeek(out _))
            return;
        using var timer = deadline is { } at
            ? clock.Time.CreateTimer(static signal => ((WakeSignal)signal!).Set(), this, clock.Until(at), Timeout.InfiniteTimeSpan)
            : null;
        await _channel.Reader.WaitToReadAsync(cancellationToken);
    }
}
