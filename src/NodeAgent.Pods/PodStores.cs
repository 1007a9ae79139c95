namespace NodeAgent.Pods;

/// <summary>Where the loops put what they know, for the API and the metrics to read.</summary>
/// <param name="Kept">What the agent itself reads again after a restart.</param>
public sealed record PodStores(StatusStore Pods, EventStore Events, ManifestErrors Manifests, IKeptPods Kept);
