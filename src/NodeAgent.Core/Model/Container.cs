namespace NodeAgent.Core.Model;

/// <summary>A container of a pod (core/v1 Container): main or init.</summary>
public record Container
{
    public string? Name { get; init; }
    public string? Image { get; init; }
    public IReadOnlyList<string>? Command { get; init; }
    public IReadOnlyList<string>? Args { get; init; }
    public string? WorkingDir { get; init; }
    public IReadOnlyList<ContainerPort>? Ports { get; init; }
    public IReadOnlyList<EnvFromSource>? EnvFrom { get; init; }
    public IReadOnlyList<EnvVar>? Env { get; init; }
    public ResourceRequirements? Resources { get; init; }
    public IReadOnlyList<ContainerResizePolicy>? ResizePolicy { get; init; }

    /// <summary>One of <see cref="Model.RestartPolicy"/>; null means the pod's. <c>Always</c> on an init container makes it a sidecar.</summary>
    public string? RestartPolicy { get; init; }

    public IReadOnlyList<ContainerRestartRule>? RestartPolicyRules { get; init; }
    public IReadOnlyList<VolumeMount>? VolumeMounts { get; init; }
    public IReadOnlyList<VolumeDevice>? VolumeDevices { get; init; }
    public Probe? LivenessProbe { get; init; }
    public Probe? ReadinessProbe { get; init; }
    public Probe? StartupProbe { get; init; }
    public Lifecycle? Lifecycle { get; init; }
    public string? TerminationMessagePath { get; init; }

    /// <summary>One of <see cref="Model.TerminationMessagePolicy"/>.</summary>
    public string? TerminationMessagePolicy { get; init; }

    /// <summary>One of <see cref="PullPolicy"/>.</summary>
    public string? ImagePullPolicy { get; init; }

    public SecurityContext? SecurityContext { get; init; }
    public bool? Stdin { get; init; }
    public bool? StdinOnce { get; init; }
    public bool? Tty { get; init; }
}

/// <summary>A debugging container added to a running pod: a container that may aim at another's namespaces.</summary>
public sealed record EphemeralContainer : Container
{
    public string? TargetContainerName { get; init; }
}

/// <summary>Protocol is one of <see cref="Model.Protocol"/>. Ports are 1 to 65535.</summary>
public sealed record ContainerPort
{
    public string? Name { get; init; }
    public int? HostPort { get; init; }
    [System.Text.Json.Serialization.JsonPropertyName("containerPort")]
    public int? Port { get; init; }
    public string? Protocol { get; init; }
    public string? HostIP { get; init; }
}

/// <summary>Whether a resize of one resource restarts the container: one of <see cref="ResourceResizeRestartPolicy"/>.</summary>
public sealed record ContainerResizePolicy
{
    public string? ResourceName { get; init; }
    public string? RestartPolicy { get; init; }
}

/// <summary>Overrides the restart policy for some exits. Action is one of <see cref="ContainerRestartRuleAction"/>.</summary>
public sealed record ContainerRestartRule
{
    public string? Action { get; init; }
    public ContainerRestartRuleOnExitCodes? ExitCodes { get; init; }
}

/// <summary>Operator is <c>In</c> or <c>NotIn</c>.</summary>
public sealed record ContainerRestartRuleOnExitCodes
{
    public string? Operator { get; init; }
    public IReadOnlyList<int>? Values { get; init; }
}

public sealed record VolumeMount
{
    public string? Name { get; init; }
    public bool? ReadOnly { get; init; }

    /// <summary>One of <see cref="RecursiveReadOnlyMode"/>.</summary>
    public string? RecursiveReadOnly { get; init; }

    public string? MountPath { get; init; }
    public string? SubPath { get; init; }

    /// <summary>One of <see cref="MountPropagationMode"/>.</summary>
    public string? MountPropagation { get; init; }

    public string? SubPathExpr { get; init; }
}

public sealed record VolumeDevice
{
    public string? Name { get; init; }
    public string? DevicePath { get; init; }
}
