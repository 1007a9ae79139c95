using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>
/// Has the kernel tell when tasks stall for memory: a PSI trigger on <c>/proc/pressure/memory</c> (Linux 5.2, Documentation/accounting/psi.rst). At most one
/// event a window, as soon as the stall within it has grown to the threshold. A blocked thread of its own, which does nothing in between.
/// </summary>
public sealed class PressureTrigger : IDisposable
{
    private const string Memory = "/pressure/memory";
    private const int StackSize = 64 * 1024;

    /// <summary>
    /// Stall and window in microseconds. The second one is for who lacks CAP_SYS_RESOURCE: Linux 6.4 lets everybody have windows of whole two seconds.
    /// </summary>
    private static readonly string[] s_triggers = ["some 70000 1000000", "some 150000 2000000"];

    private static readonly TimeSpan s_long = TimeSpan.FromMilliseconds(int.MaxValue);

    private readonly SafeFileHandle _file;
    private readonly Action _stalled;
    private volatile bool _disposed;

    private PressureTrigger(SafeFileHandle file, Action stalled)
    {
        _file = file;
        _stalled = stalled;
        // It ends with the process: nothing wakes a thread that polls this file alone, and nothing is lost with it.
        new Thread(Wait, StackSize) { IsBackground = true, Name = "memory pressure" }.Start();
    }

    /// <param name="stalled">Called on the trigger's thread.</param>
    /// <param name="problem">Why there is none: the kernel has no PSI or does not let us.</param>
    public static PressureTrigger? TryStart(Action stalled, out string problem, string proc = "/proc")
    {
        problem = "";
        foreach (string trigger in s_triggers)
        {
            SafeFileHandle? file = null;
            try
            {
                file = File.OpenHandle(proc + Memory, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
                RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(trigger + "\0"), 0);
                return new PressureTrigger(file, stalled);
            }
            catch (Exception refused) when (refused is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                file?.Dispose();
                problem = refused.Message;
            }
        }

        return null;
    }

    public void Dispose() => _disposed = true;

    private void Wait()
    {
        try
        {
            while (!_disposed)
            {
                if (Poll.Wait(_file, Poll.POLLPRI, s_long) && !_disposed)
                    _stalled();
            }
        }
        catch (LinuxException)
        {
            // The periodic look at the node goes on without.
        }
    }
}
