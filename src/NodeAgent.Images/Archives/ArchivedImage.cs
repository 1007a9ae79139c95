using NodeAgent.Images.Content;

namespace NodeAgent.Images.Archives;

/// <summary>One image of an archive, not taken into the store yet.</summary>
internal abstract class ArchivedImage
{
    /// <summary>Layers read at the same time.</summary>
    protected const int Parallelism = 2;

    /// <summary>References as the archive has them, not parsed; none when it has none.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>A bare tag, which some tools write where a name belongs; it says nothing about the repository.</summary>
    public string? BareTag { get; init; }

    /// <summary>
    /// Takes manifest, configuration and layers into the store under the lease, every digest verified. Blocks.
    /// Throws <see cref="InvalidDataException"/> and <see cref="IOException"/>.
    /// </summary>
    public abstract ResolvedImage Ingest(ContentStore store, ContentLease lease, CancellationToken cancellationToken);
}
