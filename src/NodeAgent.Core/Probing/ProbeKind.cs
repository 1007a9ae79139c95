namespace NodeAgent.Core.Probing;

/// <summary>What a probe decides; the names are those of its events.</summary>
public enum ProbeKind
{
    /// <summary>Whether the container has come up: the others wait for it. A failure ends the container.</summary>
    Startup,

    /// <summary>Whether it still works: a failure ends the container.</summary>
    Liveness,

    /// <summary>Whether it may be sent work: a failure takes it out of service and leaves it alone.</summary>
    Readiness,
}

public enum ProbeResult
{
    Success,

    /// <summary>Success with a word of warning: the server sent the probe elsewhere.</summary>
    Warning,
    Failure,

    /// <summary>The probe itself could not be made: it says nothing of the container.</summary>
    Error,
}

/// <param name="Message">What was seen, for the event; empty for a plain success.</param>
public readonly record struct ProbeOutcome(ProbeResult Result, string Message)
{
    public static readonly ProbeOutcome Success = new(ProbeResult.Success, "");

    public static ProbeOutcome Failure(string message) => new(ProbeResult.Failure, message);
}
