using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;
using NodeAgent.Testing.Rootfs;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

/// <summary>
/// One pod's shim and a busybox root, to run containers in and read what they say of themselves. Every run has a root of its own: an overlay over one
/// busybox tree. Disposing ends everything.
/// </summary>
internal sealed class TestPod : IAsyncDisposable
{
    private const ulong Limit = 20;
    private readonly ScratchDirectory _scratch = new();
    private readonly ShimReactor _reactor = new();
    private readonly ShimLauncher _launcher;
    private readonly Dictionary<uint, ShimExited> _exits = [];
    private uint _lastSlot;
    private PodShim? _shim;

    private TestPod()
    {
        Busybox = _scratch.Make("busybox");
        BusyboxRootfs.Create(Busybox);
        Empty = _scratch.Make("empty");
        _launcher = new ShimLauncher(_reactor, ShimFile(), NullLogger.Instance);
    }

    internal string Busybox { get; }

    internal string Empty { get; }

    internal string Scratch => _scratch.Path;

    internal PodShim Shim => _shim ?? throw new InvalidOperationException("not started");

    internal int ShimPid { get; private set; }

    /// <summary>Where the last container's own files went.</summary>
    internal string LastUpper { get; private set; } = "";

    internal static ulong Available { get; } = OwnCapabilities();

    internal static async Task<TestPod> StartAsync(SandboxSpec? sandbox = null)
    {
        Assert.SkipUnless(Environment.UserName == "root", "containers take root");
        Assert.SkipWhen(BusyboxRootfs.Binary is null, "there is no static busybox: install busybox-static");
        TestPod pod = new();
        try
        {
            string records = pod._scratch.Make("records");
            pod.ShimPid = pod._launcher.Spawn(records, "test");
            pod._shim = await pod._launcher.ConnectAsync(records, "test");
            SyscallProgram program = SandboxProgram.Build(sandbox ?? new SandboxSpec { Hostname = "web" });
            ShimOutcome outcome = await pod.Shim.RunAsync(program, []);
            Assert.True(outcome.Succeeded, outcome.Describe(program));
            return pod;
        }
        catch
        {
            await pod.DisposeAsync();
            throw;
        }
    }

    /// <summary>A container that runs a shell script as root with default rights.</summary>
    internal ContainerSpec Shell(string script, ProcessUser? user = null) => new()
    {
        Name = "main",
        RootMountPoint = Empty,
        OomScoreAdj = 500,
        MaskedPaths = DefaultPaths.MaskedOn("/sys"),
        Process = new ProcessSpec
        {
            Argv = ["sh", "-c", script],
            Env = ["PATH=/bin", "HOME=/root"],
            User = user ?? new ProcessUser(0, 0, [0, 10]),
            Capabilities = new CapabilitySets(CapabilitySets.Default & Available),
            Seccomp = DefaultFilter(CapabilitySets.Default & Available),
            Rlimits = [Rlimit.OpenFiles(1024)],
        },
    };

    internal static ReadOnlyMemory<byte> DefaultFilter(ulong bounding) =>
        SeccompCompiler.Compile(DefaultSeccompPolicy.For(bounding, arm: false));

    /// <summary>Runs to the end; stdout and stderr together.</summary>
    internal async Task<Run> RunAsync(
        ContainerSpec spec, IReadOnlyList<SafeFileHandle>? mounts = null, SafeFileHandle? pidNamespace = null, SafeFileHandle? cgroup = null)
    {
        Run run = await StartAsync(spec, mounts, pidNamespace, cgroup: cgroup);
        return run.Outcome.Succeeded ? await FinishAsync(run) : run;
    }

    internal async Task<string> OutputAsync(
        ContainerSpec spec, IReadOnlyList<SafeFileHandle>? mounts = null, SafeFileHandle? pidNamespace = null, SafeFileHandle? cgroup = null)
    {
        Run run = await RunAsync(spec, mounts, pidNamespace, cgroup);
        Assert.True(run.Outcome.Succeeded, run.Failure);
        return run.Output.TrimEnd('\n');
    }

    internal async Task<Run> StartAsync(
        ContainerSpec spec, IReadOnlyList<SafeFileHandle>? mounts = null, SafeFileHandle? pidNamespace = null, ShimStdio stdio = ShimStdio.Passed,
        SafeFileHandle? cgroup = null, string? stdin = null)
    {
        using SafeFileHandle root = MountRoot(spec);
        SyscallProgram program = ContainerProgram.Build(spec);
        return await StartProgramAsync(program, [root, .. mounts ?? []], ContainerProgram.CloneFlags(spec), stdio, pidNamespace, spec.Process.Argv[0], cgroup, stdin);
    }

