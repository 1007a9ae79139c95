using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Containers;
using NodeAgent.Runtime.Exec;
using NodeAgent.Runtime.Network;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.Sandbox;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime;

/// <summary>
/// The kernel as an <see cref="IPodRuntime"/>. Every fact is in a record or in a shim before it is in here: this object can vanish at any instant and
/// <see cref="OpenAsync"/> makes another that knows the same.
/// <code>
/// verb -> pod's gate -> SandboxSetup | SandboxTeardown | ContainerStarter     change what there is
///      -> ContainerStopper | ExecStarter                                      do not hold the gate: they may take long
/// shim -> ShimWatch -> ContainerExits -> record, then event
/// </code>
/// Callers: any thread. Disposing lets go of the shims; pods run on.
/// </summary>
public sealed class PodRuntime : IPodRuntime, IContainerFiles, IAsyncDisposable
{
    // Hints may be lost, so that a reader which is stuck costs no memory.
    private const int MaxEvents = 4096;

    // What the field's runtimes give under systemd. More is harmful: some programs close every possible descriptor one by one when they start.
    private const ulong MaxOpenFiles = 1 << 20;

    private readonly RuntimeNode _node;
    private readonly ShimReactor _reactor;
    private readonly Channel<RuntimeEvent> _events;
    private readonly ConcurrentDictionary<PodUid, LivePod> _pods = new();
    private readonly ContainerExits _exits;
    private readonly ContainerStopper _stopper;
    private readonly OomWatch _oom;
    private readonly ContainerStarter _starter;
    private readonly SandboxTeardown _teardown;
    private readonly SandboxSetup _setup;
    private readonly ShimWatch _watch;
    private readonly ExecStarter _exec;
    private readonly AttachStarter _attach;
    private readonly ResourceUpdates _resources;
    private readonly PodDialer _dialer;

    private PodRuntime(RuntimeNode node, ShimReactor reactor, Channel<RuntimeEvent> events)
    {
        _node = node;
        _reactor = reactor;
        _events = events;
        _exits = new ContainerExits(node);
        _stopper = new ContainerStopper(node);
        _oom = new OomWatch(node, reactor);
        _starter = new ContainerStarter(node, _exits, _stopper, _oom);
        _teardown = new SandboxTeardown(node, _exits);
        _setup = new SandboxSetup(node, _teardown);
        _watch = new ShimWatch(node, _exits, _teardown);
        _exec = new ExecStarter(node, reactor);
        _attach = new AttachStarter(reactor);
        _resources = new ResourceUpdates(node);
        _dialer = new PodDialer(node);
    }

    public ChannelReader<RuntimeEvent> Events => _events.Reader;

    /// <summary>
    /// Makes the folders and the cgroup root, and recovers what an earlier agent left: see <see cref="Recovery"/>. Throws when the node can run no pods.
    /// </summary>
    public static async Task<PodRuntime> OpenAsync(StatePaths paths, TimeProvider time, ILogger<PodRuntime> logger, PodRuntimeOptions options)
    {
        string mount = CgroupMount.Find(paths.Proc) ?? throw new InvalidOperationException("no cgroup2 filesystem is mounted: pods can be neither tracked nor ended");
        PodCgroups cgroups = CgroupDrivers.Open(paths, mount, options, time, logger);
        string rootMountPoint = paths.Run + "/rootfs";
        Directory.CreateDirectory(rootMountPoint);
        ShimReactor reactor = new();
        try
        {
            var events = Channel.CreateBounded<RuntimeEvent>(new BoundedChannelOptions(MaxEvents) { FullMode = BoundedChannelFullMode.DropOldest });
            RuntimeNode node = new(
                paths, options, time, logger, new RecordStore(paths), cgroups, new PodVolumes(paths), new ShimLauncher(reactor, options.ShimFile, logger),
                new RootfsMounter(paths.Run + "/overlay"), events.Writer, rootMountPoint, Procfs.PermittedCapabilities(paths.Proc),
                DefaultPaths.MaskedOn("/sys"), Procfs.MemoryTotal(paths.Proc),
                Math.Min(Procfs.OpenFilesLimit(paths.Proc) ?? MaxOpenFiles, MaxOpenFiles));
            PodRuntime runtime = new(node, reactor, events);
            await runtime.RecoverAsync();
            return runtime;
        }
        catch
        {
            reactor.Dispose();
            cgroups.Dispose();
            throw;
        }
    }

