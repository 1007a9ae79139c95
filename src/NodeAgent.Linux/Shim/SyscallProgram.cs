using NodeAgent.Shim;

namespace NodeAgent.Linux.Shim;

/// <summary>A finished program: the bytes for the shim, and what people are told about each op.</summary>
/// <param name="Bytes">As SyscallProgramAbi.cs lays out.</param>
/// <param name="OpNames">One per op, e.g. <c>mount /proc</c>.</param>
/// <param name="OpTexts">One per op, e.g. <c>mount("proc", "/proc", "proc", 0xe, 0x0)</c>.</param>
/// <param name="FdCount">How many passed fds it names, the program's own not counted.</param>
public sealed record SyscallProgram(byte[] Bytes, IReadOnlyList<string> OpNames, IReadOnlyList<string> OpTexts, int FdCount)
{
    /// <summary>The name of an op or, below 0, of one of the shim's own steps (<see cref="ShimStep"/>).</summary>
    public string NameOf(int opIndex) => opIndex switch
    {
        >= 0 when opIndex < OpNames.Count => OpNames[opIndex],
        (int)ShimStep.Program => "check the program",
        (int)ShimStep.Stdio => "make stdio",
        (int)ShimStep.PidNamespace => "enter the pid namespace",
        (int)ShimStep.Clone => "clone3",
        (int)ShimStep.Died => "run the program",
        _ => $"op {opIndex}",
    };

    /// <summary>e.g. <c>mount /proc: EPERM</c>.</summary>
    public string Describe(int opIndex, int errno) => $"{NameOf(opIndex)}: {Errno.Name(errno)}";

    /// <summary>The whole program as text, one line an op, as <c>podctl explain</c> prints it.</summary>
    public string ToText() => string.Join('\n', OpTexts.Select((text, i) => $"{i,4}  {text}"));
}
