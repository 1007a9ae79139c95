namespace NodeAgent.Api.Logs;

/// <summary>What part of a container's log is wanted, in the terms of core/v1 PodLogOptions.</summary>
/// <param name="Since">Leaves out what was written before.</param>
/// <param name="TailLines">Only that many lines from the end; counted before <paramref name="Since"/> applies.</param>
/// <param name="LimitBytes">Ends the output after that many bytes, in the middle of a line if it comes so.</param>
/// <param name="Stream">Only what was written there; null for both.</param>
internal sealed record LogQuery(
    bool Follow = false,
    DateTimeOffset? Since = null,
    long? TailLines = null,
    long? LimitBytes = null,
    bool Timestamps = false,
    LogStream? Stream = null);
