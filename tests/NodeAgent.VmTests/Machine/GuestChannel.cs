using System.Net;
using System.Net.Sockets;
using System.Text;

namespace NodeAgent.VmTests.Machine;

/// <summary>
/// Runs scripts in the guest, each over a connection of its own, since connections do not survive the restoring of a snapshot.
/// To the guest: one line, the script in base64; then its standard input. Back: its output and error, and a last line <c>@rc N</c>.
/// </summary>
internal sealed class GuestChannel(int port)
{
    private static readonly byte[] Mark = "\n@rc "u8.ToArray();

    /// <exception cref="GuestUnreachableException">The connection ended without a result: the guest does not listen (yet, or any more).</exception>
    /// <exception cref="TimeoutException">No result within the limit; the script may still be running.</exception>
    public async Task<GuestResult> RunAsync(string script, ReadOnlyMemory<byte> input, TimeSpan limit, CancellationToken cancellation)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(limit);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, late.Token);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(Convert.ToBase64String(Encoding.UTF8.GetBytes(script)) + "\n"), late.Token);
            await stream.WriteAsync(input, late.Token);
            client.Client.Shutdown(SocketShutdown.Send);
            using var answer = new MemoryStream();
            await stream.CopyToAsync(answer, late.Token);
            return Split(script, answer.GetBuffer().AsMemory(0, (int)answer.Length));
        }
        catch (Exception broken) when (broken is SocketException or IOException)
        {
            throw new GuestUnreachableException($"guest: {script}: {broken.Message}", broken);
        }
        catch (OperationCanceledException cancelled) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"guest: {script}: no result within {limit}", cancelled);
        }
    }

    private static GuestResult Split(string script, Memory<byte> answer)
    {
        int mark = answer.Span.LastIndexOf(Mark);
        if (mark < 0 || !int.TryParse(Encoding.ASCII.GetString(answer.Span[(mark + Mark.Length)..]).Trim(), out int code))
            throw new GuestUnreachableException($"guest: {script}: the connection ended without a result, after \"{Encoding.UTF8.GetString(answer.Span)}\"");
        return new GuestResult(script, code, answer[..mark]);
    }
}

/// <summary>Nobody answers in the guest: it is starting, going down, or gone.</summary>
public sealed class GuestUnreachableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>What a finished script said, output and error together.</summary>
public sealed record GuestResult(string Script, int ExitCode, ReadOnlyMemory<byte> Bytes)
{
    public string Output => Encoding.UTF8.GetString(Bytes.Span).TrimEnd('\n');

    /// <summary>The result itself when the script succeeded; else an exception with everything it said.</summary>
    public GuestResult Checked() => ExitCode == 0 ? this : throw new InvalidOperationException($"guest: {Script}\nended with {ExitCode}\n{Output}");
}
