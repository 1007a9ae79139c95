using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Shim;

namespace NodeAgent.Linux.Shim;

/// <summary>
/// Writes a syscall program. Pure: it only makes bytes. Ops are played in the order of the calls; strings and structs go to the
/// blob and are referred to by <see cref="BlobRef"/>.
/// </summary>
public sealed class SyscallProgramBuilder(Architecture architecture)
{
    private readonly List<ProgramOp> _ops = [];
    private readonly List<SyscallRelocation> _relocations = [];
    private readonly Dictionary<string, BlobRef> _strings = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, string> _blobTexts = [];
    private byte[] _blob = new byte[1024];
    private int _blobLength;
    private int _slots = ShimAbi.FirstFreeResult;

    public SyscallProgramBuilder()
        : this(RuntimeInformation.ProcessArchitecture)
    {
    }

    /// <summary>How many ops there are so far.</summary>
    public int Count => _ops.Count;

    /// <summary>Adds a system call. <paramref name="name"/> is for people: what is done to what.</summary>
    public ProgramOp Op(string name, Syscall syscall, params ReadOnlySpan<ProgramArg> args) =>
        Add(new ProgramOp(this, name, SyscallOpKind.Syscall, syscall, args));

    /// <summary>Writes a value's low 4 bytes into the blob when the program reaches this op.</summary>
    public ProgramOp Poke32(BlobRef at, ProgramArg value) => Poke(SyscallOpKind.Poke32, at, value, 4);

    /// <summary>Writes a value's 8 bytes into the blob when the program reaches this op.</summary>
    public ProgramOp Poke64(BlobRef at, ProgramArg value) => Poke(SyscallOpKind.Poke64, at, value, 8);

    /// <summary>Replaces the process: the last op of a container.</summary>
    public ProgramOp Exec(string path, IEnumerable<string> argv, IEnumerable<string> envp) =>
        Op($"execve {path}", Syscalls.execve, String(path), StringArray(argv), StringArray(envp)).With(SyscallOpFlags.Exec);

    /// <summary>Marks an op of another call (execveat) as the one that replaces the process.</summary>
    public ProgramOp Exec(string name, Syscall syscall, params ReadOnlySpan<ProgramArg> args) =>
        Op(name, syscall, args).With(SyscallOpFlags.Exec);

    /// <summary>Stays as the pod's init: the last op of a shared pid namespace's first process.</summary>
    public ProgramOp Park() => Add(new ProgramOp(this, "park as init", SyscallOpKind.Park, null, []));

    /// <summary>Has START answered now, for a program that goes on without execve: at its end the process exits with 0, at a failing op with 127.</summary>
    public ProgramOp Announce() => Add(new ProgramOp(this, "announce", SyscallOpKind.Announce, null, []));

    /// <summary>Plays <paramref name="fallback"/> only if <paramref name="op"/>, the last one so far, fails with one of the errnos (none: with any).</summary>
    public void Otherwise(ProgramOp op, ReadOnlySpan<int> errnos, Action fallback)
    {
        op.SkipOnSuccess = PlayAfter(op, errnos, fallback);
    }

    /// <summary>Plays <paramref name="then"/> only if <paramref name="op"/>, the last one so far, succeeds; one of the errnos (none: any) skips it.</summary>
    public void WhenDone(ProgramOp op, ReadOnlySpan<int> errnos, Action then)
    {
        op.SkipOnTolerated = PlayAfter(op, errnos, then);
    }

    /// <summary>A result slot of the program's own.</summary>
    public ProgramSlot NewSlot() =>
        _slots < ShimAbi.ResultSlots ? new ProgramSlot((byte)_slots++) : throw new InvalidOperationException("out of result slots");

