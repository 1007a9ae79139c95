namespace NodeAgent.Core.Model;

/// <summary>What a container is at present (core/v1 ContainerStatus).</summary>
public sealed record ContainerStatus
{
    public string Name { get; init; } = "";
    public ContainerState? State { get; init; }
    public ContainerState? LastState { get; init; }
    public bool Ready { get; init; }
    public int RestartCount { get; init; }
    public string Image { get; init; } = "";
    public string ImageID { get; init; } = "";

    /// <summary><c>podagent://&lt;id&gt;</c>.</summary>
    public string? ContainerID { get; init; }

    public bool? Started { get; init; }
    public IReadOnlyDictionary<string, Quantity>? AllocatedResources { get; init; }
    public ResourceRequirements? Resources { get; init; }
    public IReadOnlyList<VolumeMountStatus>? VolumeMounts { get; init; }
    public ContainerUser? User { get; init; }
    public IReadOnlyList<ResourceStatus>? AllocatedResourcesStatus { get; init; }

    /// <summary>The effective stop signal by name, e.g. <c>SIGTERM</c>.</summary>
    public string? StopSignal { get; init; }
}

/// <summary>At most one is set; none means waiting.</summary>
public sealed record ContainerState
{
    public ContainerStateWaiting? Waiting { get; init; }
    public ContainerStateRunning? Running { get; init; }
    public ContainerStateTerminated? Terminated { get; init; }
}

public sealed record ContainerStateWaiting
{
    public string? Reason { get; init; }
    public string? Message { get; init; }
}

public sealed record ContainerStateRunning
{
    public DateTimeOffset? StartedAt { get; init; }
}

public sealed record ContainerStateTerminated
{
    /// <summary>0–255; 128 + signal when a signal ended it.</summary>
    public int ExitCode { get; init; }

    public int? Signal { get; init; }
    public string? Reason { get; init; }
    public string? Message { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }
    public string? ContainerID { get; init; }
}

public sealed record VolumeMountStatus
{
    public string Name { get; init; } = "";
    public string MountPath { get; init; } = "";
    public bool? ReadOnly { get; init; }
    public string? RecursiveReadOnly { get; init; }
    public VolumeStatus? VolumeStatus { get; init; }
}

public sealed record VolumeStatus
{
    public ImageVolumeStatus? Image { get; init; }
}

public sealed record ImageVolumeStatus
{
    public string? ImageRef { get; init; }
}

public sealed record ContainerUser
{
    public LinuxContainerUser? Linux { get; init; }
}

/// <summary>The identity the first process was started with.</summary>
public sealed record LinuxContainerUser
{
    public long Uid { get; init; }
    public long Gid { get; init; }
    public IReadOnlyList<long>? SupplementalGroups { get; init; }
}

public sealed record ResourceStatus
{
    public string? Name { get; init; }
    public IReadOnlyList<ResourceHealth>? Resources { get; init; }
}

public sealed record ResourceHealth
{
    public string? ResourceID { get; init; }
    public string? Health { get; init; }
    public string? Message { get; init; }
}
