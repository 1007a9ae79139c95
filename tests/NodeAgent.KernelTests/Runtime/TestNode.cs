using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.KernelTests.Shim;
using NodeAgent.Linux;
using NodeAgent.Runtime;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Cgroups.Systemd;
using NodeAgent.Testing.Rootfs;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>
/// A node of a test's own: folders, cgroup root and a busybox image, and the runtime on it, which can crash and come back. Disposing removes every pod and
/// asserts that the leak ledger is empty.
/// </summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("podagent-runtime-").FullName;
    private readonly Dictionary<string, string> _uppers = new(StringComparer.Ordinal);
    private int _pods;

    private readonly CgroupDriverKind _driver;

    private TestNode(string cgroupMount, CgroupDriverKind driver)
    {
        _driver = driver;
        string cgroup = Path.GetFileName(_root);
        Paths = new StatePaths(
            _root + "/lib", _root + "/run", _root + "/log", _root + "/etc",
            $"{cgroupMount}/{(driver == CgroupDriverKind.Systemd ? SliceTree.FolderOf(cgroup) : cgroup)}");
        Directory.CreateDirectory(Busybox);
        BusyboxRootfs.Create(Busybox);
    }

    public StatePaths Paths { get; }

    public PodRuntime Runtime { get; private set; } = null!;

    public Action<string>? Failpoint { get; set; }

    /// <summary>From the next start of the runtime on.</summary>
    public bool RequireControllers { get; set; }

    public ImageRecord Image { get; set; } = new(
        "sha256:busybox", ["docker.io/library/busybox:test"], "sha256:manifest", 1, ["sha256:layer"],
        new ImageConfig { Env = ["PATH=/bin"], Cmd = ["sh"] }, DateTimeOffset.UnixEpoch);

    public CgroupSettings Cgroups { get; init; } = new();

    public string Scratch => _root + "/scratch";

    private string Busybox => _root + "/busybox";

    public static async Task<TestNode> OpenAsync(CgroupDriverKind driver = CgroupDriverKind.Cgroupfs, CgroupSettings? settings = null)
    {
        Assert.SkipUnless(driver != CgroupDriverKind.Systemd || SystemdBus.IsBooted, "systemd does not run this machine");
        Assert.SkipUnless(Environment.UserName == "root", "containers take root");
        Assert.SkipWhen(BusyboxRootfs.Binary is null, "there is no static busybox: install busybox-static");
        string? mount = CgroupMount.Find();
        Assert.SkipWhen(mount is null, "no cgroup2 filesystem is mounted");
        Assert.SkipUnless(File.Exists(new ZeroShim().File), $"the shim is not built: {new ZeroShim().HowToBuild}");
        TestNode node = new(mount, driver) { Cgroups = settings ?? new CgroupSettings() };
        Directory.CreateDirectory(node.Scratch);
        try
        {
            node.Runtime = await node.OpenRuntimeAsync();
            return node;
        }
        catch
        {
            DirectoryTree.Remove(node._root);
            throw;
        }
    }

    public Task<PodRuntime> OpenRuntimeAsync() => PodRuntime.OpenAsync(
        Paths, TimeProvider.System, NullLogger<PodRuntime>.Instance, new PodRuntimeOptions
        {
            ShimFile = new ZeroShim().File,
            NodeName = "test-node",
            RequireControllers = RequireControllers,
            CgroupDriver = _driver,
            Cgroups = Cgroups,
            HostIPs = ["192.0.2.1"],
            Allocatable = new NodeAllocatable(2000, 1L << 30, 0),
            KillDeadline = TimeSpan.FromSeconds(10),
            Failpoint = step => Failpoint?.Invoke(step),
        });

    /// <summary>
    /// Lets the runtime go as a crash would: its connections close, a verb that hangs in a failpoint hangs for good, and another one is opened over what it left.
    /// </summary>
    public async Task<PodRuntime> RestartAsync()
    {
        Failpoint = null;
        await Runtime.DisposeAsync();
        return Runtime = await OpenRuntimeAsync();
    }

    public Pod PodOf(string name, params Container[] containers) => new()
    {
        ApiVersion = "v1",
        Kind = "Pod",
        Metadata = new ObjectMeta { Name = name, Namespace = "default", Uid = UidOf(name).Value },
        Spec = new PodSpec { Containers = containers, RestartPolicy = RestartPolicy.Never, TerminationGracePeriodSeconds = 1, DnsPolicy = DnsPolicy.Default },
    };

    public static Container Shell(string script, string name = "main") =>
        new() { Name = name, Image = "busybox", Command = ["sh", "-c", script] };

    public static PodUid UidOf(string podName) =>
        new(new Guid(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(podName)).AsSpan(0, 16)).ToString());

    private static ContainerId IdOf(PodSandboxId sandbox, string container, int attempt) => new(Convert.ToHexStringLower(
        System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{sandbox}/{container}/{attempt.ToString(CultureInfo.InvariantCulture)}"))));

    public Task<PodSandbox> RunSandboxAsync(Pod pod, int attempt = 0) => Runtime.RunPodSandboxAsync(
        new PodSandboxConfig(UidOf(pod.Metadata!.Name!), pod, attempt, "/etc/podagent/test.yaml"), default);

    public async Task<ContainerId> CreateAsync(Pod pod, string container = "main", int attempt = 0, int sandboxAttempt = 0)
    {
        PodUid uid = UidOf(pod.Metadata!.Name!);
        PodSandboxId sandbox = PodSandboxId.For(uid, sandboxAttempt);
        ContainerId id = IdOf(sandbox, container, attempt);
        Container manifest = pod.Spec!.Containers!.Concat(pod.Spec.InitContainers ?? []).First(c => c.Name == container);
        return await Runtime.CreateContainerAsync(
            new ContainerConfig(sandbox, uid, pod, manifest, ContainerType.Regular, attempt, "hash", Image, Rootfs(id), id, TimeSpan.FromSeconds(10)), default);
    }

    public async Task<ContainerId> StartAsync(Pod pod, string container = "main", int attempt = 0, int sandboxAttempt = 0)
    {
        ContainerId id = await CreateAsync(pod, container, attempt, sandboxAttempt);
        await Runtime.StartContainerAsync(id, default);
        return id;
    }

    /// <summary>A pod with one container, run to its end: what it logged to stdout, and how it ended.</summary>
    public async Task<(string Output, ContainerRun Run)> RunToEndAsync(Pod pod, string container = "main")
    {
        if (await Runtime.PodStatusAsync(UidOf(pod.Metadata!.Name!), default) is null) await RunSandboxAsync(pod);
        ContainerId id = await StartAsync(pod, container);
        ContainerRun run = await EndAsync(pod, id);
        return (Log(run), run);
    }

    public Task<(string Output, ContainerRun Run)> RunToEndAsync(string script) =>
        RunToEndAsync(PodOf($"p{Interlocked.Increment(ref _pods).ToString(CultureInfo.InvariantCulture)}", Shell(script)));

    public async Task<ContainerRun> RunOfAsync(Pod pod, ContainerId id)
    {
        PodRuntimeState state = Assert.IsType<PodRuntimeState>(await Runtime.PodStatusAsync(UidOf(pod.Metadata!.Name!), default));
        return Assert.Single(state.Containers, run => run.Id == id);
    }

    /// <summary>The run when it has ended: looks again after each event.</summary>
    public async Task<ContainerRun> EndAsync(Pod pod, ContainerId id)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        while (true)
        {
            ContainerRun run = await RunOfAsync(pod, id);
            if (run.State is ContainerRunState.Exited or ContainerRunState.Unknown) return run;
            await Runtime.Events.ReadAsync(deadline.Token);
        }
    }

    public async Task EventAsync(Predicate<RuntimeEvent> wanted)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        while (!wanted(await Runtime.Events.ReadAsync(deadline.Token)))
        {
        }
    }

    /// <summary>Of a process whose end has been brought about: the kernel may take a moment more to finish it, after its cgroup counts as empty.</summary>
    public static void AssertEnds(int pid)
    {
        using SafeFileHandle? process = Pidfd.Open(pid);
        Assert.True(process is null || Poll.Wait(process, Poll.POLLIN, TimeSpan.FromSeconds(10)), $"process {pid} lives on");
    }

    /// <summary>For what only a container does and no event tells: looks again every few milliseconds.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        using PeriodicTimer again = new(TimeSpan.FromMilliseconds(5));
        while (!condition()) await again.WaitForNextTickAsync(deadline.Token);
    }

    /// <summary>The texts of a log's records.</summary>
    public static string Log(ContainerRun run, string stream = "stdout")
    {
        IEnumerable<string> texts =
            from line in File.ReadAllLines(run.LogPath)
            let fields = line.Split(' ', 4)
            where fields.Length == 4 && fields[1] == stream
            select fields[3];
        return string.Join('\n', texts);
    }

    public Mount Rootfs(ContainerId id)
    {
        if (!_uppers.TryGetValue(id.Value, out string? folder))
        {
            folder = _uppers[id.Value] = $"{_root}/snapshots/{_uppers.Count.ToString(CultureInfo.InvariantCulture)}";
            Directory.CreateDirectory(folder + "/fs");
            Directory.CreateDirectory(folder + "/work");
        }
        return new Mount("overlay", "overlay", [new("lowerdir", Busybox), new("upperdir", folder + "/fs"), new("workdir", folder + "/work")]);
    }

    public async Task RemovePodAsync(Pod pod) => await RemovePodAsync(UidOf(pod.Metadata!.Name!));

    public async Task RemovePodAsync(PodUid uid)
    {
        if (await Runtime.PodStatusAsync(uid, default) is not { } state) return;
        foreach (PodSandbox sandbox in state.Sandboxes) await Runtime.RemovePodSandboxAsync(sandbox.Id, default);
    }

    public async ValueTask DisposeAsync()
    {
        Failpoint = null;
        foreach (PodRuntimeState state in await Runtime.ListPodsAsync(default)) await RemovePodAsync(state.Uid);
        await Runtime.RemoveOrphanVolumesAsync(new HashSet<PodUid>(), default);
        IReadOnlyList<Leak> leaks = LeakLedger.List(Paths);
        await Runtime.DisposeAsync();
        // Slices are the service manager's.
        bool cgroupLeft = _driver == CgroupDriverKind.Cgroupfs && Directory.Exists(Paths.Cgroup);
        DirectoryTree.Remove(_root);
        Assert.Empty(leaks);
        Assert.False(cgroupLeft, $"cgroup {Paths.Cgroup} is left");
    }
}
