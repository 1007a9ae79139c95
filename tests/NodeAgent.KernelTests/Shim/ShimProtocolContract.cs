using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>What a shim promises to those who break the rules.</summary>
public abstract class ShimProtocolContract(ShimBinary binary)
{
    [Fact]
    public async Task Garbage_is_answered_or_hung_up_on_but_never_fatal()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        await shim.ShellAsync("exec sleep 100");
        Random random = new(20260131);
        ShimConnection raw = ShimConnection.Connect(shim.SocketPath)!;
        for (int i = 0; i < 5000; i++)
        {
            byte[] message = new byte[random.Next(1, 200)];
            random.NextBytes(message);
            if (message.Length >= 16 && random.Next(4) > 0)
            {
                ShimHeader header = new()
                {
                    Size = (uint)message.Length,
                    Type = (ShimMessageType)random.Next(0, 16),
                    Version = ShimAbi.Version,
                    Sequence = (uint)i,
                };

                // Neither an end nor a signal: those are meant to do something. Nor a whole START or RUN, which have tests of their own.
                if (header.Type is ShimMessageType.Shutdown or ShimMessageType.Kill)
                    header.Type = ShimMessageType.Hello;
                MemoryMarshal.Write(message, in header);
            }

            while (raw.Send(message, []) != ShimTransfer.Done)
            {
                // Hung up on, or its answers have filled the socket: either way a new one, after the shim has caught up.
                raw.Dispose();
                await ShimUnderTest.Soon(shim.Client.ListAsync());
                raw = ShimConnection.Connect(shim.SocketPath)!;
            }
        }

