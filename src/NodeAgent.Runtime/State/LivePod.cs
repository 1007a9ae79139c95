using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Records;

namespace NodeAgent.Runtime.State;

/// <summary>
/// One pod in memory. The gate lets one verb at a time change what there is of it; waiting for processes to end happens outside of it wherever that can take
/// long.
/// </summary>
internal sealed class LivePod(PodUid uid, Pod pod)
{
    private readonly Lock _lock = new();
    private LiveSandbox[] _sandboxes = [];

    public PodUid Uid => uid;

    /// <summary>As it was when its newest sandbox was made, or its resources were updated last.</summary>
    public Pod Pod { get; set; } = pod;

    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Newest attempt first.</summary>
    public IReadOnlyList<LiveSandbox> Sandboxes
    {
        get
        {
            lock (_lock) return _sandboxes;
        }
    }

    public void Add(LiveSandbox sandbox)
    {
        lock (_lock) _sandboxes = [.. _sandboxes.Append(sandbox).OrderByDescending(other => other.Attempt)];
    }

    public void Remove(LiveSandbox sandbox)
    {
        lock (_lock) _sandboxes = [.. _sandboxes.Where(other => other != sandbox)];
    }

    public LiveSandbox? Find(PodSandboxId id) => Sandboxes.FirstOrDefault(sandbox => sandbox.Id == id);

    /// <summary>For messages: <c>namespace/name</c>.</summary>
    public string Name => $"{Pod.Metadata?.Namespace ?? "default"}/{Pod.Metadata?.Name}";

    /// <summary>Null when nothing is left of it.</summary>
    public PodRuntimeState? ToCri()
    {
        IReadOnlyList<LiveSandbox> sandboxes = Sandboxes;
        if (sandboxes.Count == 0) return null;
        SandboxRecord newest = sandboxes[0].Record;
        IEnumerable<ContainerRun> runs =
            from sandbox in sandboxes
            from container in sandbox.Containers.Values
            let run = ToCri(container)
            orderby run.Name, run.Attempt descending, run.CreatedAt descending
            select run;
        return new PodRuntimeState(
            Uid, Pod, newest.Source, [.. sandboxes.Select(sandbox => sandbox.ToCri())], [.. runs], newest.ResourcesMessage is null, newest.ResourcesMessage);
    }

    private static ContainerRun ToCri(LiveContainer container)
    {
        ContainerRecord record = container.Record;
        ContainerRunState state = record.Phase switch
        {
            // Until its first instruction the process counts as not running.
            ContainerPhase.Created or ContainerPhase.Starting => ContainerRunState.Created,
            ContainerPhase.Running => ContainerRunState.Running,
            ContainerPhase.Exited => ContainerRunState.Exited,
            _ => ContainerRunState.Unknown,
        };
        return new ContainerRun(
            container.Id, container.Sandbox.Id, record.Name, record.Type, record.Attempt, record.Hash, record.ImageName, record.Image.Id, state,
            record.CreatedAt, record.StartedAt, record.FinishedAt, record.ExitCode, record.Signal, record.Reason, record.Message,
            state == ContainerRunState.Running ? record.Process.Pid : 0, record.LogPath, record.RestartDelay)
        {
            Resources = record.Resources,
            OomKills = record.OomKills,
        };
    }
}
