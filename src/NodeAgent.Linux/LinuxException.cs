using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>
/// A system call that failed: <c>mount /proc: EPERM (Operation not permitted)</c>.
/// Only for outcomes the caller did not expect; expected ones are returned as values.
/// </summary>
public sealed class LinuxException : Exception
{
    /// <param name="syscall">The call in kernel spelling, e.g. <c>mount</c>.</param>
    /// <param name="target">What it was called on (a path, an interface, a pid), or null.</param>
    /// <param name="errno">A positive error number, see <see cref="Linux.Errno"/>.</param>
    public LinuxException(string syscall, string? target, int errno)
        : base(Describe(syscall, target, errno))
    {
        Syscall = syscall;
        Target = target;
        Errno = errno;
    }

    public string Syscall { get; }

    public string? Target { get; }

    public int Errno { get; }

    /// <summary>Throws with the calling thread's last P/Invoke error (a LibraryImport with SetLastError).</summary>
    [DoesNotReturn]
    public static void ThrowLast(string syscall, string? target = null) =>
        throw new LinuxException(syscall, target, Marshal.GetLastPInvokeError());

    /// <summary>Returns a result that is not negative; throws the last P/Invoke error otherwise.</summary>
    public static int Check(int result, string syscall, string? target = null)
    {
        if (result < 0)
            ThrowLast(syscall, target);
        return result;
    }

    /// <inheritdoc cref="Check(int, string, string?)"/>
    public static long Check(long result, string syscall, string? target = null)
    {
        if (result < 0)
            ThrowLast(syscall, target);
        return result;
    }

    private static string Describe(string syscall, string? target, int errno)
    {
        string what = string.IsNullOrEmpty(target) ? syscall : $"{syscall} {target}";
        return $"{what}: {Linux.Errno.Name(errno)} ({Marshal.GetPInvokeErrorMessage(errno)})";
    }
}
