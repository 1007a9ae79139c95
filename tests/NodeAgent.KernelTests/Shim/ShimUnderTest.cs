using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>A live shim in a folder of its own, connected; ended and swept away on disposal.</summary>
internal sealed class ShimUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ShimReactor _reactor = new();
    private readonly ShimLauncher _launcher;
    private uint _lastSlot;

    private ShimUnderTest(ShimBinary binary)
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        Assert.SkipUnless(File.Exists(binary.File), $"no {binary.File}: {binary.HowToBuild}");
        Folder = Directory.CreateTempSubdirectory("podagent-shim-").FullName;
        _launcher = new ShimLauncher(_reactor, binary.File, NullLogger.Instance);
        Pid = _launcher.Spawn(Folder, "test-pod");
    }

    public string Folder { get; }

    public int Pid { get; }

    public string SocketPath => Path.Combine(Folder, ShimLauncher.SocketName);

    public PodShim Client { get; private set; } = null!;

    public ShimReactor Reactor => _reactor;

    public static async Task<ShimUnderTest> StartAsync(ShimBinary binary)
    {
        ShimUnderTest shim = new(binary);
        await shim.ConnectAsync();
        return shim;
    }

    /// <summary>A (further) connection; Client becomes it.</summary>
    public async Task ConnectAsync()
    {
        PodShim? client = await Soon(_launcher.ConnectAsync(Folder, "test-pod"));
        Client = client ?? throw new InvalidOperationException("the shim is dead");
    }

    /// <summary>Whether a new connection is answered: null when the shim is dead.</summary>
    public Task<PodShim?> TryConnectAsync() => Soon(_launcher.ConnectAsync(Folder, "test-pod"));

    public uint NextSlot() => ++_lastSlot;

    public string LogPath(uint slot) => Path.Combine(Folder, slot.ToString(CultureInfo.InvariantCulture) + ".log");

    public static SafeFileHandle OpenLog(string path) => new(
        Linux.Openat2.OpenPath(path, Linux.Openat2.O_WRONLY | Linux.Openat2.O_CREAT | Linux.Openat2.O_CLOEXEC | 0x400 /* O_APPEND */, 0x1a4 /* 0644 */),
        ownsHandle: true);

    /// <summary>Starts a shell command whose output goes to the slot's log.</summary>
    public async Task<(uint Slot, int Pid)> ShellAsync(string script, ShimStartFlags flags = ShimStartFlags.None, ulong logLimit = 0)
    {
        uint slot = NextSlot();
        using SafeFileHandle log = OpenLog(LogPath(slot));
        ShimOutcome outcome = await StartAsync(new ShimStart
        {
            Slot = slot,
            Program = ShimPrograms.Shell(script),
            Stdio = ShimStdio.LogPipes,
            Flags = flags,
            Log = log,
            LogLimit = logLimit,
        });
        Assert.True(outcome.Succeeded, $"start: op {outcome.OpIndex}, errno {outcome.Errno}");
        return (slot, outcome.Pid);
    }

    /// <summary>Runs a shell command to its end and returns its records.</summary>
    public async Task<CriRecord[]> OutputOfAsync(string script)
    {
        (uint slot, _) = await ShellAsync(script);
        await ExitOfAsync(slot);
        return CriRecord.Read(LogPath(slot));
    }

    public Task<ShimOutcome> StartAsync(ShimStart start) => Soon(Client.StartAsync(start));

    public async Task<ShimExited> ExitOfAsync(uint slot) => await EventAsync<ShimExited>(exit => exit.Slot == slot);

    /// <summary>The next event of that kind; others before it are passed over.</summary>
    public async Task<T> EventAsync<T>(Func<T, bool>? wanted = null)
        where T : ShimEvent
    {
        using CancellationTokenSource deadline = new(Patience);
        await foreach (ShimEvent shimEvent in Client.Events.ReadAllAsync(deadline.Token))
        {
            if (shimEvent is T match && (wanted is null || wanted(match)))
                return match;
        }

        throw new InvalidOperationException("the shim is gone");
    }

    /// <summary>For states that announce themselves to nobody: what the kernel shows of a process.</summary>
    public static async Task EventuallyAsync(string what, Func<bool> condition)
    {
        Stopwatch clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < Patience, $"not within {Patience.TotalSeconds} s: {what}");
            await Task.Delay(10);
        }
    }

    public static Task<T> Soon<T>(Task<T> task) => task.WaitAsync(Patience);

    public static Task Soon(Task task) => task.WaitAsync(Patience);

    /// <summary>A field of /proc/PID/status.</summary>
    public static string Status(int pid, string field) =>
        File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith(field + ":", StringComparison.Ordinal))[(field.Length + 1)..].Trim();

    public long ResidentKilobytes() => long.Parse(Status(Pid, "VmRSS").Split(' ')[0], CultureInfo.InvariantCulture);

    public int OpenFds() => Directory.GetFileSystemEntries($"/proc/{Pid}/fd").Length;

    public async ValueTask DisposeAsync()
    {
        try
        {
            if (await TryConnectAsync() is { } last)
            {
                await Soon(last.ShutdownAsync(force: true));
                await Soon(last.Gone);
                last.Dispose();
            }

            await EventuallyAsync("the shim is reaped", () => !Directory.Exists($"/proc/{Pid}"));
        }
        finally
        {
            Client.Dispose();
            _launcher.Dispose();
            _reactor.Dispose();
            Directory.Delete(Folder, recursive: true);
        }
    }
}
