namespace NodeAgent.Core.Model;

/// <summary>A check repeated on a container. Exactly one handler is set. Times are in seconds.</summary>
public sealed record Probe
{
    public ExecAction? Exec { get; init; }
    public HttpGetAction? HttpGet { get; init; }
    public TcpSocketAction? TcpSocket { get; init; }
    public GrpcAction? Grpc { get; init; }
    public int? InitialDelaySeconds { get; init; }
    public int? TimeoutSeconds { get; init; }
    public int? PeriodSeconds { get; init; }
    public int? SuccessThreshold { get; init; }
    public int? FailureThreshold { get; init; }
    public long? TerminationGracePeriodSeconds { get; init; }
}

public sealed record ExecAction
{
    public IReadOnlyList<string>? Command { get; init; }
}

public sealed record HttpGetAction
{
    public string? Path { get; init; }

    /// <summary>A number, or the name of a port of the container.</summary>
    public IntOrString? Port { get; init; }

    public string? Host { get; init; }

    /// <summary><c>HTTP</c> or <c>HTTPS</c>.</summary>
    public string? Scheme { get; init; }

    public IReadOnlyList<HttpHeader>? HttpHeaders { get; init; }
}

public sealed record HttpHeader
{
    public string? Name { get; init; }
    public string? Value { get; init; }
}

public sealed record TcpSocketAction
{
    public IntOrString? Port { get; init; }
    public string? Host { get; init; }
}

public sealed record GrpcAction
{
    public int? Port { get; init; }
    public string? Service { get; init; }
}

public sealed record SleepAction
{
    public long? Seconds { get; init; }
}

public sealed record Lifecycle
{
    public LifecycleHandler? PostStart { get; init; }
    public LifecycleHandler? PreStop { get; init; }

    /// <summary>A signal by name, e.g. <c>SIGUSR1</c>; needs <c>spec.os.name</c>.</summary>
    public string? StopSignal { get; init; }
}

/// <summary>Exactly one handler; <c>tcpSocket</c> exists in the type and is not supported by anybody.</summary>
public sealed record LifecycleHandler
{
    public ExecAction? Exec { get; init; }
    public HttpGetAction? HttpGet { get; init; }
    public TcpSocketAction? TcpSocket { get; init; }
    public SleepAction? Sleep { get; init; }
}
