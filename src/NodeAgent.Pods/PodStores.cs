namespace NodeAgent.Pods;

/// <summary>Where the loops put what they know, for the API and the metrics to read.</summary>
public sealed record PodStores(StatusStore Pods, EventStore Events, ManifestErrors Manifests);
