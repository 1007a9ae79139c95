using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.ShimClient;

namespace NodeAgent.Runtime.Exec;

/// <summary>A command in a container: its streams are pipes, or the two directions of its terminal's master.</summary>
internal sealed class ExecSession(PodShim shim, uint slot, Task<int> exitCode, FdStream? stdin, FdStream stdout, FdStream? stderr, SafeFileHandle? terminal)
    : IExecSession
{
    public Stream? Stdin => stdin;

    public Stream Stdout => stdout;

    public Stream? Stderr => stderr;

    public Task<int> ExitCode => exitCode;

    /// <summary>Without a terminal there is nothing to resize.</summary>
    public void Resize(int columns, int rows)
    {
        if (terminal is { IsClosed: false }) Pipes.SetTerminalSize(terminal, columns, rows);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (!exitCode.IsCompleted) await shim.KillGroupAsync(slot, SignalNumbers.SIGKILL);
        }
        catch (ShimGoneException)
        {
            // With the shim its processes are gone.
        }
        finally
        {
            if (stdin is not null) await stdin.DisposeAsync();
            await stdout.DisposeAsync();
            if (stderr is not null) await stderr.DisposeAsync();
            terminal?.Dispose();
        }
    }
}
