using System.Buffers;
using System.Text;
using NodeAgent.Core.Cri;

namespace NodeAgent.Pods.Probing;

/// <summary>Runs a command of a probe or a hook in a container, and keeps the beginning of what it says.</summary>
internal static class ContainerCommand
{
    /// <summary>Bytes of standard output and error together that are kept; what comes after them is read and dropped.</summary>
    public const int OutputLimit = 10 * 1024;

    /// <summary>Messages carry no more characters of what a command says.</summary>
    private const int MessageLimit = 1024;

    /// <summary>What a message carries of it.</summary>
    public static string Beginning(string output)
    {
        string said = output.Trim();
        return said.Length > MessageLimit ? said[..MessageLimit] : said;
    }

    /// <summary>The exit code and what was said. Cancelled, it kills the command. Throws <see cref="PodRuntimeException"/> when it cannot be started.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(
        IPodRuntime runtime, ContainerId container, IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        await using IExecSession session = await runtime.ExecAsync(new ExecRequest(container, command, Tty: false, Stdin: false), cancellationToken);
        Output output = new();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task reading = Task.WhenAll(output.ReadAsync(session.Stdout, over.Token), output.ReadAsync(session.Stderr!, over.Token));
        int exitCode = await session.ExitCode.WaitAsync(cancellationToken);
        // What it said is in the pipes. A process that it leaves behind may keep them open for ever; the command is over all the same.
        await over.CancelAsync();
        await reading;
        return (exitCode, output.ToString());
    }

    private sealed class Output
    {
        private readonly MemoryStream _kept = new();

        public async Task ReadAsync(Stream stream, CancellationToken over)
        {
            byte[] buffer = ArrayPool<byte>.Shared.Rent(4096);
            try
            {
                while (await TakeAsync(stream, buffer, over))
                {
                }
                // Its wait was cut short: the stream gives what there is before it looks at the token again.
                while (over.IsCancellationRequested && HasRoom && await TakeAsync(stream, buffer, over))
                {
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        public override string ToString()
        {
            lock (_kept)
                return Encoding.UTF8.GetString(_kept.GetBuffer(), 0, (int)_kept.Length);
        }

        private bool HasRoom
        {
            get
            {
                lock (_kept)
                    return _kept.Length < OutputLimit;
            }
        }

        /// <summary>False at the end, and when the command is over and nothing more is there.</summary>
        private async ValueTask<bool> TakeAsync(Stream stream, byte[] buffer, CancellationToken over)
        {
            try
            {
                int read = await stream.ReadAsync(buffer, over);
                lock (_kept)
                    _kept.Write(buffer, 0, (int)Math.Min(read, OutputLimit - _kept.Length));
                return read > 0;
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }
    }
}