        raw.Dispose();
        Assert.Single(await ShimUnderTest.Soon(shim.Client.ListAsync()));
        await shim.ConnectAsync();
    }

    [Fact]
    public async Task Malformed_programs_are_refused_as_invalid()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        byte[] good = ShimPrograms.Shell("exit 0").Bytes;
        SyscallProgramHeader header = MemoryMarshal.Read<SyscallProgramHeader>(good);
        (string What, Action<byte[]> Break)[] cases =
        [
            ("magic", bytes => bytes[0] ^= 1),
            ("another machine", bytes => bytes[6] ^= 1),
            ("size", bytes => bytes[8] ^= 1),
            ("ops outside", bytes => Write(bytes, 12, 0x7fffff00u)),
            ("ops not aligned", bytes => Write(bytes, 12, header.OpsOffset + 4)),
            ("too many ops", bytes => Write(bytes, 16, 0x10000000u)),
            ("relocations outside", bytes => Write(bytes, 24, 0x20000000u)),
            ("blob over the ops", bytes => Write(bytes, 28, 40u)),
            ("blob outside", bytes => Write(bytes, 32, header.BlobSize + 8)),
            ("an fd that was not passed", bytes =>
            {
                // One is: the program's own.
                bytes[header.OpsOffset + 8] = (byte)SyscallArgKind.PassedFd;
                Write(bytes, (int)header.OpsOffset + 16, 1u);
            }),
            ("an argument kind", bytes => bytes[header.OpsOffset + 8] = 9),
            ("an op kind", bytes => bytes[header.OpsOffset] = 99),
            ("a result slot", bytes => bytes[header.OpsOffset + 1] = ShimAbi.ResultSlots),
            ("a result as argument", bytes => Write(bytes, (int)header.OpsOffset + 16, 64u)),
            ("a blob address", bytes =>
            {
                bytes[header.OpsOffset + 8] = (byte)SyscallArgKind.Blob;
                Write(bytes, (int)header.OpsOffset + 16, header.BlobSize + 1);
            }),
            ("a relocation's place", bytes => Write(bytes, (int)header.RelocationsOffset, header.BlobSize - 7)),
            ("a relocation's target", bytes => Write(bytes, (int)header.RelocationsOffset + 4, header.BlobSize + 1)),
            ("park before the end", bytes => bytes[header.OpsOffset] = (byte)SyscallOpKind.Park),
            ("a poke outside", bytes =>
            {
                bytes[header.OpsOffset] = (byte)SyscallOpKind.Poke64;
                bytes[header.OpsOffset + 8] = (byte)SyscallArgKind.Blob;
                Write(bytes, (int)header.OpsOffset + 16, header.BlobSize - 7);
            }),
        ];
        foreach ((string what, Action<byte[]> breakIt) in cases)
        {
            byte[] bytes = [.. good];
            breakIt(bytes);
            SyscallProgram program = new(bytes, ["op"], ["op"], 0);
            ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = program });
            Assert.True((outcome.Errno, outcome.OpIndex) == (Errno.EINVAL, (int)ShimStep.Program), $"{what}: errno {outcome.Errno}, op {outcome.OpIndex}");
        }

        for (int length = 0; length < good.Length; length += 37)
        {
            ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = new(good[..length], [], [], 0) });
            Assert.Equal(Errno.EINVAL, outcome.Errno);
        }

        ShimOutcome sound = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = ShimPrograms.Shell("exit 0") });
        Assert.True(sound.Succeeded);

        static void Write(byte[] bytes, int at, uint value) => MemoryMarshal.Write(bytes.AsSpan(at), in value);
    }

    [Fact]
    public async Task A_program_that_could_still_be_changed_is_refused()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        using SafeFileHandle open = Memfd.Create("not sealed", ShimPrograms.Shell("exit 0").Bytes);
        using ShimConnection raw = ShimConnection.Connect(shim.SocketPath)!;
        ShimStartRequest request = new() { Slot = 1, ProgramFd = 0, CgroupFd = -1, PidNamespaceFd = -1, LogFd = -1, StdinFd = -1, StdoutFd = -1, StderrFd = -1 };
        request.Header = new ShimHeader { Size = (uint)Unsafe.SizeOf<ShimStartRequest>(), Type = ShimMessageType.Start, Version = ShimAbi.Version, Sequence = 5 };
        raw.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<ShimStartRequest>(in request)), [open]);
        ShimStartReply reply = MemoryMarshal.Read<ShimStartReply>(await ReceiveAsync(raw));
        Assert.Equal((-Errno.EINVAL, 5u, (int)ShimStep.Program), (reply.Header.Result, reply.Header.Sequence, reply.OpIndex));
    }

    [Theory]
    [InlineData(99, ShimAbi.Version, -Errno.EOPNOTSUPP)]
    [InlineData((int)ShimMessageType.Hello, 2, -Errno.EPROTO)]
    public async Task What_is_not_understood_is_said_so(int type, int version, int result)
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("exec sleep 100");
        using ShimConnection raw = ShimConnection.Connect(shim.SocketPath)!;
        ShimSlotRequest request = new() { Slot = slot };
        request.Header = new ShimHeader { Size = 24, Type = (ShimMessageType)type, Version = (ushort)version, Sequence = 9 };
        raw.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<ShimSlotRequest>(in request)), []);
        ShimHeader reply = MemoryMarshal.Read<ShimHeader>(await ReceiveAsync(raw));
        Assert.Equal((result, 9u), (reply.Result, reply.Sequence));
    }

    [Fact]
    public async Task A_longer_request_of_a_newer_daemon_is_taken()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        using ShimConnection raw = ShimConnection.Connect(shim.SocketPath)!;
        byte[] message = new byte[120];
        ShimHeader header = new() { Size = 120, Type = ShimMessageType.Hello, Version = ShimAbi.Version, Sequence = 1 };
        MemoryMarshal.Write(message, in header);
        raw.Send(message, []);
        ShimHelloReply reply = MemoryMarshal.Read<ShimHelloReply>(await ReceiveAsync(raw));
        Assert.Equal((0, shim.Pid), (reply.Header.Result, reply.Pid));
    }

    [Fact]
    public async Task Descriptors_nobody_asked_for_are_closed()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        using ShimConnection raw = ShimConnection.Connect(shim.SocketPath)!;
        ShimHeader header = new() { Size = 16, Type = ShimMessageType.Hello, Version = ShimAbi.Version, Sequence = 1 };
        using SafeFileHandle some = File.OpenHandle("/dev/null");
        raw.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<ShimHeader>(in header)), []);
        await ReceiveAsync(raw);
        int before = shim.OpenFds();
        for (int i = 0; i < 10; i++)
        {
            raw.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<ShimHeader>(in header)), [.. Enumerable.Repeat(some, 250)]);
            await ReceiveAsync(raw);
        }

        Assert.Equal(before, shim.OpenFds());
    }

    [Fact]
    public async Task A_subscriber_that_does_not_read_is_told_that_events_were_lost()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        using ShimConnection sleeper = ShimConnection.Connect(shim.SocketPath)!;
        ShimHeader header = new() { Size = 16, Type = ShimMessageType.Subscribe, Version = ShimAbi.Version, Sequence = 1 };
        sleeper.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<ShimHeader>(in header)), []);
        const int Exits = 600;
        for (int i = 0; i < Exits; i++)
        {
            (uint slot, _) = await shim.ShellAsync("exit 0", ShimStartFlags.NoExitRecord);
            await shim.ExitOfAsync(slot);
            await shim.Client.ForgetAsync(slot);
        }

        int exits = 0;
        bool lost = false;
        while (!lost)
        {
            ShimHeader got = MemoryMarshal.Read<ShimHeader>(await ReceiveAsync(sleeper));
            exits += got.Type == ShimMessageType.ExitEvent ? 1 : 0;
            lost = got.Type == ShimMessageType.EventsLostEvent;
        }

        Assert.InRange(exits, 1, Exits - 1);
        (uint next, _) = await shim.ShellAsync("exit 0");
        ShimExitEvent after = MemoryMarshal.Read<ShimExitEvent>(await ReceiveAsync(sleeper));
        Assert.Equal((ShimMessageType.ExitEvent, next), (after.Header.Type, after.Slot));
    }

    [Fact]
    public async Task Another_user_is_hung_up_on_even_if_the_socket_s_mode_lets_him_in()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        const UnixFileMode All = (UnixFileMode)0x1ff;
        File.SetUnixFileMode(shim.Folder, All);
        File.SetUnixFileMode(shim.SocketPath, All);
        Assert.Equal(shim.Pid, await HelloAsAsync(shim, 0));
        Assert.Equal(0, await HelloAsAsync(shim, 65534));
    }

    [Fact]
    public async Task For_one_connection_too_many_the_oldest_that_has_not_subscribed_gives_way()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        List<ShimConnection> many = [];
        for (int i = 0; i < ShimAbi.MaxConnections; i++)
            many.Add(ShimConnection.Connect(shim.SocketPath)!);
        await ShimUnderTest.EventuallyAsync("the first is hung up on", () => many[0].Receive(new byte[64], out _, out _) == ShimTransfer.Gone);
        Assert.Equal(ShimTransfer.WouldBlock, many[1].Receive(new byte[64], out _, out _));
        Assert.Empty(await ShimUnderTest.Soon(shim.Client.ListAsync()));
        many.ForEach(connection => connection.Dispose());
    }

    /// <summary>A process of that user says HELLO; the shim's pid as it was told, 0 for no answer.</summary>
    private static async Task<int> HelloAsAsync(ShimUnderTest shim, uint uid)
    {
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_SEQPACKET);
        using SafeFileHandle nearEnd = near;
        using SafeFileHandle farEnd = far;
        SyscallProgramBuilder builder = new();
        byte[] address = new byte[110];
        address[0] = Sockets.AF_UNIX;
        System.Text.Encoding.UTF8.GetBytes(shim.SocketPath).CopyTo(address, 2);
        ShimHeader header = new() { Size = 16, Type = ShimMessageType.Hello, Version = ShimAbi.Version, Sequence = 1 };
        BlobRef answer = builder.Reserve(64);
        builder.Announce();
        builder.Op("become the user", Syscalls.setresuid, uid, uid, uid);
        ProgramSlot socket = builder.Op("socket", Syscalls.socket, Sockets.AF_UNIX, Sockets.SOCK_SEQPACKET, 0).Keep();
        builder.Op("connect", Syscalls.connect, socket, builder.Bytes(address), 110);
        builder.Op("say hello", Syscalls.sendto, socket, builder.Struct(header), 16, Sockets.MSG_NOSIGNAL, 0, 0).TolerateAny();
        builder.Op("listen", Syscalls.read, socket, answer, 64).TolerateAny();
        builder.Op("tell", Syscalls.write, ProgramArg.PassedFd(0), answer, 64);
        uint slot = shim.NextSlot();
        Assert.True((await shim.StartAsync(new ShimStart { Slot = slot, Program = builder.Build(), ProgramFds = [far] })).Succeeded);
        Assert.Equal(0, (await shim.ExitOfAsync(slot)).WaitStatus);
        byte[] told = new byte[64];
        Assert.Equal(64, Sockets.ReceiveWithFds(near, told, out _, 0));
        return MemoryMarshal.Read<ShimHelloReply>(told).Pid;
    }

    private static async Task<byte[]> ReceiveAsync(ShimConnection raw)
    {
        byte[] buffer = new byte[ShimAbi.MaxMessage];
        int length = 0;
        ShimTransfer outcome = ShimTransfer.WouldBlock;
        await ShimUnderTest.EventuallyAsync("an answer", () => (outcome = raw.Receive(buffer, out length, out _)) != ShimTransfer.WouldBlock);
        Assert.Equal(ShimTransfer.Done, outcome);
        return buffer[..length];
    }
}
