namespace NodeAgent.Core.Model;

/// <summary>One variable: a literal value or a source, never both.</summary>
public sealed record EnvVar
{
    public string? Name { get; init; }
    public string? Value { get; init; }
    public EnvVarSource? ValueFrom { get; init; }
}

public sealed record EnvVarSource
{
    public ObjectFieldSelector? FieldRef { get; init; }
    public ResourceFieldSelector? ResourceFieldRef { get; init; }
    public ConfigMapKeySelector? ConfigMapKeyRef { get; init; }
    public SecretKeySelector? SecretKeyRef { get; init; }
    public FileKeySelector? FileKeyRef { get; init; }
}

public sealed record ObjectFieldSelector
{
    public string? ApiVersion { get; init; }
    public string? FieldPath { get; init; }
}

public sealed record ResourceFieldSelector
{
    public string? ContainerName { get; init; }
    public string? Resource { get; init; }
    public Quantity? Divisor { get; init; }
}

public sealed record ConfigMapKeySelector
{
    public string? Name { get; init; }
    public string? Key { get; init; }
    public bool? Optional { get; init; }
}

public sealed record SecretKeySelector
{
    public string? Name { get; init; }
    public string? Key { get; init; }
    public bool? Optional { get; init; }
}

/// <summary>A variable read from an env file that an init container wrote into a volume.</summary>
public sealed record FileKeySelector
{
    public string? VolumeName { get; init; }
    public string? Path { get; init; }
    public string? Key { get; init; }
    public bool? Optional { get; init; }
}

public sealed record EnvFromSource
{
    public string? Prefix { get; init; }
    public ConfigMapEnvSource? ConfigMapRef { get; init; }
    public SecretEnvSource? SecretRef { get; init; }
}

public sealed record ConfigMapEnvSource
{
    public string? Name { get; init; }
    public bool? Optional { get; init; }
}

public sealed record SecretEnvSource
{
    public string? Name { get; init; }
    public bool? Optional { get; init; }
}
