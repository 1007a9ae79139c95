using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.UnitTests.Shim;

public sealed class SyscallProgramBuilderTests
{
    private readonly SyscallProgramBuilder _builder = new(Architecture.X64);

    [Fact]
    public void The_parts_lie_one_after_another_aligned_and_the_header_names_them()
    {
        _builder.Op("getpid", Syscalls.getpid);
        _builder.Exec("/bin/sh", ["sh", "-c", "true"], ["A=b"]);
        Decoded program = Decoded.Of(_builder.Build());
        SyscallProgramHeader header = program.Header;
        Assert.Equal((ShimAbi.ProgramMagic, ShimAbi.Version, (ushort)62), (header.Magic, header.Version, header.Machine));
        Assert.Equal((uint)program.Bytes.Length, header.Size);
        Assert.Equal((40u, 2u), (header.OpsOffset, header.OpCount));
        Assert.Equal(40u + 2 * 72, header.RelocationsOffset);
        Assert.Equal(header.RelocationsOffset + 8 * header.RelocationCount, header.BlobOffset);
        Assert.Equal(header.Size, header.BlobOffset + header.BlobSize);
        Assert.All([header.OpsOffset, header.RelocationsOffset, header.BlobOffset, header.Size], offset => Assert.Equal(0u, offset % 8));
    }

    [Fact]
    public void Arguments_keep_their_kind_and_value_and_missing_ones_are_0()
    {
        BlobRef path = _builder.String("/data");
        ProgramSlot slot = _builder.Op("first", Syscalls.openat, -100, path, 0x80000).Keep();
        _builder.Op("second", Syscalls.fchown, slot, ProgramArg.PassedFd(3), 0xffffffffu);
        Decoded program = Decoded.Of(_builder.Build());
        Assert.Equal(
            [(SyscallArgKind.Immediate, unchecked((ulong)-100)), (SyscallArgKind.Blob, path.Offset), (SyscallArgKind.Immediate, 0x80000ul)],
            program.Args(0)[..3]);
        Assert.Equal(ShimAbi.FirstFreeResult, program.Ops[0].ResultSlot);
        Assert.Equal(
            [(SyscallArgKind.Result, 8ul), (SyscallArgKind.PassedFd, 3ul), (SyscallArgKind.Immediate, 0xfffffffful), default, default, default],
            program.Args(1));
        Assert.Equal(ShimAbi.NoResult, program.Ops[1].ResultSlot);
        Assert.Equal(4u, program.Header.FdCount);
    }

    [Fact]
    public void Equal_strings_are_stored_once_with_a_NUL()
    {
        BlobRef first = _builder.String("größe");
        Assert.Equal(first, _builder.String("größe"));
        Assert.NotEqual(first, _builder.String("größer"));
        Decoded program = Decoded.Of(_builder.Build());
        Assert.Equal("größe\0"u8, program.Blob.AsSpan((int)first.Offset, (int)first.Size));
    }

    [Fact]
    public void A_string_with_a_NUL_byte_is_refused() => Assert.Throws<ArgumentException>(() => _builder.String("a\0b"));

    [Fact]
    public void A_string_array_is_pointers_to_its_strings_and_a_NULL()
    {
        BlobRef array = _builder.StringArray(["one", "two", "one"]);
        Decoded program = Decoded.Of(_builder.Build());
        Assert.Equal(32u, array.Size);
        string[] pointed = [.. Enumerable.Range(0, 3).Select(i => program.StringAt(program.TargetOf(array.At(i * 8).Offset)!.Value))];
        Assert.Equal(["one", "two", "one"], pointed);
        Assert.Null(program.TargetOf(array.At(24).Offset));
        Assert.Equal(0ul, MemoryMarshal.Read<ulong>(program.Blob.AsSpan((int)array.At(24).Offset)));
        Assert.Equal(0u, array.Offset % 8);
    }

    [Fact]
    public void An_empty_string_array_is_only_the_NULL()
    {
        Assert.Equal(8u, _builder.StringArray([]).Size);
        Assert.Empty(Decoded.Of(_builder.Build()).Relocations);
    }

    [Fact]
    public void Tolerated_errors_and_flags_are_encoded()
    {
        _builder.Op("x", Syscalls.mount).Tolerate(Errno.EPERM, Errno.ENOENT).Tolerate(Errno.EINVAL).Report();
        _builder.Op("y", Syscalls.mount).TolerateAny();
        _builder.Op("z", Syscalls.clone3).ExitIfPositive();
        _builder.Exec("/x", [], []);
        Decoded program = Decoded.Of(_builder.Build());
        SyscallOp x = program.Ops[0];
        Assert.Equal((Errno.EPERM, Errno.ENOENT, Errno.EINVAL, 0), (x.Tolerated0, x.Tolerated1, x.Tolerated2, x.Tolerated3));
        Assert.Equal(
            [SyscallOpFlags.Report, SyscallOpFlags.TolerateAny, SyscallOpFlags.ExitIfPositive, SyscallOpFlags.Exec],
            program.Ops.Select(op => op.Flags));
    }

