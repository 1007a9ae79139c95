using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;

namespace NodeAgent.Fuzz.Shim;

/// <summary>
/// Feeds bytes to a live shim, as messages and as syscall programs; afterwards it must still answer HELLO.
/// The first byte says what the rest is: a message as it is, a message with a right header, the program of a START, the program of a RUN.
/// Nothing gets through that could do harm: every system call of a program becomes getpid, no program parks or clones, and SHUTDOWN is not sent.
/// </summary>
public static class ShimProtocolFuzz
{
    private static readonly Lazy<LiveShim> Live = new(() => new LiveShim());

    private enum Mode
    {
        Message = 0,
        Headed = 1,
        Start = 2,
        Run = 3,
    }

    public static string Name => "shim-protocol";

    public static void Run(ReadOnlySpan<byte> data)
    {
        if (data.Length < 2 || data.Length > ShimAbi.MaxMessage)
            return;
        byte[] body = data[1..].ToArray();
        switch ((Mode)(data[0] % 4))
        {
            case Mode.Message:
                Live.Value.Send(Harmless(body), HarmlessProgram());
                break;
            case Mode.Headed:
                Live.Value.Send(Harmless(WithHeader(body)), HarmlessProgram());
                break;
            case Mode.Start:
                Live.Value.Send(StartOf(body), Tame(body));
                break;
            default:
                Live.Value.Send(RunRequest(), Tame(body));
                break;
        }

        Live.Value.MustAnswer();
    }

    public static IEnumerable<byte[]> Seeds()
    {
        byte[] program = HarmlessProgram();
        SyscallProgramBuilder rich = new();
        ProgramSlot slot = rich.Op("a", Syscalls.getpid, rich.String("text"), rich.StringArray(["a", "b"]), ProgramArg.PassedFd(0)).Tolerate(1, 2).Report().Keep();
        rich.Poke32(rich.Reserve(16).At(8), slot);
        rich.Poke64(rich.Reserve(16).At(8), ProgramSlot.Report);
        rich.Otherwise(rich.Op("b", Syscalls.getpid), [], () => rich.Op("c", Syscalls.getpid));
        rich.Announce();
        yield return [(byte)Mode.Start, .. program];
        yield return [(byte)Mode.Run, .. program];
        yield return [(byte)Mode.Start, .. rich.Build().Bytes];
        yield return [(byte)Mode.Run, .. rich.Build().Bytes];
        yield return [(byte)Mode.Message, .. WithHeader(new byte[64])];
        for (ushort type = 1; type <= 14; type++)
            yield return [(byte)Mode.Headed, (byte)type, 0, .. new byte[88]];
        yield return [(byte)Mode.Headed, (byte)ShimMessageType.Start, 0, .. StartOf([]).AsSpan(16)];
    }

    private static byte[] HarmlessProgram()
    {
        SyscallProgramBuilder builder = new();
        builder.Op("getpid", Syscalls.getpid);
        builder.Announce();
        return builder.Build().Bytes;
    }

    /// <summary>The first two bytes are the type.</summary>
    private static byte[] WithHeader(byte[] body)
    {
        byte[] message = new byte[Math.Min(ShimAbi.MaxMessage, 16 + Math.Max(0, body.Length - 2))];
        body.AsSpan(Math.Min(2, body.Length), message.Length - 16 < body.Length - 2 ? message.Length - 16 : Math.Max(0, body.Length - 2)).CopyTo(message.AsSpan(16));
        ShimHeader header = new()
        {
            Size = (uint)message.Length,
            Type = body.Length >= 2 ? (ShimMessageType)MemoryMarshal.Read<ushort>(body) : ShimMessageType.Hello,
            Version = ShimAbi.Version,
            Sequence = 1,
        };
        MemoryMarshal.Write(message, in header);
        return message;
    }

    private static byte[] Harmless(byte[] message)
    {
        if (message.Length < 16)
            return message;
        ref ShimHeader header = ref MemoryMarshal.AsRef<ShimHeader>(message.AsSpan());
        if (header.Type == ShimMessageType.Shutdown)
            header.Type = ShimMessageType.List;
        return message;
    }

