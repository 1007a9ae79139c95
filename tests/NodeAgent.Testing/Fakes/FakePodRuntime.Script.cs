using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Testing.Fakes;

/// <summary>What a test does to the fake node: lives, deaths, faults, and a look at the journal.</summary>
public sealed partial class FakePodRuntime
{
    private readonly List<RuntimeCall> _calls = [];
    private readonly List<Fault> _faults = [];
    private readonly List<string> _violations = [];
    private readonly HashSet<PodUid> _volumes = [];
    private readonly HashSet<PodUid> _logs = [];

    /// <summary>The life of a container that is created; by default its command tells.</summary>
    public Func<ContainerConfig, FakeLife> Life { get; set; } = FakeLife.OfCommand;

    /// <summary>What a command run by exec answers: output and exit code.</summary>
    public Func<ContainerConfig, ExecRequest, (string Output, int ExitCode)> Exec { get; set; } = (_, _) => ("", 0);

    /// <summary>How long a command run by exec takes; null never ends by itself.</summary>
    public Func<ExecRequest, TimeSpan?> ExecTakes { get; set; } = _ => TimeSpan.Zero;

    /// <summary>Commands run by exec that have neither ended nor been killed.</summary>
    public int ExecsRunning => Volatile.Read(ref _execsRunning);

    /// <summary>The server on a port of a pod: what it sends is read from the stream, what it is sent is written to it. Null refuses the connection.</summary>
    public Func<PodSandboxConfig, int, Stream?> Server { get; set; } = (_, _) => null;

    /// <summary>While set, what happens makes no event.</summary>
    public bool LosesEvents { get; set; }

    /// <summary>While set, every event comes twice.</summary>
    public bool DoublesEvents { get; set; }

    /// <summary>While set, every verb gives way once before it does anything, as a real one does; else a verb that need not wait is done when it returns.</summary>
    public bool Yields { get; set; } = true;

    /// <summary>Called for every verb when it is entered, before any fault: a place to measure.</summary>
    public Action<RuntimeVerb>? Entered { get; set; }

    /// <summary>All verbs called so far, observations included.</summary>
    public IReadOnlyList<RuntimeCall> Calls
    {
        get
        {
            lock (_gate)
                return [.. _calls];
        }
    }

    /// <summary>What must never happen and did: two pod uids of one namespace and name with a ready sandbox at once.</summary>
    public IReadOnlyList<string> Violations
    {
        get
        {
            lock (_gate)
                return [.. _violations];
        }
    }

    /// <summary>The truth, as no listing can fail to tell it.</summary>
    public IReadOnlyList<PodRuntimeState> Snapshot()
    {
        lock (_gate)
            return [.. _pods.Values.Select(pod => pod.ToState())];
    }

    /// <summary>Pods that have volumes; they outlive a reboot.</summary>
    public IReadOnlyList<PodUid> Volumes
    {
        get
        {
            lock (_gate)
                return [.. _volumes];
        }
    }

    /// <summary>Pods that have logs; they outlive their sandboxes.</summary>
    public IReadOnlyList<PodUid> Logs
    {
        get
        {
            lock (_gate)
                return [.. _logs];
        }
    }

    /// <summary>Verbs that change something of a pod, as <c>Verb target</c>.</summary>
    public IReadOnlyList<string> Changes() =>
        [.. Calls.Where(call => call.Verb is not (RuntimeVerb.ListPods or RuntimeVerb.PodStatus or RuntimeVerb.RemovePodLogs or RuntimeVerb.RemoveOrphanVolumes)).Select(call => call.ToString())];

    public void ForgetCalls()
    {
        lock (_gate)
            _calls.Clear();
    }

    /// <summary>The newest run of a container, or null.</summary>
    public ContainerRun? Run(string pod, string container) => Snapshot()
        .Where(state => state.Pod.Metadata?.Name == pod)
        .SelectMany(state => state.Containers)
        .Where(run => run.Name == container)
        .OrderByDescending(run => run.CreatedAt).ThenByDescending(run => run.Attempt)
        .FirstOrDefault();

    public bool IsRunning(string pod, string container) => Run(pod, container) is { State: ContainerRunState.Running };

    /// <summary>The container's process ends now by itself.</summary>
    public void ExitNow(string pod, string container, int exitCode)
    {
        lock (_gate)
        {
            var running = _pods.Values.Where(p => p.Config.Pod.Metadata?.Name == pod).SelectMany(p => p.Containers.Values)
                .Single(c => c.Config.Container.Name == container && c.State == ContainerRunState.Running);
            End(running, exitCode);
        }
    }

    /// <summary>The process that holds the pod's ready sandbox dies, and with it every container.</summary>
    public void KillSandbox(string pod)
    {
        lock (_gate)
        {
            var victim = _pods.Values.Single(p => p.Config.Pod.Metadata?.Name == pod && p.Sandboxes.Values.Any(s => s.State == PodSandboxState.Ready));
            var sandbox = victim.Sandboxes.Values.First(s => s.State == PodSandboxState.Ready);
            StopSandbox(sandbox.Id);
            Emit(new RuntimeEvent(victim.Config.Uid, RuntimeEventKind.SandboxDied, null));
        }
    }

