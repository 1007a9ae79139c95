namespace NodeAgent.Core.Model;

/// <summary>Security of one container; what is set here wins over <see cref="PodSecurityContext"/>.</summary>
public sealed record SecurityContext
{
    public Capabilities? Capabilities { get; init; }
    public bool? Privileged { get; init; }
    public SeLinuxOptions? SeLinuxOptions { get; init; }
    public WindowsSecurityContextOptions? WindowsOptions { get; init; }
    public long? RunAsUser { get; init; }
    public long? RunAsGroup { get; init; }
    public bool? RunAsNonRoot { get; init; }
    public bool? ReadOnlyRootFilesystem { get; init; }
    public bool? AllowPrivilegeEscalation { get; init; }

    /// <summary><c>Default</c> or <c>Unmasked</c>.</summary>
    public string? ProcMount { get; init; }

    public SeccompProfile? SeccompProfile { get; init; }
    public AppArmorProfile? AppArmorProfile { get; init; }
}

public sealed record PodSecurityContext
{
    public SeLinuxOptions? SeLinuxOptions { get; init; }
    public WindowsSecurityContextOptions? WindowsOptions { get; init; }
    public long? RunAsUser { get; init; }
    public long? RunAsGroup { get; init; }
    public bool? RunAsNonRoot { get; init; }
    public IReadOnlyList<long>? SupplementalGroups { get; init; }

    /// <summary><c>Merge</c> (with the image's own groups) or <c>Strict</c>.</summary>
    public string? SupplementalGroupsPolicy { get; init; }

    public long? FsGroup { get; init; }
    public IReadOnlyList<Sysctl>? Sysctls { get; init; }

    /// <summary><c>OnRootMismatch</c> or <c>Always</c>.</summary>
    public string? FsGroupChangePolicy { get; init; }

    public SeccompProfile? SeccompProfile { get; init; }
    public AppArmorProfile? AppArmorProfile { get; init; }

    /// <summary><c>Recursive</c> or <c>MountOption</c>.</summary>
    public string? SeLinuxChangePolicy { get; init; }
}

/// <summary>Names without the <c>CAP_</c> prefix; <c>ALL</c> means every one.</summary>
public sealed record Capabilities
{
    public IReadOnlyList<string>? Add { get; init; }
    public IReadOnlyList<string>? Drop { get; init; }
}

public sealed record SeLinuxOptions
{
    public string? User { get; init; }
    public string? Role { get; init; }
    public string? Type { get; init; }
    public string? Level { get; init; }
}

public sealed record WindowsSecurityContextOptions
{
    public string? GmsaCredentialSpecName { get; init; }
    public string? GmsaCredentialSpec { get; init; }
    public string? RunAsUserName { get; init; }
    public bool? HostProcess { get; init; }
}

/// <summary>Type is one of <see cref="SecurityProfileType"/>; localhostProfile goes with <c>Localhost</c> only.</summary>
public sealed record SeccompProfile
{
    public string? Type { get; init; }
    public string? LocalhostProfile { get; init; }
}

/// <summary>Type is one of <see cref="SecurityProfileType"/>; localhostProfile goes with <c>Localhost</c> only.</summary>
public sealed record AppArmorProfile
{
    public string? Type { get; init; }
    public string? LocalhostProfile { get; init; }
}

public sealed record Sysctl
{
    public string? Name { get; init; }
    public string? Value { get; init; }
}
