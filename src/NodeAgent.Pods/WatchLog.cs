using System.Runtime.CompilerServices;

namespace NodeAgent.Pods;

public enum WatchChangeType
{
    Added,
    Modified,
    Deleted,
}

/// <summary>One step in the history of a collection.</summary>
/// <param name="Previous">The object before the step, null for an addition: a selector needs both to tell whether the object came into its view or left it.</param>
public sealed record WatchChange<T>(long ResourceVersion, WatchChangeType Type, T Object, T? Previous) where T : class;

/// <summary>The wanted resource version is not in the history any more (or never was in this agent's life): list again, then watch from there.</summary>
public sealed class ResourceVersionExpiredException(long wanted, long oldest, long newest)
    : Exception($"too old resource version: {wanted} (the history holds {oldest} to {newest})")
{
    public long Wanted { get; } = wanted;
}

/// <summary>
/// The bounded history behind watches: the last changes of one collection, numbered without gaps.
/// Callers: a store appends under its own lock; any number of watches read, each with nothing but the version it has seen last, so that a slow reader
/// costs no memory and learns by <see cref="ResourceVersionExpiredException"/> that it fell behind.
/// Invariant: every change after the version that a reader has seen is given to it once, in order, or the reader is told that it can't be.
/// Versions start at the clock's milliseconds, so that a version from an agent's earlier life is older than all of the history and is refused, never
/// mistaken for one of this life.
/// </summary>
public sealed class WatchLog<T> where T : class
{
    private readonly Lock _gate = new();
    private readonly WatchChange<T>[] _ring;
    private readonly long _start;
    private long _newest;
    private TaskCompletionSource _changed = NewSignal();

    /// <param name="start">The version of the empty collection.</param>
    /// <param name="capacity">How many changes are kept.</param>
    public WatchLog(long start, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _ring = new WatchChange<T>[capacity];
        _start = _newest = start;
    }

    /// <summary>The version that the next appended change has to carry.</summary>
    public long Next
    {
        get
        {
            lock (_gate) return _newest + 1;
        }
    }

    internal void Append(WatchChange<T> change)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            if (change.ResourceVersion != _newest + 1)
                throw new ArgumentException($"change {change.ResourceVersion} does not follow {_newest}", nameof(change));
            _ring[Slot(change.ResourceVersion)] = change;
            _newest = change.ResourceVersion;
            changed = _changed;
            _changed = NewSignal();
        }
        changed.TrySetResult();
    }

    /// <summary>Everything after <paramref name="after"/>, as it happens, until cancelled.</summary>
    /// <exception cref="ResourceVersionExpiredException">At the start, or later when the reader is slower than the changes.</exception>
    public async IAsyncEnumerable<WatchChange<T>> ReadAsync(long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var batch = new List<WatchChange<T>>();
        while (true)
        {
            Task changed = ReadBatch(after, batch);
            foreach (WatchChange<T> change in batch)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return change;
                after = change.ResourceVersion;
            }
            if (batch.Count == 0) await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
            batch.Clear();
        }
    }

    // The task is taken under the same lock as the batch: a change after the batch always completes it.
    private Task ReadBatch(long after, List<WatchChange<T>> batch)
    {
        const int Most = 64;
        lock (_gate)
        {
            long oldest = Math.Max(_start, _newest - _ring.Length);
            if (after < oldest || after > _newest) throw new ResourceVersionExpiredException(after, oldest, _newest);
            long last = Math.Min(_newest, after + Most);
            for (long version = after + 1; version <= last; version++) batch.Add(_ring[Slot(version)]);
            return _changed.Task;
        }
    }

    private long Slot(long version) => (version - _start - 1) % _ring.Length;

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
