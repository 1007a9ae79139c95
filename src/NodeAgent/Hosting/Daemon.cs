using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using NodeAgent.Api;
using NodeAgent.Configuration;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Planning;
using NodeAgent.Images;
using NodeAgent.Images.References;
using NodeAgent.Linux;
using NodeAgent.Manifests;
using NodeAgent.Pods;
using NodeAgent.Runtime;
using NodeAgent.Runtime.Bundle;
using NodeAgent.State;
using NodeAgent.Stats;

namespace NodeAgent.Hosting;

/// <summary>
/// The daemon put together, once a process.
/// <code>
///   images opened (lock) -> runtime recovered (live shims adopted) -> API serves -> loops recovered -> READY=1 -> SIGTERM or SIGINT -> loops end, pods run on
/// </code>
/// READY=1 comes when what ran before is adopted and the manifests were read once. WATCHDOG=1 comes only while every loop turns.
/// </summary>
internal sealed partial class Daemon(AgentOptions options, ILoggerFactory logging, TimeProvider time)
{
    private readonly ILogger _log = logging.CreateLogger<Daemon>();

    public static string Version { get; } =
        typeof(Daemon).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <returns>The exit code: 0 after an orderly stop.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using var notifier = new SystemdNotifier(Environment.GetEnvironmentVariable("NOTIFY_SOCKET"), Environment.GetEnvironmentVariable("WATCHDOG_USEC"));
        LogStarting(Version, options.NodeName, options.Paths.Manifests, options.Paths.Root);
        try
        {
            await ServeAsync(notifier, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop while it was still starting.
        }

        LogStopped();
        return 0;
    }

    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = true;
        stop.Cancel();
    }

    private async Task ServeAsync(SystemdNotifier notifier, CancellationToken stop)
    {
        using var idle = new IdleMemory(time);
        using var facts = new NodeFacts(options, Version, time.GetUtcNow());
        MakeFolders();
        // Both read the disk and neither needs the other.
        Task<ImageService> openImages = Task.Run(
            () => ImageService.OpenAsync(
                options.Paths, time, logging.CreateLogger<ImageService>(), registries: options.Registries, pinned: PinnedNames.Of(options.PinnedImages)),
            stop);
        await using PodRuntime runtime = await PodRuntime.OpenAsync(options.Paths, time, logging.CreateLogger<PodRuntime>(), RuntimeOptions(options, facts));
        await using ImageService images = await openImages;
        using var folder = new InotifyManifestFolder(options.Paths.Manifests);
        var stores = new PodStores(new StatusStore(time), new EventStore(time, options.NodeName), new ManifestErrors(time),
            new KeptPodFiles(options.Paths, logging.CreateLogger<KeptPodFiles>()));
        stores.Pods.Changed += idle.Touch;
        var stats = new NodeStats(options.Paths, CgroupMount.Find(options.Paths.Proc), images.WritableFolder);
        await using var loops = new PodLoops(
            runtime, images, images, folder, new PodSurroundings(options.NodeName, () => facts.Addresses), stores, time, LoopSettings(facts), logging, stats);
        using PressureTrigger? pressure = PressureTrigger.TryStart(loops.PressureSeen, out string problem, options.Paths.Proc);
        if (pressure is null)
            LogNoPressureTrigger(problem);
        var schedule = new NodeSchedule(options.Paths.Scheduling, options.NodeName, loops.Workers, stores.Events, logging.CreateLogger<NodeSchedule>());
        RuntimeStatus status = await runtime.StatusAsync(stop);
        bool ready = false;
        await using var api = new ApiServer(new ApiDependencies
        {
            SocketPath = options.Socket,
            Paths = options.Paths,
            Pods = stores.Pods,
            Events = stores.Events,
            ManifestErrors = stores.Manifests,
            Runtime = runtime,
            Files = runtime,
            Images = images,
            Library = images,
            ImageUsers = loops.ImageUse.ReadAsync,
            ImagesChanged = loops.ImagesChanged,
            PruneImages = loops.Images.PruneAsync,
            WrittenBytes = images.WrittenBytesAsync,
            SetScheduling = schedule.Set,
            DeletePod = loops.Deletions.DeleteAsync,
            Node = () => facts.Describe(status, schedule.Current, loops.Conditions.Show(), NotLive(loops), time.GetUtcNow()),
            Time = time,
            Logging = logging,
            Version = Version,
            NotLive = () => NotLive(loops),
            Served = idle.Touch,
            NotReady = () => ready ? null : "what ran before is still being adopted",
        });
        await api.StartAsync(stop);
        loops.Start();
        await loops.WaitForRecoveryAsync(stop);
        ready = true;
        LogReady(stores.Pods.Current.Pods.Length);
        notifier.Ready($"{stores.Pods.Current.Pods.Length} pods");
        await KeepWatchAsync(notifier, loops, stop);
        notifier.Stopping();
        await api.StopAsync(CancellationToken.None);
        await loops.StopAsync();
    }

    /// <summary>Returns when the daemon is asked to stop, and throws when a loop died.</summary>
    private async Task KeepWatchAsync(SystemdNotifier notifier, PodLoops loops, CancellationToken stop)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration onStop = stop.Register(() => asked.TrySetResult());
        // A loop that dies takes the daemon with it: the service manager starts it again, and the pods do not notice.
        Task over = await Task.WhenAny(asked.Task, loops.Completion, TellAliveAsync(notifier, loops, asked.Task));
        await over;
    }

    /// <summary>WATCHDOG=1 at the interval that the service manager asks for, as long as every loop turns; returns when the stop was asked for.</summary>
    private async Task TellAliveAsync(SystemdNotifier notifier, PodLoops loops, Task asked)
    {
        if (notifier.WatchdogInterval is not { } interval)
        {
            await asked;
            return;
        }

        using var timer = new PeriodicTimer(interval, time);
        do
        {
            if (NotLive(loops) is { } hung)
                LogHung(hung);
            else
                notifier.Watchdog();
        }
        while (await Task.WhenAny(timer.WaitForNextTickAsync(CancellationToken.None).AsTask(), asked) != asked);
    }

    private static string? NotLive(PodLoops loops)
    {
        foreach (LoopHeartbeat loop in loops.Heartbeats)
        {
            if (!loop.IsAlive)
                return $"loop {loop.Name} has not turned for {loop.SinceLastTurn.TotalSeconds:F0} s, limit {loop.Limit.TotalSeconds:F0} s";
        }

        return null;
    }

    private void MakeFolders()
    {
        const UnixFileMode rootOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        const UnixFileMode readable = rootOnly | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        Directory.CreateDirectory(options.Paths.Manifests, readable);
        Directory.CreateDirectory(options.Paths.Root, rootOnly);
        Directory.CreateDirectory(options.Paths.Run, readable);
        Directory.CreateDirectory(options.Paths.PodRecords, rootOnly);
        Directory.CreateDirectory(options.Paths.Logs, readable);
    }

    internal static PodRuntimeOptions RuntimeOptions(AgentOptions options, NodeFacts facts) => new()
    {
        ShimFile = options.ShimPath,
        NodeName = options.NodeName,
        HostIPs = facts.Addresses,
        Allocatable = new NodeAllocatable(facts.Allocatable.MilliCpu, facts.Allocatable.MemoryBytes, facts.Allocatable.EphemeralStorageBytes),
        RequireControllers = options.RequireControllers,
        CgroupDriver = options.CgroupDriver,
        Cgroups = options.Cgroups,
    };

    private PodLoopsSettings LoopSettings(NodeFacts facts)
    {
        PodLoopsSettings settings = new();
        return settings with
        {
            Planner = settings.Planner with { MaxContainerRestartPeriod = options.MaxContainerRestartPeriod },
            Watcher = settings.Watcher with { RelistPeriod = options.FileCheckFrequency },
            Allocatable = facts.Allocatable,
            Eviction = options.Eviction,
            ImageGc = options.ImageGc,
        };
    }
}
