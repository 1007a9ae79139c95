namespace NodeAgent.Images.Snapshots;

/// <summary>One layer being unpacked and those who wait for it. The last one to leave cancels it. Guarded by the layer store's gate.</summary>
internal sealed class LayerFlight
{
    private readonly CancellationTokenSource _cancel = new();
    private int _waiters = 1;

    public Task Done { get; set; } = Task.CompletedTask;

    public CancellationToken Cancelled => _cancel.Token;

    /// <summary>False when everybody has left already.</summary>
    public bool TryJoin()
    {
        if (_waiters == 0)
            return false;
        _waiters++;
        return true;
    }

    /// <summary>True when nobody is left: what is not done yet is being given up.</summary>
    public bool Leave()
    {
        if (--_waiters > 0)
            return false;
        if (!Done.IsCompleted)
            _cancel.Cancel();
        return true;
    }
}

/// <summary>Keeps unpacked layers from the sweep until an image's name or a container's record does.</summary>
public sealed class LayerLease : IDisposable
{
    private readonly LayerStore _store;

    internal LayerLease(LayerStore store) => _store = store;

    /// <summary>Guarded by the store's gate.</summary>
    internal HashSet<string> Chains { get; } = new(StringComparer.Ordinal);

    /// <summary>Protects layers, there or still to come. True when all are there.</summary>
    public bool TryProtect(IReadOnlyList<string> chains) => _store.TryProtect(this, chains);

    public void Dispose() => _store.Release(this);
}
