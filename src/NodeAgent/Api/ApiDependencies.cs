using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;

namespace NodeAgent.Api;

/// <summary>What the API reads and calls. It decides nothing and keeps nothing of its own.</summary>
public sealed record ApiDependencies
{
    /// <summary>Path of the unix socket; its folder is made if need be.</summary>
    public required string SocketPath { get; init; }

    public required StatePaths Paths { get; init; }
    public required StatusStore Pods { get; init; }
    public required EventStore Events { get; init; }
    public required ManifestErrors ManifestErrors { get; init; }
    public required IPodRuntime Runtime { get; init; }
    public required IContainerFiles Files { get; init; }
    public required IImageService Images { get; init; }
    public required IImageLibrary Library { get; init; }

    /// <summary>Which pods use which image, by image id. Asked before one is removed.</summary>
    public Func<CancellationToken, Task<IReadOnlyDictionary<string, ImmutableArray<string>>>> ImageUsers { get; init; } =
        _ => Task.FromResult<IReadOnlyDictionary<string, ImmutableArray<string>>>(ImmutableDictionary<string, ImmutableArray<string>>.Empty);

    /// <summary>Called after images were loaded: pods that wait for one try again.</summary>
    public Action ImagesChanged { get; init; } = () => { };

    /// <summary>Bytes that containers have written into their root file systems, all together; walks them.</summary>
    public Func<CancellationToken, Task<long>> WrittenBytes { get; init; } = _ => Task.FromResult(0L);

    /// <summary>Removes images that no pod uses; null: nobody can.</summary>
    public ImagePruning? PruneImages { get; init; }

    /// <summary>The node as it is now, with <c>metadata.name</c>. Asked once per request.</summary>
    public required Func<Node> Node { get; init; }

    /// <summary>Called when a client changes whether pods may run here; returns when that holds for every pod. Throws IOException when it cannot be kept.</summary>
    public Action<NodeScheduling> SetScheduling { get; init; } = _ => { };

    /// <summary>Deletes a pod with its manifest; null: nobody can.</summary>
    public PodDeleting? DeletePod { get; init; }

    public required TimeProvider Time { get; init; }
    public required ILoggerFactory Logging { get; init; }

    /// <summary>The agent's version, e.g. <c>0.1.0</c>.</summary>
    public required string Version { get; init; }

    /// <summary>Called after each request, whatever came of it.</summary>
    public Action Served { get; init; } = () => { };

    /// <summary>Null when every loop turns; else what does not. <c>/livez</c> and <c>/healthz</c> show it.</summary>
    public Func<string?> NotLive { get; init; } = () => null;

    /// <summary>Null after recovery; else what is still going on. <c>/readyz</c> shows it.</summary>
    public Func<string?> NotReady { get; init; } = () => null;
}

/// <summary>See <see cref="ImageCollector.PruneAsync"/>.</summary>
public delegate Task<ImagePrune> ImagePruning(bool all, bool dryRun, CancellationToken cancellationToken);

/// <summary>See <see cref="PodDeletions.DeleteAsync"/>.</summary>
public delegate Task<PodDeletion?> PodDeleting(PodUid uid, TimeSpan? grace, bool dryRun, CancellationToken cancellationToken);
