using System.Text;

namespace NodeAgent.Cli;

/// <summary>
/// The process's input, outputs and environment. A test gives its own.
/// Not System.Console: that would edit lines, take signals over and cost start-up time.
/// </summary>
internal sealed class PodctlIo : IDisposable
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);

    public PodctlIo(Stream input, Stream output, Stream error)
    {
        In = input;
        RawOut = output;
        RawError = error;
        Out = new StreamWriter(output, Utf8, 16 * 1024);
        Error = new StreamWriter(error, Utf8, 1024) { AutoFlush = true };
    }

    public Stream In { get; }
    public Stream RawOut { get; }
    public Stream RawError { get; }

    /// <summary>Buffered: flush after what a user waits for.</summary>
    public StreamWriter Out { get; }
    public StreamWriter Error { get; }
    public bool InIsTerminal { get; init; }
    public bool OutIsTerminal { get; init; }
    public Func<string, string?> Environment { get; init; } = _ => null;

    /// <summary>Ends a command that would go on until its process is ended.</summary>
    public CancellationToken Stopping { get; init; }
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Colour only for people who have not asked to be spared (no-color.org).</summary>
    public bool Colour => OutIsTerminal && string.IsNullOrEmpty(Environment("NO_COLOR")) && Environment("TERM") != "dumb";

    public static PodctlIo OfProcess() =>
        new(new DescriptorStream(0, FileAccess.Read), new DescriptorStream(1, FileAccess.Write), new DescriptorStream(2, FileAccess.Write))
        {
            InIsTerminal = NodeAgent.Linux.Terminal.IsTerminal(0),
            OutIsTerminal = NodeAgent.Linux.Terminal.IsTerminal(1),
            Environment = System.Environment.GetEnvironmentVariable,
        };

    public void Dispose()
    {
        In.Dispose();
        RawOut.Dispose();
        RawError.Dispose();
    }
}