    /// <summary>The next calls of a verb on a target fail.</summary>
    /// <param name="target">Pod name or <c>pod/container</c>; null is any.</param>
    public void Fail(RuntimeVerb verb, string? target, Exception error, int times = 1)
    {
        lock (_gate)
            _faults.Add(new Fault(verb, target, times, () => Task.FromException(error)));
    }

    /// <summary>Calls of a verb on a target wait, before they do anything, until the returned source is completed.</summary>
    public TaskCompletionSource Hold(RuntimeVerb verb, string? target)
    {
        var release = new TaskCompletionSource();
        lock (_gate)
            _faults.Add(new Fault(verb, target, int.MaxValue, () => release.Task));
        return release;
    }

    public void HealFaults()
    {
        lock (_gate)
            _faults.Clear();
    }

    /// <summary>A reboot, or the loss of all records: nothing runs and nothing is known.</summary>
    public void ForgetEverything()
    {
        lock (_gate)
        {
            foreach (var container in _pods.Values.SelectMany(pod => pod.Containers.Values))
                container.Record(ContainerRunState.Unknown, 0, time.GetUtcNow(), "ContainerStatusUnknown", null);
            _pods.Clear();
        }
    }

    private static string NameOf(Pod pod) => pod.Metadata?.Name ?? "";
    private static string NameOf(ContainerConfig config) => NameOf(config.Pod) + "/" + config.Container.Name;

    private string NameOf(PodSandboxId id)
    {
        lock (_gate)
            return PodOf(id) is { } pod ? NameOf(pod.Config.Pod) : "";
    }

    private string NameOf(ContainerId id)
    {
        lock (_gate)
            return Find(id) is { } container ? NameOf(container.Config) : "";
    }

    private async Task EnterAsync(RuntimeVerb verb, string target, CancellationToken cancellationToken)
    {
        Entered?.Invoke(verb);
        Task fault;
        lock (_gate)
        {
            _calls.Add(new RuntimeCall(verb, target, time.GetUtcNow()));
            fault = TakeFault(verb, target);
        }

        if (Yields)
            await Task.Yield();
        await UntilAsync(fault, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Like <c>Task.WaitAsync</c>, which goes on in the thread pool; this goes on where the caller awaits, so a test decides when.</summary>
    private static async Task UntilAsync(Task task, CancellationToken cancellationToken)
    {
        if (!task.IsCompleted)
        {
            var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var registration = cancellationToken.Register(() => gate.TrySetCanceled(cancellationToken));
            _ = task.ContinueWith(_ => gate.TrySetResult(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            await gate.Task;
        }

        await task;
    }

    private Task TakeFault(RuntimeVerb verb, string target)
    {
        int index = _faults.FindIndex(fault => fault.Verb == verb && (fault.Target is null || fault.Target == target));
        if (index < 0)
            return Task.CompletedTask;
        var taken = _faults[index];
        if (taken.Times == 1)
            _faults.RemoveAt(index);
        else
            _faults[index] = taken with { Times = taken.Times - 1 };
        return taken.Make();
    }

    private void Emit(RuntimeEvent runtimeEvent)
    {
        if (LosesEvents)
            return;
        _events.Writer.TryWrite(runtimeEvent);
        if (DoublesEvents)
            _events.Writer.TryWrite(runtimeEvent);
    }

    private void NoteNeighbours(PodSandboxConfig config)
    {
        foreach (var other in _pods.Values)
        {
            bool sameName = other.Config.Pod.Metadata?.Name == config.Pod.Metadata?.Name && other.Config.Pod.Metadata?.Namespace == config.Pod.Metadata?.Namespace;
            if (sameName && other.Config.Uid != config.Uid && other.Sandboxes.Values.Any(sandbox => sandbox.State == PodSandboxState.Ready))
                _violations.Add($"pod {NameOf(config.Pod)}: uid {config.Uid} starts while uid {other.Config.Uid} is there");
        }
    }

    private sealed record Fault(RuntimeVerb Verb, string? Target, int Times, Func<Task> Make);

    private sealed class FakePodConnection(Stream stream) : IPodConnection
    {
        public Stream Stream => stream;

        public void CompleteWrites()
        {
        }

        public ValueTask DisposeAsync() => stream.DisposeAsync();
    }

    private int _execsRunning;

    private sealed class FakeExecSession : IExecSession
    {
        private readonly FakePodRuntime _node;
        private readonly TaskCompletionSource<int> _exit = new();
        private readonly ITimer? _timer;

        public FakeExecSession(FakePodRuntime node, TimeProvider time, (string Output, int ExitCode) answer, TimeSpan? takes)
        {
            _node = node;
            Stdout = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(answer.Output));
            Interlocked.Increment(ref node._execsRunning);
            if (takes == TimeSpan.Zero)
                End(answer.ExitCode);
            else if (takes is { } due)
                _timer = time.CreateTimer(_ => End(answer.ExitCode), null, due, Timeout.InfiniteTimeSpan);
        }

        public Stream? Stdin => null;
        public Stream Stdout { get; }
        public Stream? Stderr { get; } = new MemoryStream();
        public Task<int> ExitCode => _exit.Task;

        public void Resize(int columns, int rows)
        {
        }

        public ValueTask DisposeAsync()
        {
            _timer?.Dispose();
            End(137);
            return ValueTask.CompletedTask;
        }

        private void End(int exitCode)
        {
            if (_exit.TrySetResult(exitCode))
                Interlocked.Decrement(ref _node._execsRunning);
        }
    }
}
