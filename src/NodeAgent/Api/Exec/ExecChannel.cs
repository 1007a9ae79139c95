namespace NodeAgent.Api.Exec;

/// <summary>
/// The streams of the remote command protocol, one binary WebSocket message each: the first byte is the channel.
/// Source: client-go tools/remotecommand (v4 and v5 over WebSocket).
/// </summary>
internal enum ExecChannel : byte
{
    Stdin = 0,
    Stdout = 1,
    Stderr = 2,

    /// <summary>One meta/v1 Status as JSON, at the end.</summary>
    Error = 3,

    /// <summary><c>{"Width":80,"Height":24}</c></summary>
    Resize = 4,

    /// <summary>v5 only: the next byte is a channel that its sender closes.</summary>
    Close = 255,
}