    [Fact]
    public void A_fifth_tolerated_error_and_a_seventh_argument_are_refused()
    {
        ProgramOp op = _builder.Op("x", Syscalls.mount).Tolerate(1, 2, 3, 4);
        Assert.Throws<ArgumentException>(() => op.Tolerate(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Op("y", Syscalls.mount).Tolerate(0));
        Assert.Throws<ArgumentException>(() => _builder.Op("z", Syscalls.mount, 1, 2, 3, 4, 5, 6, 7));
    }

    [Fact]
    public void A_fallback_is_skipped_on_success_and_a_consequence_on_failure()
    {
        ProgramOp first = _builder.Op("try", Syscalls.mount_setattr);
        _builder.Otherwise(first, [Errno.ENOSYS], () =>
        {
            _builder.Op("fallback 1", Syscalls.mount);
            _builder.Op("fallback 2", Syscalls.mount);
        });
        ProgramOp second = _builder.Op("open", Syscalls.openat);
        _builder.WhenDone(second, [], () => _builder.Op("write", Syscalls.write));
        Decoded program = Decoded.Of(_builder.Build());
        Assert.Equal((2, 0), (program.Ops[0].SkipOnSuccess, program.Ops[0].SkipOnTolerated));
        Assert.Equal(Errno.ENOSYS, program.Ops[0].Tolerated0);
        Assert.Equal((0, 1), (program.Ops[3].SkipOnSuccess, program.Ops[3].SkipOnTolerated));
        Assert.Equal(SyscallOpFlags.TolerateAny, program.Ops[3].Flags);
    }

    [Fact]
    public void A_fallback_belongs_to_the_last_op_only()
    {
        ProgramOp early = _builder.Op("early", Syscalls.mount);
        _builder.Op("late", Syscalls.mount);
        Assert.Throws<InvalidOperationException>(() => _builder.Otherwise(early, [], () => { }));
    }

    [Theory]
    [InlineData(Architecture.X64, 165, 62)]
    [InlineData(Architecture.Arm64, 40, 183)]
    public void Numbers_and_machine_are_those_of_the_architecture(Architecture architecture, int mount, int machine)
    {
        SyscallProgramBuilder builder = new(architecture);
        builder.Op("mount", Syscalls.mount);
        Decoded program = Decoded.Of(builder.Build());
        Assert.Equal((mount, machine), (program.Ops[0].Number, program.Header.Machine));
    }

    [Fact]
    public void A_call_that_the_architecture_does_not_have_is_refused_by_name()
    {
        SyscallProgramBuilder builder = new(Architecture.Arm64);
        builder.Op("open /x", Syscalls.open);
        InvalidOperationException refused = Assert.Throws<InvalidOperationException>(builder.Build);
        Assert.Equal("op open /x: no open on Arm64", refused.Message);
        Assert.Throws<PlatformNotSupportedException>(() => new SyscallProgramBuilder(Architecture.Wasm).Build());
    }

    [Fact]
    public void Parking_has_to_be_the_end()
    {
        _builder.Park();
        Assert.Equal(SyscallOpKind.Park, Decoded.Of(_builder.Build()).Ops[0].Kind);
        _builder.Op("more", Syscalls.getpid);
        Assert.Throws<InvalidOperationException>(_builder.Build);
    }

    [Fact]
    public void Result_slots_run_out_and_say_so()
    {
        for (int i = ShimAbi.FirstFreeResult; i < ShimAbi.ResultSlots; i++)
            Assert.Equal(i, _builder.NewSlot().Index);
        Assert.Throws<InvalidOperationException>(() => _builder.NewSlot());
    }

    [Fact]
    public void Pokes_and_pointers_stay_in_their_place()
    {
        BlobRef place = _builder.Reserve(8);
        _builder.Poke32(place.At(4), 1);
        _builder.Poke64(place, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Poke32(place.At(5), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Poke64(place.At(1), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _builder.Pointer(place.At(1), place));
        Assert.Throws<ArgumentOutOfRangeException>(() => place.At(9));
        Decoded program = Decoded.Of(_builder.Build());
        Assert.Equal([SyscallOpKind.Poke32, SyscallOpKind.Poke64], program.Ops.Select(op => op.Kind));
        Assert.Equal((SyscallArgKind.Blob, place.Offset + 4ul), program.Args(0)[0]);
    }

    [Fact]
    public void Sending_an_fd_builds_the_message_header_of_a_64_bit_kernel()
    {
        ProgramSlot fd = _builder.NewSlot();
        _builder.SendFd("send", ProgramSlot.Report, fd, "payload"u8);
        Decoded program = Decoded.Of(_builder.Build());
        Assert.Equal([SyscallOpKind.Poke32, SyscallOpKind.Syscall], program.Ops.Select(op => op.Kind));
        uint message = (uint)program.Args(1)[1].Value;
        uint vector = program.TargetOf(message + 16)!.Value;
        uint control = program.TargetOf(message + 32)!.Value;
        Assert.Equal((1ul, 24ul), (program.U64(message + 24), program.U64(message + 40)));
        Assert.Equal("payload"u8, program.Blob.AsSpan((int)program.TargetOf(vector)!.Value, (int)program.U64(vector + 8)));
        Assert.Equal((20ul, 1u, 1u), (program.U64(control), program.U32(control + 8), program.U32(control + 12)));
        Assert.Equal(control + 16ul, program.Args(0)[0].Value);
        Assert.Equal((SyscallArgKind.Result, (ulong)fd.Index), program.Args(0)[1]);
        Assert.Equal(Syscalls.sendmsg.X86_64, program.Ops[1].Number);
    }

    [Fact]
    public void A_program_can_be_read()
    {
        ProgramSlot slot = _builder.Op("open /etc/\"x\"", Syscalls.openat, -100, _builder.String("/etc/\"x\"\n"), 0x80000).Tolerate(Errno.ENOENT).Report().Keep();
        _builder.WhenDone(_builder.Op("check", Syscalls.fstat, slot, _builder.Reserve(8)), [], () => _builder.Poke32(_builder.Reserve(4), ProgramArg.PassedFd(1)));
        _builder.Exec("/bin/sh", ["sh"], []);
        SyscallProgram program = _builder.Build();
        Assert.Equal(
            """
               0  r8 = openat(-100, "/etc/\"x\"\n", 0x80000) tolerates ENOENT (reported)  # open /etc/"x"
               1  fstat(r8, blob+16) tolerates any error then skips 1  # check
               2  poke32(blob+24, fd[1])  # poke 4 bytes
               3  execve("/bin/sh", ["sh"], [])  # execve /bin/sh
            """.ReplaceLineEndings("\n"),
            program.ToText());
        Assert.Equal(["open /etc/\"x\"", "check", "poke 4 bytes", "execve /bin/sh"], program.OpNames);
    }

    [Theory]
    [InlineData(0, Errno.EPERM, "mount /proc: EPERM")]
    [InlineData((int)ShimStep.Clone, Errno.EAGAIN, "clone3: EAGAIN")]
    [InlineData((int)ShimStep.Program, Errno.EINVAL, "check the program: EINVAL")]
    [InlineData(77, 999, "op 77: errno 999")]
    public void An_error_names_the_step(int opIndex, int errno, string text)
    {
        _builder.Op("mount /proc", Syscalls.mount);
        Assert.Equal(text, _builder.Build().Describe(opIndex, errno));
    }

    /// <summary>A program as the shim sees it.</summary>
    private sealed record Decoded(byte[] Bytes, SyscallProgramHeader Header, SyscallOp[] Ops, SyscallRelocation[] Relocations, byte[] Blob)
    {
        public static Decoded Of(SyscallProgram program)
        {
            byte[] bytes = program.Bytes;
            SyscallProgramHeader header = MemoryMarshal.Read<SyscallProgramHeader>(bytes);
            return new Decoded(
                bytes,
                header,
                MemoryMarshal.Cast<byte, SyscallOp>(bytes.AsSpan((int)header.OpsOffset, (int)header.OpCount * Unsafe.SizeOf<SyscallOp>())).ToArray(),
                MemoryMarshal.Cast<byte, SyscallRelocation>(bytes.AsSpan((int)header.RelocationsOffset, (int)header.RelocationCount * 8)).ToArray(),
                bytes[(int)header.BlobOffset..(int)(header.BlobOffset + header.BlobSize)]);
        }

        public (SyscallArgKind Kind, ulong Value)[] Args(int op)
        {
            SyscallOp o = Ops[op];
            return
            [
                (o.ArgKind0, o.Arg0), (o.ArgKind1, o.Arg1), (o.ArgKind2, o.Arg2),
                (o.ArgKind3, o.Arg3), (o.ArgKind4, o.Arg4), (o.ArgKind5, o.Arg5),
            ];
        }

        public uint? TargetOf(uint at) => Relocations.Where(relocation => relocation.At == at).Select(relocation => (uint?)relocation.Target).SingleOrDefault();

        public string StringAt(uint offset)
        {
            ReadOnlySpan<byte> rest = Blob.AsSpan((int)offset);
            return Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)0)]);
        }

        public ulong U64(uint at) => MemoryMarshal.Read<ulong>(Blob.AsSpan((int)at));

        public uint U32(uint at) => MemoryMarshal.Read<uint>(Blob.AsSpan((int)at));
    }
}