    internal async Task<Run> ExecAsync(uint container, ProcessSpec process, ShimStdio stdio = ShimStdio.Passed)
    {
        using ShimSlotFds fds = await Shim.GetFdsAsync(container, ShimFds.Pidfd);
        Run run = await StartProgramAsync(ExecProgram.Build("main", process), [fds.Pidfd!], ExecProgram.CloneFlags, stdio, fds.Pidfd, process.Argv[0]);
        return run.Outcome.Succeeded ? await FinishAsync(run) : run;
    }

    internal async Task<Run> StartProgramAsync(
        SyscallProgram program, IReadOnlyList<SafeFileHandle> fds, ulong cloneFlags, ShimStdio stdio, SafeFileHandle? pidNamespace, string command,
        SafeFileHandle? cgroup = null, string? stdin = null)
    {
        uint slot = ++_lastSlot;
        string output = $"{Scratch}/output-{slot}";
        // A log file is appended to by the shim; a passed one is written to by the container.
        using SafeFileHandle file = new(
            Openat2.OpenPath(output, Openat2.O_RDWR | Openat2.O_CREAT | Openat2.O_CLOEXEC | 0x400 /* O_APPEND */, 0x1b6), ownsHandle: true);
        string input = $"{Scratch}/input-{slot}";
        if (stdin is not null) File.WriteAllText(input, stdin);
        using SafeFileHandle? inputFile = stdin is null ? null : File.OpenHandle(input);
        bool passed = stdio == ShimStdio.Passed;
        ShimOutcome outcome = await Shim.StartAsync(new ShimStart
        {
            Slot = slot,
            Program = program,
            ProgramFds = fds,
            CloneFlags = cloneFlags,
            Stdio = stdio,
            PidNamespace = pidNamespace,
            Cgroup = cgroup,
            Stdin = inputFile,
            Stdout = passed ? file : null,
            Stderr = passed ? file : null,
            Log = passed ? null : file,
        });
        string failure = outcome.Succeeded
            ? ""
            : ExecSearch.Describe(program, command, outcome.OpIndex, outcome.Errno, outcome.Tolerated.Select(error => (error.OpIndex, error.Errno)))
                + $" ({outcome.Describe(program)})";
        return new Run(slot, outcome, program, output, failure);
    }

    internal async Task<Run> FinishAsync(Run run)
    {
        using CancellationTokenSource timeout = new(TimeSpan.FromSeconds(Limit));
        while (!_exits.ContainsKey(run.Slot))
        {
            if (await Shim.Events.ReadAsync(timeout.Token) is ShimExited exited) _exits[exited.Slot] = exited;
        }
        return run with { ExitCode = ShimWaitStatus.ExitCode(_exits[run.Slot].WaitStatus) };
    }

    public async ValueTask DisposeAsync()
    {
        if (_shim is not null)
        {
            await _shim.ShutdownAsync(force: true);
            await _shim.Gone.WaitAsync(TimeSpan.FromSeconds(Limit));
            _shim.Dispose();
        }
        _launcher.Dispose();
        _reactor.Dispose();
        _scratch.Dispose();
    }

    private SafeFileHandle MountRoot(ContainerSpec spec)
    {
        string key = $"root-{_lastSlot + 1}";
        LastUpper = _scratch.Make(key + "/upper");
        SafeFileHandle root = new RootfsMounter(_scratch.Path + "/scratch").Mount(new Mount(
            "overlay", "overlay",
            [new("lowerdir+", Busybox), new("upperdir", LastUpper), new("workdir", _scratch.Make(key + "/work"))]));
        foreach (string path in MountTargets.Standard) MountTargets.Prepare(root, path, isDirectory: true);
        foreach (BundleMount mount in spec.Mounts.Where(mount => !mount.Target.StartsWith("/dev/", StringComparison.Ordinal)))
        {
            MountTargets.Prepare(root, mount.Target, mount.IsDirectory);
        }
        return root;
    }

    private static string ShimFile()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "artifacts/bin/podagent-shim");
            if (File.Exists(candidate)) return candidate;
        }
        throw new InvalidOperationException("the shim is not built: run make build");
    }

    private static ulong OwnCapabilities()
    {
        string line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("CapPrm:", StringComparison.Ordinal));
        return Convert.ToUInt64(line["CapPrm:".Length..].Trim(), 16);
    }

    /// <param name="Failure">What the status of the container would show; empty when it started.</param>
    internal sealed record Run(uint Slot, ShimOutcome Outcome, SyscallProgram Program, string OutputPath, string Failure)
    {
        internal int ExitCode { get; init; } = -1;

        internal string Output => File.ReadAllText(OutputPath);
    }
}
