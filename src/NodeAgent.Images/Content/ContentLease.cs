using NodeAgent.Images.References;

namespace NodeAgent.Images.Content;

/// <summary>
/// Keeps blobs from the sweep until the image that needs them has its name in the index, or was given up.
/// Take one before the first blob is looked at; dispose it after the index is written.
/// </summary>
public sealed class ContentLease : IDisposable
{
    private readonly ContentStore _store;

    internal ContentLease(ContentStore store) => _store = store;

    /// <summary>Guarded by the store's gate.</summary>
    internal HashSet<Digest> Digests { get; } = [];

    /// <summary>Protects a blob that is there. False when it is not, or when its size differs from the one that is expected.</summary>
    public bool TryProtect(Digest digest, long? expectedSize) => _store.TryProtect(this, digest, expectedSize);

    public void Dispose() => _store.Release(this);
}