    private static byte[] StartOf(byte[] program)
    {
        uint Pick(int at) => program.Length > at ? program[at] : 0u;
        ShimStartRequest request = new()
        {
            Header = new ShimHeader { Size = (uint)Unsafe.SizeOf<ShimStartRequest>(), Type = ShimMessageType.Start, Version = ShimAbi.Version, Sequence = 2 },
            Slot = 1 + Pick(3),
            Flags = (ShimStartFlags)(Pick(4) & 3),
            Stdio = (ShimStdio)(Pick(5) % 5),
            LogLimit = Pick(6),
            ProgramFd = 0,
            CgroupFd = -1,
            PidNamespaceFd = -1,
            LogFd = (int)(Pick(7) % 4) - 2,
            StdinFd = -1,
            StdoutFd = -1,
            StderrFd = -1,
        };
        return MemoryMarshal.AsBytes(new ReadOnlySpan<ShimStartRequest>(in request)).ToArray();
    }

    private static byte[] RunRequest()
    {
        ShimRunRequest request = new()
        {
            Header = new ShimHeader { Size = (uint)Unsafe.SizeOf<ShimRunRequest>(), Type = ShimMessageType.Run, Version = ShimAbi.Version, Sequence = 3 },
        };
        return MemoryMarshal.AsBytes(new ReadOnlySpan<ShimRunRequest>(in request)).ToArray();
    }

    /// <summary>Leaves the layout as fuzzed, right or wrong; only what the ops may do is taken from them, wherever the header says they are.</summary>
    private static byte[] Tame(byte[] program)
    {
        if (program.Length < Unsafe.SizeOf<SyscallProgramHeader>())
            return program;
        ref SyscallProgramHeader header = ref MemoryMarshal.AsRef<SyscallProgramHeader>(program.AsSpan());
        // Mutations rarely get the size right, and everything behind that check should be reached.
        if (program[^1] % 2 == 0)
            header.Size = (uint)program.Length;
        int size = Unsafe.SizeOf<SyscallOp>();
        long at = header.OpsOffset;
        for (uint i = 0; i < header.OpCount && at + size <= program.Length; i++, at += size)
        {
            ref SyscallOp op = ref MemoryMarshal.AsRef<SyscallOp>(program.AsSpan((int)at, size));
            op.Number = Syscalls.getpid.Number;
            op.Flags &= ~SyscallOpFlags.ExitIfPositive;
            if (op.Kind == SyscallOpKind.Park)
                op.Kind = SyscallOpKind.Announce;
        }

        return program;
    }

    /// <summary>One shim for the whole run, ended with the process.</summary>
    private sealed class LiveShim
    {
        private const int InputsBetweenSweeps = 200;

        private readonly string _folder = Directory.CreateTempSubdirectory("podagent-shim-fuzz-").FullName;
        private readonly ShimReactor _reactor = new();
        private readonly ShimLauncher _launcher;
        private ShimConnection? _connection;
        private int _inputs;

        public LiveShim()
        {
            string file = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "bin", "podagent-shim"));
            _launcher = new ShimLauncher(_reactor, file, NullLogger.Instance);
            _launcher.Spawn(_folder, "fuzz");
            AppDomain.CurrentDomain.ProcessExit += (_, _) => End();
        }

        public void Send(byte[] message, byte[] program)
        {
            using SafeFileHandle file = Memfd.Sealed("fuzz", program);
            _connection ??= Connect();
            if (_connection.Send(message, [file]) == ShimTransfer.Done)
                return;
            _connection.Dispose();
            _connection = null;
        }

        public void MustAnswer()
        {
            using PodShim shim = _launcher.ConnectAsync(_folder, "fuzz").WaitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult()
                ?? throw new InvalidOperationException("the shim is dead");
            if (++_inputs % InputsBetweenSweeps == 0)
                SweepAsync(shim).WaitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult();
        }

        private static async Task SweepAsync(PodShim shim)
        {
            foreach (ShimSlot slot in await shim.ListAsync().ConfigureAwait(false))
            {
                if (slot.State == ShimSlotState.Exited)
                    await shim.ForgetAsync(slot.Id).ConfigureAwait(false);
            }
        }

        private ShimConnection Connect() =>
            ShimConnection.Connect(Path.Combine(_folder, ShimLauncher.SocketName)) ?? throw new InvalidOperationException("the shim is dead");

        private void End()
        {
            using (PodShim? shim = _launcher.ConnectAsync(_folder, "fuzz").WaitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult())
                shim?.ShutdownAsync(force: true).WaitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult();
            _connection?.Dispose();
            _launcher.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