    public ValueTask<RuntimeStatus> StatusAsync(CancellationToken cancellationToken)
    {
        IReadOnlyList<string> missing = _node.Cgroups.Missing;
        string message = missing.Count == 0 ? "" : $"cgroup v2 controllers missing: {string.Join(", ", missing)}";
        return ValueTask.FromResult(new RuntimeStatus(true, message, missing) { CgroupDriver = _node.Cgroups.Driver.Kind.ToString().ToLowerInvariant() });
    }

    public async Task<PodSandbox> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken cancellationToken)
    {
        PodSandbox? sandbox;
        do
        {
            LivePod pod = _pods.GetOrAdd(config.Uid, static (uid, manifest) => new LivePod(uid, manifest), config.Pod);
            // While this waited, the pod's last sandbox may have been removed, and the pod been forgotten with it.
            sandbox = await GatedAsync(
                pod, cancellationToken, async () => _pods.GetValueOrDefault(config.Uid) == pod ? await RunPodSandboxAsync(pod, config, cancellationToken) : null);
        }
        while (sandbox is null);
        return sandbox;
    }

    public Task StopPodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken) =>
        WithSandboxAsync(id, cancellationToken, sandbox => _teardown.StopAsync(sandbox, "stopped"));

    public Task RemovePodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken) =>
        WithSandboxAsync(id, cancellationToken, sandbox => _teardown.RemoveAsync(sandbox));

    public Task<ContainerId> CreateContainerAsync(ContainerConfig config, CancellationToken cancellationToken)
    {
        LiveSandbox sandbox = FindSandbox(config.Sandbox) ?? throw new PodRuntimeException(
            RuntimeFailure.NotFound, $"container {config.Container.Name}: sandbox {config.Sandbox} does not exist");
        return GatedAsync(sandbox.Pod, cancellationToken, () =>
        {
            if (sandbox.Containers.ContainsKey(config.Id)) return Task.FromResult(config.Id);
            ContainerRecord record = RecordOf(config);
            _node.Records.Write(config.Uid, sandbox.Attempt, record);
            sandbox.Containers[config.Id] = _node.Adopt(sandbox, record);
            return Task.FromResult(config.Id);
        });
    }

    public Task StartContainerAsync(ContainerId id, CancellationToken cancellationToken)
    {
        LiveContainer container = FindContainer(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {id} does not exist");
        return GatedAsync(container.Sandbox.Pod, cancellationToken, async () =>
        {
            if (container.Phase == ContainerPhase.Created) await _starter.StartAsync(container);
            return true;
        });
    }

    public Task StopContainerAsync(ContainerId id, TimeSpan grace, string? signal, CancellationToken cancellationToken) =>
        FindContainer(id) is { } container ? _stopper.StopAsync(container, grace, signal, cancellationToken) : Task.CompletedTask;

    public async Task RemoveContainerAsync(ContainerId id, CancellationToken cancellationToken)
    {
        if (FindContainer(id) is not { } container) return;
        await _stopper.KillAsync(container);
        await GatedAsync(container.Sandbox.Pod, cancellationToken, async () =>
        {
            // It may have been started between the kill and the gate.
            await _stopper.KillAsync(container);
            ContainerRecord record = container.Record;
            TerminationLog.Remove(_node.TerminationLogPath(container));
            _node.Records.RemoveContainer(container.Sandbox.Pod.Uid, container.Sandbox.Attempt, record.Name, record.Attempt, record.Id);
            container.Sandbox.Containers.TryRemove(id, out _);
            return true;
        });
    }

    public Task UpdateContainerResourcesAsync(ContainerId id, ResourceRequirements? resources, CancellationToken cancellationToken)
    {
        LiveContainer container = FindContainer(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {id} does not exist");
        return GatedAsync(container.Sandbox.Pod, cancellationToken, () =>
        {
            _resources.Update(container, resources);
            return Task.FromResult(true);
        });
    }

    public Task UpdatePodSandboxResourcesAsync(PodSandboxId id, Pod pod, CancellationToken cancellationToken)
    {
        if (FindSandbox(id) is null) throw new PodRuntimeException(RuntimeFailure.NotFound, $"sandbox {id} does not exist");
        return WithSandboxAsync(id, cancellationToken, sandbox => _resources.UpdateAsync(sandbox, pod, cancellationToken));
    }

    public async Task<IReadOnlyList<PodRuntimeState>> ListPodsAsync(CancellationToken cancellationToken)
    {
        foreach (LivePod pod in _pods.Values)
        {
            foreach (LiveSandbox sandbox in pod.Sandboxes)
            {
                if (sandbox is { IsReady: true, Shim: { } shim }) await CompareAsync(sandbox, shim, cancellationToken);
            }
        }
        return [.. from pod in _pods.Values orderby pod.Uid let state = pod.ToCri() where state is not null select state];
    }

    public Task<PodRuntimeState?> PodStatusAsync(PodUid uid, CancellationToken cancellationToken) =>
        Task.FromResult(_pods.GetValueOrDefault(uid)?.ToCri());

    public Task<IExecSession> ExecAsync(ExecRequest request, CancellationToken cancellationToken) =>
        FindContainer(request.Container) is { } container
            ? _exec.StartAsync(container, request)
            : throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {request.Container} does not exist");

    public Task<IExecSession> AttachAsync(AttachRequest request, CancellationToken cancellationToken) => _attach.StartAsync(Existing(request.Container), request);

    public Task CopyOutAsync(ContainerId container, string path, Stream archive, CancellationToken cancellationToken) =>
        ContainerFiles.CopyOutAsync(_node, Existing(container), path, archive, cancellationToken);

    public Task<IReadOnlyList<string>> CopyInAsync(ContainerId container, string path, string name, Stream archive, CancellationToken cancellationToken) =>
        ContainerFiles.CopyInAsync(_node, Existing(container), path, name, archive, cancellationToken);

    public Task<IPodConnection> ConnectAsync(PodUid uid, int port, CancellationToken cancellationToken) =>
        _dialer.ConnectAsync(_pods.GetValueOrDefault(uid)?.Sandboxes.FirstOrDefault(sandbox => sandbox.IsReady), uid, port, cancellationToken);

    public async Task ReopenContainerLogAsync(ContainerId id, CancellationToken cancellationToken)
    {
        LiveContainer container = FindContainer(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {id} does not exist");
        if (container.Phase != ContainerPhase.Running || container.Sandbox.Shim is not { } shim) return;
        using var log = ContainerStarter.OpenLog(container.Record.LogPath);
        await shim.SetLogAsync(container.Record.Slot, log, 0);
    }

    public Task RemovePodLogsAsync(string @namespace, string name, PodUid uid, CancellationToken cancellationToken)
    {
        DirectoryTree.Remove(_node.Paths.PodLogs(@namespace, name, uid.Value));
        return Task.CompletedTask;
    }

    public Task RemovePodVolumesAsync(PodUid uid, CancellationToken cancellationToken)
    {
        if (!_pods.TryGetValue(uid, out LivePod? pod)) return Task.CompletedTask;
        return GatedAsync(pod, cancellationToken, () =>
        {
            if (!pod.Sandboxes.Any(sandbox => sandbox.IsReady)) _node.Volumes.Remove(uid);
            return Task.FromResult(true);
        });
    }

    public async Task RemoveOrphanVolumesAsync(IReadOnlySet<PodUid> wanted, CancellationToken cancellationToken)
    {
        foreach (PodUid uid in _node.Volumes.Pods())
        {
            if (wanted.Contains(uid)) continue;
            LivePod pod = _pods.GetOrAdd(uid, static uid => new LivePod(uid, new Pod()));
            await GatedAsync(pod, cancellationToken, () =>
            {
                if (pod.Sandboxes.Count == 0)
                {
                    RuntimeLog.OrphanVolumes(_node.Logger, _node.Paths.PodVolumes(uid.Value));
                    _node.Volumes.Remove(uid);
                }
                return Task.FromResult(true);
            });
        }
    }

    public async ValueTask DisposeAsync()
    {
        _watch.Ending = true;
        LiveSandbox[] sandboxes = [.. _pods.Values.SelectMany(pod => pod.Sandboxes)];
        foreach (LiveSandbox sandbox in sandboxes) sandbox.Shim?.Dispose();
        foreach (LiveSandbox sandbox in sandboxes)
        {
            await sandbox.Watching;
            sandbox.CloseNetwork();
        }
        _dialer.Dispose();
        _node.Shims.Dispose();
        _oom.Dispose();
        _reactor.Dispose();
        _events.Writer.TryComplete();
        _node.Cgroups.Dispose();
    }

    private async Task<PodSandbox?> RunPodSandboxAsync(LivePod pod, PodSandboxConfig config, CancellationToken cancellationToken)
    {
        if (pod.Find(PodSandboxId.For(config.Uid, config.Attempt)) is { } known)
        {
            return known.IsReady ? known.ToCri() : throw new PodRuntimeException(
                RuntimeFailure.FailedCreatePodSandBox, $"pod {pod.Name}: sandbox {known.Id} is dead and cannot be made again");
        }
        // One sandbox at a time: they would share the cgroup and the volumes.
        foreach (LiveSandbox older in pod.Sandboxes) await _teardown.StopAsync(older, "another sandbox takes its place");
        LiveSandbox sandbox = await _setup.RunAsync(pod, config, cancellationToken);
        _watch.Follow(sandbox, sandbox.Shim!);
        return sandbox.ToCri();
    }

    private LiveContainer Existing(ContainerId id) =>
        FindContainer(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {id} does not exist");

    private async Task RecoverAsync()
    {
        Recovery recovery = new(_node, _teardown, _watch, _exits, _starter, _oom);
        foreach (LivePod pod in await recovery.RunAsync()) _pods[pod.Uid] = pod;
    }

    private ContainerRecord RecordOf(ContainerConfig config) => new(
        config.Id.Value, config.Container.Name!, config.Type, config.Attempt, config.Hash, config.Container.Image ?? "", config.Image, config.Rootfs,
        LogPath(config), config.RestartDelay, _node.Now, ContainerPhase.Created, Resources: config.Container.Resources);

    private string LogPath(ContainerConfig config)
    {
        string folder = _node.Paths.PodLogs(config.Pod, config.Uid.Value);
        return $"{folder}/{config.Container.Name}/{config.Attempt}.log";
    }

    private async Task CompareAsync(LiveSandbox sandbox, PodShim shim, CancellationToken cancellationToken)
    {
        try
        {
            await _watch.ReconcileAsync(sandbox, shim).WaitAsync(cancellationToken);
        }
        catch (ShimGoneException)
        {
            // Its end is being handled; the state we have is the last there was.
        }
    }

    private Task WithSandboxAsync(PodSandboxId id, CancellationToken cancellationToken, Func<LiveSandbox, Task> act)
    {
        if (FindSandbox(id) is not { } sandbox) return Task.CompletedTask;
        return GatedAsync(sandbox.Pod, cancellationToken, async () =>
        {
            if (sandbox.Pod.Find(id) is not null) await act(sandbox);
            return true;
        });
    }

    /// <summary>One verb at a time for each pod. A pod of which nothing is left afterwards is forgotten.</summary>
    private async Task<T> GatedAsync<T>(LivePod pod, CancellationToken cancellationToken, Func<Task<T>> act)
    {
        await pod.Gate.WaitAsync(cancellationToken);
        try
        {
            return await act();
        }
        catch (Exception e) when (e is LinuxException or IOException or TimeoutException or UnauthorizedAccessException)
        {
            throw new PodRuntimeException(RuntimeFailure.RunContainerError, $"pod {pod.Name}: {e.Message}", (e as LinuxException)?.Errno ?? 0, e);
        }
        finally
        {
            if (pod.Sandboxes.Count == 0) _pods.TryRemove(KeyValuePair.Create(pod.Uid, pod));
            pod.Gate.Release();
        }
    }

    private LiveSandbox? FindSandbox(PodSandboxId id) =>
        _pods.Values.Select(pod => pod.Find(id)).FirstOrDefault(sandbox => sandbox is not null);

    private LiveContainer? FindContainer(ContainerId id)
    {
        foreach (LivePod pod in _pods.Values)
        {
            foreach (LiveSandbox sandbox in pod.Sandboxes)
            {
                if (sandbox.Containers.TryGetValue(id, out LiveContainer? container)) return container;
            }
        }
        return null;
    }
}
