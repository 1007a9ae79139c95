using System.Globalization;

namespace NodeAgent.Linux;

/// <summary>Signals by the names of signal(7), as manifests and images write them. The numbers are those of x86_64 and arm64.</summary>
public static class SignalNumbers
{
    public const int SIGKILL = 9;
    public const int SIGTERM = 15;

    /// <summary>The first real-time signal that programs may use; glibc keeps the two below for itself.</summary>
    public const int SIGRTMIN = 34;
    public const int SIGRTMAX = 64;

    private static readonly string[] Names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT",
        "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary><c>SIGTERM</c>, <c>TERM</c>, <c>15</c>, <c>SIGRTMIN+3</c>, <c>RTMAX-1</c>, in any case; null for what is no signal.</summary>
    public static int? Parse(string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)) return number is > 0 and <= SIGRTMAX ? number : null;
        string name = text.ToUpperInvariant();
        if (name.StartsWith("SIG", StringComparison.Ordinal)) name = name[3..];
        int known = Array.IndexOf(Names, name);
        if (known > 0) return known;
        return name switch
        {
            "IOT" => 6,
            "POLL" => 29,
            _ when name.StartsWith("RTMIN", StringComparison.Ordinal) => RealTime(name[5..], SIGRTMIN, 1, '+'),
            _ when name.StartsWith("RTMAX", StringComparison.Ordinal) => RealTime(name[5..], SIGRTMAX, -1, '-'),
            _ => null,
        };
    }

    /// <summary><c>SIGTERM</c> for 15, <c>SIGRTMIN+3</c> for 37, else the number.</summary>
    public static string Name(int signal) => signal switch
    {
        > 0 when signal < Names.Length => "SIG" + Names[signal],
        SIGRTMIN => "SIGRTMIN",
        > SIGRTMIN and <= SIGRTMAX => string.Create(CultureInfo.InvariantCulture, $"SIGRTMIN+{signal - SIGRTMIN}"),
        _ => signal.ToString(CultureInfo.InvariantCulture),
    };

    private static int? RealTime(string offset, int from, int direction, char sign)
    {
        if (offset.Length == 0) return from;
        return offset[0] == sign && int.TryParse(offset.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out int distance)
            && distance <= SIGRTMAX - SIGRTMIN
            ? from + direction * distance
            : null;
    }
}
