using NodeAgent.Shim;

namespace NodeAgent.Linux.Shim;

/// <summary>One op while its program is being written; the methods refine it and return it.</summary>
public sealed class ProgramOp
{
    private readonly SyscallProgramBuilder _builder;

    internal ProgramOp(SyscallProgramBuilder builder, string name, SyscallOpKind kind, Syscall? syscall, ReadOnlySpan<ProgramArg> args)
    {
        if (args.Length > 6)
            throw new ArgumentException($"op {name}: {args.Length} arguments, at most 6", nameof(args));
        _builder = builder;
        Name = name;
        Kind = kind;
        Syscall = syscall;
        Args = args.ToArray();
    }

    /// <summary>What the op does, for error texts: <c>mount /proc</c>.</summary>
    public string Name { get; }

    public SyscallOpKind Kind { get; }

    public Syscall? Syscall { get; }

    public IReadOnlyList<ProgramArg> Args { get; }

    public SyscallOpFlags Flags { get; private set; }

    public ProgramSlot? Result { get; private set; }

    public IReadOnlyList<int> Tolerated { get; private set; } = [];

    public byte SkipOnSuccess { get; internal set; }

    public byte SkipOnTolerated { get; internal set; }

    /// <summary>Errors that do not end the program: at most 4.</summary>
    public ProgramOp Tolerate(params ReadOnlySpan<int> errnos)
    {
        int[] all = [.. Tolerated, .. errnos];
        if (all.Length > 4)
            throw new ArgumentException($"op {Name}: {all.Length} tolerated errors, at most 4", nameof(errnos));
        foreach (int errno in all)
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(errno, nameof(errnos));
        Tolerated = all;
        return this;
    }

    /// <summary>No error ends the program.</summary>
    public ProgramOp TolerateAny() => With(SyscallOpFlags.TolerateAny);

    /// <summary>A tolerated error is reported in the answer to START or RUN.</summary>
    public ProgramOp Report() => With(SyscallOpFlags.Report);

    /// <summary>A positive result is a second clone's pid: its caller reports it and exits, the clone plays on. START needs the SecondClone flag.</summary>
    public ProgramOp ExitIfPositive() => With(SyscallOpFlags.ExitIfPositive);

    /// <summary>Keeps the result in that slot.</summary>
    public ProgramOp Into(ProgramSlot slot)
    {
        Result = slot;
        return this;
    }

    /// <summary>Keeps the result in a new slot.</summary>
    public ProgramSlot Keep()
    {
        ProgramSlot slot = _builder.NewSlot();
        Result = slot;
        return slot;
    }

    internal ProgramOp With(SyscallOpFlags flag)
    {
        Flags |= flag;
        return this;
    }

    internal SyscallOp Encode(System.Runtime.InteropServices.Architecture architecture)
    {
        int number = Syscall?.NumberOn(architecture) ?? 0;
        if (number < 0)
            throw new InvalidOperationException($"op {Name}: no {Syscall!.Name} on {architecture}");
        ProgramArg Arg(int i) => i < Args.Count ? Args[i] : default;
        ushort Errno(int i) => i < Tolerated.Count ? (ushort)Tolerated[i] : (ushort)0;
        return new SyscallOp
        {
            Kind = Kind,
            ResultSlot = Result?.Index ?? ShimAbi.NoResult,
            SkipOnTolerated = SkipOnTolerated,
            SkipOnSuccess = SkipOnSuccess,
            Number = number,
            Flags = Flags,
            ArgKind0 = Arg(0).Kind,
            ArgKind1 = Arg(1).Kind,
            ArgKind2 = Arg(2).Kind,
            ArgKind3 = Arg(3).Kind,
            ArgKind4 = Arg(4).Kind,
            ArgKind5 = Arg(5).Kind,
            Arg0 = Arg(0).Value,
            Arg1 = Arg(1).Value,
            Arg2 = Arg(2).Value,
            Arg3 = Arg(3).Value,
            Arg4 = Arg(4).Value,
            Arg5 = Arg(5).Value,
            Tolerated0 = Errno(0),
            Tolerated1 = Errno(1),
            Tolerated2 = Errno(2),
            Tolerated3 = Errno(3),
        };
    }
}
