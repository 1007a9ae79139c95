using System.Threading.Channels;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// A node without a kernel: containers have lives, exits happen at the clock's times, verbs can be made to fail or to hang, events can be lost or doubled.
/// It outlives the loops that use it, as real containers outlive the agent. Passes <see cref="Contracts.PodRuntimeContract"/>.
/// </summary>
/// <remarks>
/// States of a container: Created > Running > Exited; Created > Exited when its start fails. A sandbox: Ready > NotReady > gone.
/// Everything a test steers is in the other half of this class.
/// </remarks>
public sealed partial class FakePodRuntime(TimeProvider time) : IPodRuntime
{
    private readonly Lock _gate = new();
    private readonly Channel<RuntimeEvent> _events = Channel.CreateUnbounded<RuntimeEvent>();
    private readonly SortedDictionary<PodUid, FakePod> _pods = [];
    private int _nextPid = 100;

    public ChannelReader<RuntimeEvent> Events => _events.Reader;

    public ValueTask<RuntimeStatus> StatusAsync(CancellationToken cancellationToken) => new(new RuntimeStatus(true, "", []));

    public async Task<PodSandbox> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.RunPodSandbox, NameOf(config.Pod), cancellationToken);
        lock (_gate)
        {
            if (!_pods.TryGetValue(config.Uid, out var pod))
                _pods[config.Uid] = pod = new FakePod(config);
            var id = PodSandboxId.For(config.Uid, config.Attempt);
            if (pod.Sandboxes.TryGetValue(id, out var known))
            {
                if (known.State == PodSandboxState.Ready)
                    return known;
                throw new PodRuntimeException(RuntimeFailure.FailedCreatePodSandBox, $"pod {NameOf(config.Pod)}: sandbox {id} is dead and cannot be made again");
            }

            NoteNeighbours(config);
            pod.Config = config;
            var sandbox = new PodSandbox(id, config.Uid, config.Attempt, PodSandboxState.Ready, time.GetUtcNow(), ["10.88.0.2"], _nextPid++);
            _volumes.Add(config.Uid);
            _logs.Add(config.Uid);
            return pod.Sandboxes[id] = sandbox;
        }
    }

    public async Task StopPodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.StopPodSandbox, NameOf(id), cancellationToken);
        StopSandbox(id);
    }

    public async Task RemovePodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.RemovePodSandbox, NameOf(id), cancellationToken);
        StopSandbox(id);
        lock (_gate)
        {
            if (PodOf(id) is not { } pod)
                return;
            foreach (var container in pod.Containers.Values.Where(c => c.Config.Sandbox == id).ToArray())
                pod.Containers.Remove(container.Config.Id);
            pod.Sandboxes.Remove(id);
            if (pod.Sandboxes.Count > 0)
                return;
            _pods.Remove(pod.Config.Uid);
            _volumes.Remove(pod.Config.Uid);
        }
    }

    public async Task<ContainerId> CreateContainerAsync(ContainerConfig config, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.CreateContainer, NameOf(config), cancellationToken);
        lock (_gate)
        {
            if (PodOf(config.Sandbox) is not { } pod)
                throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {NameOf(config)}: sandbox {config.Sandbox} does not exist");
            if (!pod.Containers.ContainsKey(config.Id))
                pod.Containers[config.Id] = new FakeContainer(config, Life(config), time.GetUtcNow());
            return config.Id;
        }
    }

    public async Task StartContainerAsync(ContainerId id, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.StartContainer, NameOf(id), cancellationToken);
        lock (_gate)
        {
            var container = Find(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {id} does not exist");
            if (container.State != ContainerRunState.Created)
                return;
            string name = NameOf(container.Config);
            if (PodOf(container.Config.Sandbox)?.Sandboxes[container.Config.Sandbox].State != PodSandboxState.Ready)
                throw StartFailed(container, $"container {name}: its sandbox is not ready");
            if (container.Life.StartError is { } message)
                throw StartFailed(container, $"container {name}: {message}");
            Begin(container);
        }
    }

    public async Task StopContainerAsync(ContainerId id, TimeSpan grace, string? signal, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.StopContainer, NameOf(id), cancellationToken);
        Task ended;
        ITimer? killer = null;
        lock (_gate)
        {
            if (Find(id) is not { State: ContainerRunState.Running } container)
                return;
            ended = container.Ended.Task;
            if (grace <= TimeSpan.Zero)
            {
                End(container, 137);
            }
            else
            {
                killer = time.CreateTimer(_ => EndIfRunning(container, 137), null, grace, Timeout.InfiniteTimeSpan);
                SendTerm(container);
            }
        }

        try
        {
            await UntilAsync(ended, cancellationToken);
        }
        finally
        {
            killer?.Dispose();
        }
    }

    public async Task RemoveContainerAsync(ContainerId id, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.RemoveContainer, NameOf(id), cancellationToken);
        lock (_gate)
        {
            if (Find(id) is not { } container)
                return;
            if (container.State == ContainerRunState.Running)
                End(container, 137);
            _pods[container.Config.Uid].Containers.Remove(id);
        }
    }

    public async Task<IReadOnlyList<PodRuntimeState>> ListPodsAsync(CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.ListPods, "", cancellationToken);
        return Snapshot();
    }

    public async Task<PodRuntimeState?> PodStatusAsync(PodUid uid, CancellationToken cancellationToken)
    {
        string name;
        lock (_gate)
            name = _pods.TryGetValue(uid, out var known) ? NameOf(known.Config.Pod) : "";
        await EnterAsync(RuntimeVerb.PodStatus, name, cancellationToken);
        lock (_gate)
            return _pods.TryGetValue(uid, out var pod) ? pod.ToState() : null;
    }

    public async Task RemovePodLogsAsync(string @namespace, string name, PodUid uid, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.RemovePodLogs, name, cancellationToken);
        lock (_gate)
            _logs.Remove(uid);
    }

    public async Task RemovePodVolumesAsync(PodUid uid, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.RemovePodVolumes, "", cancellationToken);
        lock (_gate)
        {
            if (_pods.TryGetValue(uid, out var pod) && pod.Sandboxes.Values.All(sandbox => sandbox.State != PodSandboxState.Ready))
                _volumes.Remove(uid);
        }
    }

    public async Task RemoveOrphanVolumesAsync(IReadOnlySet<PodUid> wanted, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.RemoveOrphanVolumes, "", cancellationToken);
        lock (_gate)
            _volumes.RemoveWhere(uid => !_pods.ContainsKey(uid) && !wanted.Contains(uid));
    }

    public Task<IExecSession> ExecAsync(ExecRequest request, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (Find(request.Container) is not { State: ContainerRunState.Running } container)
                return Task.FromException<IExecSession>(new PodRuntimeException(RuntimeFailure.NotRunning, $"exec: container {request.Container} does not run"));
            return Task.FromResult<IExecSession>(new FakeExecSession(this, time, Exec(container.Config, request), ExecTakes(request)));
        }
    }

    /// <summary>Its containers say nothing and take nothing.</summary>
    public Task<IExecSession> AttachAsync(AttachRequest request, CancellationToken cancellationToken) =>
        throw new PodRuntimeException(RuntimeFailure.NotRunning, $"container {request.Container}: nobody can be attached to it");

    public Task<IPodConnection> ConnectAsync(PodUid uid, int port, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_pods.TryGetValue(uid, out var pod) || pod.Sandboxes.Values.All(sandbox => sandbox.State != PodSandboxState.Ready))
                return Task.FromException<IPodConnection>(new PodRuntimeException(RuntimeFailure.NotRunning, $"pod {uid}: it has no network at present"));
            return Server(pod.Config, port) is { } server
                ? Task.FromResult<IPodConnection>(new FakePodConnection(server))
                : Task.FromException<IPodConnection>(new PodRuntimeException(RuntimeFailure.ConnectionFailed, $"connect to 127.0.0.1:{port}: connection refused"));
        }
    }

    public Task ReopenContainerLogAsync(ContainerId id, CancellationToken cancellationToken) => Task.CompletedTask;

    private void StopSandbox(PodSandboxId id)
    {
        lock (_gate)
        {
            if (PodOf(id) is not { } pod || pod.Sandboxes[id].State == PodSandboxState.NotReady)
                return;
            foreach (var container in pod.Containers.Values.Where(c => c.Config.Sandbox == id && c.State == ContainerRunState.Running))
                End(container, 137);
            pod.Sandboxes[id] = pod.Sandboxes[id] with { State = PodSandboxState.NotReady, ShimPid = 0, PodIPs = [] };
        }
    }

    private void Begin(FakeContainer container)
    {
        container.State = ContainerRunState.Running;
        container.StartedAt = time.GetUtcNow();
        container.Pid = _nextPid++;
        Emit(new RuntimeEvent(container.Config.Uid, RuntimeEventKind.ContainerStarted, container.Config.Id));
        if (container.Life.RunsFor is { } life)
            container.Timers.Add(time.CreateTimer(_ => EndIfRunning(container, container.Life.ExitCode), null, life, Timeout.InfiniteTimeSpan));
    }

    private void SendTerm(FakeContainer container)
    {
        if (container.Life.DiesAfterTerm is not { } delay)
            return;
        if (delay == TimeSpan.Zero)
            End(container, container.Life.TermExitCode);
        else
            container.Timers.Add(time.CreateTimer(_ => EndIfRunning(container, container.Life.TermExitCode), null, delay, Timeout.InfiniteTimeSpan));
    }

    private PodRuntimeException StartFailed(FakeContainer container, string message)
    {
        container.StartedAt = null;
        container.Record(ContainerRunState.Exited, 128, time.GetUtcNow(), "StartError", message);
        return new PodRuntimeException(RuntimeFailure.RunContainerError, message);
    }

    private void EndIfRunning(FakeContainer container, int exitCode)
    {
        lock (_gate)
        {
            if (container.State == ContainerRunState.Running)
                End(container, exitCode);
        }
    }

    private void End(FakeContainer container, int exitCode)
    {
        container.Record(ContainerRunState.Exited, exitCode, time.GetUtcNow(), exitCode == 0 ? "Completed" : "Error", null);
        Emit(new RuntimeEvent(container.Config.Uid, RuntimeEventKind.ContainerExited, container.Config.Id));
        container.Ended.TrySetResult();
    }

    private FakePod? PodOf(PodSandboxId id) => _pods.Values.FirstOrDefault(pod => pod.Sandboxes.ContainsKey(id));

    private FakeContainer? Find(ContainerId id) =>
        _pods.Values.Select(pod => pod.Containers.GetValueOrDefault(id)).FirstOrDefault(container => container is not null);

    private sealed class FakePod(PodSandboxConfig config)
    {
        public PodSandboxConfig Config { get; set; } = config;
        public Dictionary<PodSandboxId, PodSandbox> Sandboxes { get; } = [];
        public Dictionary<ContainerId, FakeContainer> Containers { get; } = [];

        public PodRuntimeState ToState() => new(
            Config.Uid,
            Config.Pod,
            Config.Source,
            [.. Sandboxes.Values.OrderByDescending(sandbox => sandbox.Attempt)],
            [.. Containers.Values.Select(container => container.ToRun()).OrderBy(run => run.Name, StringComparer.Ordinal).ThenByDescending(run => run.Attempt).ThenByDescending(run => run.CreatedAt)],
            true,
            null);
    }

    private sealed class FakeContainer(ContainerConfig config, FakeLife life, DateTimeOffset createdAt)
    {
        private DateTimeOffset? _finishedAt;
        private int _exitCode;
        private string? _reason;
        private string? _message;

        public ContainerConfig Config { get; } = config;
        public FakeLife Life { get; } = life;
        public ContainerRunState State { get; set; } = ContainerRunState.Created;
        public DateTimeOffset? StartedAt { get; set; }
        public int Pid { get; set; }
        public ResourceRequirements? Resources { get; set; } = config.Container.Resources;

        /// <summary>Bytes.</summary>
        public long MemoryUsage { get; set; } = DefaultMemoryUsage;
        public List<ITimer> Timers { get; } = [];
        public TaskCompletionSource Ended { get; } = new();

        public void Record(ContainerRunState state, int exitCode, DateTimeOffset at, string reason, string? message)
        {
            foreach (var timer in Timers)
                timer.Dispose();
            Timers.Clear();
            (State, _exitCode, _finishedAt, _reason, _message, Pid) = (state, exitCode, at, reason, message, 0);
        }

        public ContainerRun ToRun() => new(
            Config.Id, Config.Sandbox, Config.Container.Name!, Config.Type, Config.Attempt, Config.Hash, Config.Container.Image!, Config.Image.Id, State,
            createdAt, StartedAt, _finishedAt, _exitCode, _exitCode > 128 && _reason == "Error" ? _exitCode - 128 : 0, _reason, _message, Pid,
            $"/var/log/pods/{Config.Container.Name}/{Config.Attempt}.log", Config.RestartDelay)
        {
            Resources = Resources,
        };
    }
}
