namespace NodeAgent.Testing.Time;

/// <summary>
/// A clock that stands still until a test moves it. Wall clock and monotonic clock move together, except by <see cref="StepWallClock"/>.
/// Timers fire inside <see cref="Advance"/>, on the caller's thread, in order of their due time; those due at one instant in order of their arming.
/// </summary>
public sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private long _ticks;
    private long _sequence;
    private DateTimeOffset _epoch;

    public ManualTimeProvider(DateTimeOffset? start = null) => _epoch = start ?? new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _epoch.AddTicks(_ticks);
    }

    public override long GetTimestamp()
    {
        lock (_gate)
            return _ticks;
    }

    /// <summary>Time until the next timer fires, or null when none is armed.</summary>
    public TimeSpan? NextDue
    {
        get
        {
            lock (_gate)
                return Next() is { } timer ? TimeSpan.FromTicks(Math.Max(0, timer.Due - _ticks)) : null;
        }
    }

    /// <summary>How many timers are armed: a test that disposes everything expects 0.</summary>
    public int ArmedTimers
    {
        get
        {
            lock (_gate)
                return _timers.Count;
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves both clocks. Every timer that comes due sees its own due time as now.</summary>
    /// <param name="afterEach">Runs after each timer's callback, before the clock moves on: what the callback set going can finish there.</param>
    public void Advance(TimeSpan by, Action? afterEach = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(by, TimeSpan.Zero);
        long target;
        lock (_gate)
            target = _ticks + by.Ticks;
        while (TakeDue(target) is { } timer)
        {
            timer.Fire();
            afterEach?.Invoke();
        }

        lock (_gate)
            _ticks = target;
    }

    /// <summary>Moves the wall clock only, as an administrator or NTP does; no timer fires.</summary>
    public void StepWallClock(TimeSpan by)
    {
        lock (_gate)
            _epoch += by;
    }

    private ManualTimer? TakeDue(long target)
    {
        lock (_gate)
        {
            var timer = Next();
            if (timer is null || timer.Due > target)
                return null;
            _ticks = Math.Max(_ticks, timer.Due);
            if (timer.Period > 0)
            {
                timer.Due += timer.Period;
                timer.Order = ++_sequence;
            }
            else
            {
                _timers.Remove(timer);
            }

            return timer;
        }
    }

    private ManualTimer? Next()
    {
        ManualTimer? next = null;
        foreach (var timer in _timers)
        {
            if (next is null || timer.Due < next.Due || (timer.Due == next.Due && timer.Order < next.Order))
                next = timer;
        }

        return next;
    }

    private sealed class ManualTimer(ManualTimeProvider owner, TimerCallback callback, object? state) : ITimer
    {
        private bool _disposed;

        public long Due { get; set; }
        public long Period { get; private set; }
        public long Order { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (owner._gate)
            {
                if (_disposed)
                    return false;
                owner._timers.Remove(this);
                Period = period > TimeSpan.Zero ? period.Ticks : 0;
                if (dueTime < TimeSpan.Zero)
                    return true;
                Due = owner._ticks + dueTime.Ticks;
                Order = ++owner._sequence;
                owner._timers.Add(this);
                return true;
            }
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (owner._gate)
            {
                _disposed = true;
                owner._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
