using System.Globalization;
using System.Text;
using NodeAgent.Shim;

namespace NodeAgent.Linux.Shim;

/// <summary>Ops as people read them: <c>mount("proc", "/proc", "proc", 0xe, 0) tolerates EPERM (reported)</c>.</summary>
internal static class ProgramText
{
    private static readonly string[] ShimSlots = ["stdin", "stdout", "stderr", "report"];

    internal static string Of(ProgramOp op, Dictionary<uint, string> blobTexts)
    {
        StringBuilder text = new();
        if (op.Result is { } slot)
            text.Append(Slot(slot.Index)).Append(" = ");
        text.Append(op.Kind switch
        {
            SyscallOpKind.Syscall => op.Syscall!.Name,
            SyscallOpKind.Poke32 => "poke32",
            SyscallOpKind.Poke64 => "poke64",
            SyscallOpKind.Park => "park",
            _ => "announce",
        });
        text.Append('(').AppendJoin(", ", op.Args.Select(arg => Arg(arg, blobTexts))).Append(')');
        AppendOutcome(text, op);
        text.Append("  # ").Append(op.Name);
        return text.ToString();
    }

    internal static string Quote(string text)
    {
        StringBuilder quoted = new("\"");
        foreach (char c in text)
        {
            _ = c switch
            {
                '"' or '\\' => quoted.Append('\\').Append(c),
                '\n' => quoted.Append("\\n"),
                '\t' => quoted.Append("\\t"),
                < ' ' or (char)0x7f => quoted.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}"),
                _ => quoted.Append(c),
            };
        }
        return quoted.Append('"').ToString();
    }

    private static void AppendOutcome(StringBuilder text, ProgramOp op)
    {
        if (op.Flags.HasFlag(SyscallOpFlags.ExitIfPositive))
            text.Append(" exit if positive");
        string tolerated = op.Flags.HasFlag(SyscallOpFlags.TolerateAny) ? "any error" : string.Join(", ", op.Tolerated.Select(Errno.Name));
        if (tolerated.Length > 0)
            text.Append(" tolerates ").Append(tolerated);
        if (op.Flags.HasFlag(SyscallOpFlags.Report))
            text.Append(" (reported)");
        if (op.SkipOnTolerated > 0)
            text.Append(CultureInfo.InvariantCulture, $" then skips {op.SkipOnTolerated}");
        if (op.SkipOnSuccess > 0)
            text.Append(CultureInfo.InvariantCulture, $" success skips {op.SkipOnSuccess}");
    }

    private static string Arg(ProgramArg arg, Dictionary<uint, string> blobTexts) => arg.Kind switch
    {
        SyscallArgKind.Blob => blobTexts.GetValueOrDefault((uint)arg.Value) ?? $"blob+{arg.Value}",
        SyscallArgKind.PassedFd => $"fd[{arg.Value}]",
        SyscallArgKind.Result => Slot((int)arg.Value),
        _ when (long)arg.Value is > -4096 and < 0 or < 10 and >= 0 => ((long)arg.Value).ToString(CultureInfo.InvariantCulture),
        _ => $"0x{arg.Value:x}",
    };

    private static string Slot(int index) => index < ShimSlots.Length ? ShimSlots[index] : $"r{index}";
}
