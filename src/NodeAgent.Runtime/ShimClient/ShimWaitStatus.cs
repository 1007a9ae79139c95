using System.Globalization;

namespace NodeAgent.Runtime.ShimClient;

/// <summary>Wait statuses as wait(2) gives them.</summary>
public static class ShimWaitStatus
{
    /// <summary>The signal that ended the process, or 0.</summary>
    public static int Signal(int waitStatus) => waitStatus & 0x7f;

    /// <summary>As a shell and the field count it: the exit code, or 128 + the signal.</summary>
    public static int ExitCode(int waitStatus) => Signal(waitStatus) == 0 ? (waitStatus >> 8) & 0xff : 128 + Signal(waitStatus);

    /// <summary><c>exit code 3</c> or <c>signal 9</c>.</summary>
    public static string Describe(int waitStatus) => Signal(waitStatus) == 0
        ? string.Create(CultureInfo.InvariantCulture, $"exit code {ExitCode(waitStatus)}")
        : string.Create(CultureInfo.InvariantCulture, $"signal {Signal(waitStatus)}");
}
