namespace NodeAgent.Testing.Registry;

/// <summary>What a <see cref="FaultyProxy"/> does to an answer.</summary>
public abstract record Fault
{
    private Fault()
    {
    }

    /// <summary>Sends the head and this part of the body (0 to 1), then closes the connection.</summary>
    public sealed record Cut(double Part) : Fault;

    /// <summary>Asks for the whole body and answers 200, whatever range the client wanted.</summary>
    public sealed record IgnoreRange : Fault;

    /// <summary>Answers with this status and nothing else.</summary>
    /// <param name="RetryAfter">Value of the header, or null for none.</param>
    public sealed record Refuse(int Status, string? RetryAfter = null) : Fault;

    /// <summary>Turns one bit of the body around, in its middle.</summary>
    public sealed record Lie : Fault;

    /// <summary>Answers with another body of this content.</summary>
    public sealed record Replace(byte[] Body) : Fault;

    /// <summary>Sends the client to the same path elsewhere.</summary>
    public sealed record Redirect(Uri To) : Fault;

    /// <summary>Passes the body on at this speed.</summary>
    public sealed record Slow(long BytesPerSecond) : Fault;

    /// <summary>Waits until this is done, then passes everything on.</summary>
    public sealed record Hold(Task Until) : Fault;

    /// <summary>Closes the connection without an answer.</summary>
    public sealed record Drop : Fault;
}

/// <summary>A request that came to a <see cref="FaultyProxy"/>.</summary>
/// <param name="Range">The header of that name, or null.</param>
/// <param name="Authorization">The header of that name, or null.</param>
/// <param name="Attempt">1 for the first request with this method and path.</param>
public sealed record ProxiedRequest(string Method, string Path, string? Range, string? Authorization, int Attempt)
{
    public bool IsBlob => Path.Contains("/blobs/", StringComparison.Ordinal);

    public bool IsManifest => Path.Contains("/manifests/", StringComparison.Ordinal);
}
