using Microsoft.Extensions.Logging;
using NodeAgent.Core.Admission;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Planning;
using NodeAgent.Pods.Hooks;
using NodeAgent.Pods.Probing;

namespace NodeAgent.Pods;

/// <summary>The periods of the loops. A test sets its own; the daemon takes the defaults or its configuration's.</summary>
public sealed record PodLoopsSettings
{
    public PlannerSettings Planner { get; init; } = PlannerSettings.Default;
    public ManifestWatcherSettings Watcher { get; init; } = ManifestWatcherSettings.Default;

    /// <summary>What the node can give to pods. By default there is no end to it.</summary>
    public NodeResources Allocatable { get; init; } = new(long.MaxValue, long.MaxValue, long.MaxValue, long.MaxValue);

    public EvictionSettings Eviction { get; init; } = EvictionSettings.Default;

    /// <summary>Between looks at what the node has left; what the kernel reports is seen at once.</summary>
    public TimeSpan HousekeepingPeriod { get; init; } = TimeSpan.FromSeconds(10);

    public ImageGcSettings ImageGc { get; init; } = ImageGcSettings.Default;

    /// <summary>Between looks at the disk of the images; a kubelet's.</summary>
    public TimeSpan ImageGcPeriod { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Between listings of everything that runs, the net under the runtime's events.</summary>
    public TimeSpan RelistPeriod { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>0 to 1, drawn for every probe that is taken over from an earlier agent: when in its period it begins.</summary>
    public Func<double> Chance { get; init; } = Random.Shared.NextDouble;

    /// <summary>Between attempts to list what runs at the start.</summary>
    public TimeSpan RecoveryRetryPeriod { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// All loops of the agent, put together.
/// <code>
///   created --StartAsync--> recovering --everything that runs is adopted, the folder is listed once--> running --StopAsync--> stopped
/// </code>
/// The order of recovery: 1. list what runs (tried until it succeeds: starting a pod without knowing what runs could start it twice); 2. a worker takes over
/// each pod as its record says; 3. the first listing of the manifests; 4. only then what nobody wants ends.
/// A folder that cannot be listed does not hold up step 4 for ever: the adopted pods run on, and nothing ends until it can be.
/// Caller: the daemon, once. Stopping ends the loops and leaves the pods running.
/// </summary>
public sealed partial class PodLoops : IAsyncDisposable
{
    private readonly IPodRuntime _runtime;
    private readonly SteadyClock _clock;
    private readonly PodLoopsSettings _settings;
    private readonly ILogger<PodLoops> _log;
    private readonly ManifestWatcher _watcher;
    private readonly Pleg _pleg;
    private readonly EvictionLoop? _eviction;
    private readonly ImageGcLoop? _imageGc;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _recovered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _loops = Task.CompletedTask;

    public PodLoops(
        IPodRuntime runtime,
        IImageService images,
        ISnapshotter snapshots,
        IManifestFolder folder,
        PodSurroundings surroundings,
        PodStores stores,
        TimeProvider time,
        PodLoopsSettings settings,
        ILoggerFactory logs,
        INodeStats? stats = null)
    {
        _runtime = runtime;
        _settings = settings;
        _clock = new SteadyClock(time);
        _log = logs.CreateLogger<PodLoops>();
        var cache = new PodCache(runtime);
        var hooks = new LifecycleHooks(runtime, stores.Events, surroundings, _clock);
        var executor = new PodPlanExecutor(
            runtime, snapshots, new ImageEnsurer(images, stores.Events, _clock), hooks, stores.Events, _clock, settings.Planner);
        var prober = new ProberParts(runtime, new ProbeRunner(runtime, _clock), stores.Events, surroundings, _clock, settings.Chance);
        var publisher = new PodStatusPublisher(stores.Pods, stores.Kept, surroundings, _clock);
        Conditions = new NodeConditions(time);
        var allocations = new PodAllocations(settings.Allocatable);
        Workers = new PodWorkers(new PodWorkerParts(
            runtime, cache, executor, prober, publisher, stores.Kept, stores.Events, allocations, Conditions, _clock, settings.Planner, logs.CreateLogger<PodWorker>()));
        allocations.RoomFreed += Workers.RetryResizes;
        ImageUse = new ImageUse(runtime, images, Workers);
        Images = new ImageCollector(runtime, images, snapshots, ImageUse, settings.ImageGc, _clock, logs.CreateLogger<ImageCollector>());
        var intake = new ManifestIntake(surroundings.NodeName, folder.Path, Workers, stores, logs.CreateLogger<ManifestIntake>());
        var leavings = new OrphanVolumes(runtime, stores.Kept, Workers, intake, logs.CreateLogger<OrphanVolumes>());
        _watcher = new ManifestWatcher(folder, intake, leavings, _clock, settings.Watcher, logs.CreateLogger<ManifestWatcher>());
        Deletions = new PodDeletions(surroundings.NodeName, folder, _watcher, Workers, _clock, logs.CreateLogger<PodDeletions>());
        _pleg = new Pleg(runtime, snapshots, executor, cache, Workers, _clock, settings.RelistPeriod, logs.CreateLogger<Pleg>());
        if (stats is not null)
        {
            _eviction = new EvictionLoop(
                runtime, snapshots, Images, stats, Workers, Conditions, stores.Events, settings.Eviction, settings.HousekeepingPeriod, surroundings.NodeName, _clock,
                logs.CreateLogger<EvictionLoop>());
            _imageGc = new ImageGcLoop(
                Images, stats, Workers, stores.Events, settings.ImageGc, settings.ImageGcPeriod, surroundings.NodeName, _clock, logs.CreateLogger<ImageGcLoop>());
        }
    }

    public PodWorkers Workers { get; }

    /// <summary>Deletes pods by name, with their manifests.</summary>
    public PodDeletions Deletions { get; }

    /// <summary>Under which pressure the node is.</summary>
    public NodeConditions Conditions { get; }

    /// <summary>Which images pods need.</summary>
    public ImageUse ImageUse { get; }

    /// <summary>Removes images that no pod needs.</summary>
    public ImageCollector Images { get; }

    /// <summary>The loops that have to turn for the agent to be alive.</summary>
    public IReadOnlyList<LoopHeartbeat> Heartbeats =>
        [_watcher.Heartbeat, _pleg.Heartbeat, .. _eviction is null ? [] : new[] { _eviction.Heartbeat }, .. _imageGc is null ? [] : new[] { _imageGc.Heartbeat }];

    /// <summary>Sets the loops going and returns; <see cref="WaitForRecoveryAsync"/> tells when they are all there.</summary>
    public void Start() => _loops = RunAsync();

    /// <summary>Ends when the loops do: normally after <see cref="StopAsync"/>, with an error when one of them failed, which none ever should. Then the agent has to go.</summary>
    public Task Completion => _loops;

    /// <summary>Returns when what ran before is adopted and the manifests have been listed once: the agent is ready.</summary>
    public Task WaitForRecoveryAsync(CancellationToken cancellationToken) => _recovered.Task.WaitAsync(cancellationToken);

    /// <summary>To be called when images were loaded: pods that wait for one try again at once.</summary>
    public void ImagesChanged() => Workers.RetryImages();

    /// <summary>To be called when the kernel reports that processes stall for want of memory.</summary>
    public void PressureSeen() => _eviction?.CheckSoon();

    /// <summary>Ends the loops and waits for them. The pods run on.</summary>
    public async Task StopAsync()
    {
        _stopping.Cancel();
        _recovered.TrySetCanceled();
        await Workers.StopAsync();
        await _loops;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        await Task.Yield();
        try
        {
            await RecoverAsync();
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            return;
        }

        // From here on an event can only concern a pod that has a worker or that a relist will find.
        var events = _pleg.RunEventsAsync(_stopping.Token);
        _watcher.Start();
        _recovered.TrySetResult();
        List<Task> loops = [events, _pleg.RunRelistAsync(_stopping.Token), _watcher.RunAsync(_stopping.Token)];
        if (_eviction is not null)
            loops.Add(_eviction.RunAsync(_stopping.Token));
        if (_imageGc is not null)
            loops.Add(_imageGc.RunAsync(_stopping.Token));
        try
        {
            await await Task.WhenAny(loops);
            await Task.WhenAll(loops);
        }
        catch (Exception error)
        {
            LogLoopFailed(error);
            throw;
        }
    }

    private async Task RecoverAsync()
    {
        while (true)
        {
            try
            {
                var running = await _runtime.ListPodsAsync(_stopping.Token);
                foreach (var state in running)
                    Workers.Adopt(state);
                LogRecovered(running.Count);
                return;
            }
            catch (Exception error) when (!_stopping.IsCancellationRequested)
            {
                LogRecoveryFailed(error);
                await Task.Delay(_settings.RecoveryRetryPeriod, _clock.Time, _stopping.Token);
            }
        }
    }
}