    /// <summary>A NUL-terminated UTF-8 string; equal strings are stored once.</summary>
    public BlobRef String(string text)
    {
        if (_strings.TryGetValue(text, out BlobRef known))
            return known;
        if (text.Contains('\0', StringComparison.Ordinal))
            throw new ArgumentException("a string with a NUL byte", nameof(text));
        BlobRef at = Append(Encoding.UTF8.GetBytes(text + "\0"), 1);
        _strings.Add(text, at);
        _blobTexts[at.Offset] = ProgramText.Quote(text);
        return at;
    }

    /// <summary>A NULL-terminated array of strings (argv, envp).</summary>
    public BlobRef StringArray(IEnumerable<string> texts)
    {
        string[] all = [.. texts];
        BlobRef[] items = [.. all.Select(String)];
        BlobRef at = Reserve((items.Length + 1) * 8);
        for (int i = 0; i < items.Length; i++)
            Pointer(at.At(i * 8), items[i]);
        _blobTexts[at.Offset] = $"[{string.Join(", ", all.Select(ProgramText.Quote))}]";
        return at;
    }

    /// <summary>Bytes as they are, 8-aligned.</summary>
    public BlobRef Bytes(ReadOnlySpan<byte> bytes) => Append(bytes, 8);

    /// <summary>A struct of the kernel's, 8-aligned. Pointers in it are set by <see cref="Pointer"/>.</summary>
    public BlobRef Struct<T>(in T value)
        where T : unmanaged => Append(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)), 8);

    /// <summary>Zeroed room, 8-aligned, for the kernel or a poke to write to.</summary>
    public BlobRef Reserve(int size) => Append(new byte[size], 8);

    /// <summary>Makes the 8 bytes at a place point to another.</summary>
    public void Pointer(BlobRef at, BlobRef target)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(at.Size, 8u, nameof(at));
        _relocations.Add(new SyscallRelocation { At = at.Offset, Target = target.Offset });
    }

    /// <summary>Sends an fd as SCM_RIGHTS over a unix socket, with <paramref name="payload"/> as the message. See unix(7), cmsg(3).</summary>
    public ProgramOp SendFd(string name, ProgramArg socket, ProgramArg fd, ReadOnlySpan<byte> payload)
    {
        BlobRef data = Bytes(payload);
        BlobRef iovec = Reserve(16);
        Pointer(iovec, data);
        Write(iovec.At(8), (ulong)payload.Length);
        BlobRef control = Reserve(24);
        Write(control, 20UL);               // cmsg_len = CMSG_LEN(4)
        Write(control.At(8), 1);            // SOL_SOCKET
        Write(control.At(12), 1);           // SCM_RIGHTS
        BlobRef message = Reserve(56);      // struct msghdr
        Pointer(message.At(16), iovec);
        Write(message.At(24), 1UL);
        Pointer(message.At(32), control);
        Write(message.At(40), 24UL);
        Poke32(control.At(16), fd);
        return Op(name, Syscalls.sendmsg, socket, message, 0x4000 /* MSG_NOSIGNAL */);
    }

    /// <summary>Hands the terminal's master to the shim (stdio mode Terminal). Must come before exec: the master is close-on-exec.</summary>
    public ProgramOp SendTerminal(ProgramArg master)
    {
        ShimReport report = new() { Kind = ShimReportKind.Terminal, OpIndex = Count };
        return SendFd("send the terminal", ProgramSlot.Report, master, MemoryMarshal.AsBytes(new ReadOnlySpan<ShimReport>(in report)));
    }

    public SyscallProgram Build()
    {
        CheckOps();
        int opsOffset = Unsafe.SizeOf<SyscallProgramHeader>();
        int relocationsOffset = opsOffset + _ops.Count * Unsafe.SizeOf<SyscallOp>();
        int blobOffset = relocationsOffset + _relocations.Count * Unsafe.SizeOf<SyscallRelocation>();
        int blobSize = (_blobLength + 7) & ~7;
        byte[] bytes = new byte[blobOffset + blobSize];
        if (bytes.Length > ShimAbi.MaxProgramBytes)
            throw new InvalidOperationException($"a program of {bytes.Length} bytes, at most {ShimAbi.MaxProgramBytes}");
        SyscallProgramHeader header = new()
        {
            Magic = ShimAbi.ProgramMagic,
            Version = ShimAbi.Version,
            Machine = MachineOf(architecture),
            Size = (uint)bytes.Length,
            OpsOffset = (uint)opsOffset,
            OpCount = (uint)_ops.Count,
            RelocationsOffset = (uint)relocationsOffset,
            RelocationCount = (uint)_relocations.Count,
            BlobOffset = (uint)blobOffset,
            BlobSize = (uint)blobSize,
            FdCount = (uint)FdCount(),
        };
        MemoryMarshal.Write(bytes, in header);
        SyscallOp[] ops = [.. _ops.Select(op => op.Encode(architecture))];
        MemoryMarshal.AsBytes(ops.AsSpan()).CopyTo(bytes.AsSpan(opsOffset));
        MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_relocations)).CopyTo(bytes.AsSpan(relocationsOffset));
        _blob.AsSpan(0, _blobLength).CopyTo(bytes.AsSpan(blobOffset));
        return new SyscallProgram(
            bytes,
            [.. _ops.Select(op => op.Name)],
            [.. _ops.Select(op => ProgramText.Of(op, _blobTexts))],
            FdCount());
    }

    /// <summary>e_machine of the ELF specification.</summary>
    internal static ushort MachineOf(Architecture architecture) => architecture switch
    {
        Architecture.X64 => 62,
        Architecture.Arm64 => 183,
        _ => throw new PlatformNotSupportedException($"no shim for {architecture}"),
    };

    private ProgramOp Add(ProgramOp op)
    {
        _ops.Add(op);
        return op;
    }

    private ProgramOp Poke(SyscallOpKind kind, BlobRef at, ProgramArg value, uint size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(at.Size, size, nameof(at));
        return Add(new ProgramOp(this, $"poke {size} bytes", kind, null, [at, value]));
    }

    private byte PlayAfter(ProgramOp op, ReadOnlySpan<int> errnos, Action ops)
    {
        if (_ops.Count == 0 || !ReferenceEquals(_ops[^1], op))
            throw new InvalidOperationException($"op {op.Name} is not the last one");
        _ = errnos.IsEmpty ? op.TolerateAny() : op.Tolerate(errnos);
        int before = _ops.Count;
        ops();
        return checked((byte)(_ops.Count - before));
    }

    private int FdCount() =>
        _ops.SelectMany(op => op.Args).Where(arg => arg.Kind == SyscallArgKind.PassedFd).Select(arg => (int)arg.Value + 1).DefaultIfEmpty(0).Max();

    private void CheckOps()
    {
        if (_ops.Count > ShimAbi.MaxProgramOps)
            throw new InvalidOperationException($"{_ops.Count} ops, at most {ShimAbi.MaxProgramOps}");
        for (int i = 0; i < _ops.Count; i++)
        {
            if (_ops[i].Kind == SyscallOpKind.Park && i != _ops.Count - 1)
                throw new InvalidOperationException($"op {i} parks, but {_ops.Count - 1 - i} more follow");
        }
    }

    private void Write<T>(BlobRef at, T value)
        where T : unmanaged => MemoryMarshal.Write(_blob.AsSpan((int)at.Offset, Unsafe.SizeOf<T>()), in value);

    private BlobRef Append(ReadOnlySpan<byte> bytes, int alignment)
    {
        int start = (_blobLength + alignment - 1) & -alignment;
        int end = checked(start + bytes.Length);
        if (end > _blob.Length)
            Array.Resize(ref _blob, Math.Max(end, _blob.Length * 2));
        bytes.CopyTo(_blob.AsSpan(start));
        _blobLength = end;
        return new BlobRef((uint)start, (uint)bytes.Length);
    }
}
