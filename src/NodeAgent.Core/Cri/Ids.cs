namespace NodeAgent.Core.Cri;

/// <summary>Identity of one pod incarnation: a UUID computed from node, source and specification. Any change of the manifest gives another one.</summary>
public readonly record struct PodUid(string Value) : IComparable<PodUid>
{
    public int CompareTo(PodUid other) => string.CompareOrdinal(Value, other.Value);
    public override string ToString() => Value;
}

/// <summary>Identity of one sandbox of a pod: <c>{pod uid}-{attempt}</c>. A pod whose sandbox died gets another sandbox with the next attempt.</summary>
public readonly record struct PodSandboxId(string Value)
{
    public static PodSandboxId For(PodUid uid, int attempt) => new($"{uid.Value}-{attempt}");
    public override string ToString() => Value;
}

/// <summary>
/// Identity of one run of a container: 64 hexadecimal digits, as the runtimes of the field print them.
/// It is computed from pod uid, container name, sandbox attempt and container attempt, so that creating the same run twice is the same container.
/// </summary>
public readonly record struct ContainerId(string Value)
{
    private const string Scheme = "podagent://";

    /// <summary>The form that <c>containerStatuses[].containerID</c> shows.</summary>
    public string ToUri() => Scheme + Value;

    /// <summary>The id behind what <see cref="ToUri"/> gave; null for anything else.</summary>
    public static ContainerId? FromUri(string? uri) =>
        uri is not null && uri.StartsWith(Scheme, StringComparison.Ordinal) ? new ContainerId(uri[Scheme.Length..]) : null;

    public override string ToString() => Value;
}
