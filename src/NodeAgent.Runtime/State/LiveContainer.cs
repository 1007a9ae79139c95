using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Records;

namespace NodeAgent.Runtime.State;

/// <summary>How a container's process ended.</summary>
/// <param name="WaitStatus">As wait(2) gives it.</param>
internal readonly record struct ProcessEnd(int WaitStatus, DateTimeOffset At);

/// <summary>
/// One run of a container in memory: its record, and who waits for its end.
/// <code>
/// Created --Begin--> Starting --Started--> Running --Finish--> Exited
///    ^                 |  '--FailStart--> Exited (128)   '--Lose--> Unknown (137)
///    '-----Revert------'  '--Lose--> Unknown
/// </code>
/// Every transition is written to the record before it shows here, under this object's lock; transitions that do not fit the phase do nothing and say so.
/// An exit that is reported before its start has been answered waits until then.
/// Callers: the starter (Begin … Started), the exit handler (Finish), recovery and sandbox death (Lose), anybody (reads, Ended).
/// </summary>
internal sealed class LiveContainer(LiveSandbox sandbox, ContainerRecord record, Action<ContainerRecord> write)
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ContainerRecord _record = record;
    private ProcessEnd? _early;

    public LiveSandbox Sandbox => sandbox;

    public ContainerId Id { get; } = new(record.Id);

    public ContainerRecord Record
    {
        get
        {
            lock (_lock) return _record;
        }
    }

    public ContainerPhase Phase => Record.Phase;

    public bool IsLive => Phase is ContainerPhase.Starting or ContainerPhase.Running;

    /// <summary>Completed when the run is over, its record says how, and nothing of it is left in the kernel.</summary>
    public Task Ended => _ended.Task;

    public StopRequest? Stop { get; private set; }

    /// <summary>Write-ahead of the start. False when the run is past Created.</summary>
    public bool Begin(uint slot) => Transition(
        phase => phase == ContainerPhase.Created,
        record => record with { Phase = ContainerPhase.Starting, Slot = slot });

    /// <summary>Nothing ran: the start may be tried again.</summary>
    public bool Revert() => Transition(
        phase => phase == ContainerPhase.Starting, record => record with { Phase = ContainerPhase.Created, Slot = 0 });

    /// <returns>An end that was reported already: the caller has to handle it now.</returns>
    public ProcessEnd? Started(ProcessIdentity process, DateTimeOffset at)
    {
        lock (_lock)
        {
            Transition(
                phase => phase == ContainerPhase.Starting, record => record with { Phase = ContainerPhase.Running, Process = process, StartedAt = at });
            (ProcessEnd? early, _early) = (_early, null);
            return early;
        }
    }

    public bool FailStart(DateTimeOffset at, string message) => Transition(
        phase => phase is ContainerPhase.Created or ContainerPhase.Starting,
        record => record with
        {
            Phase = ContainerPhase.Exited,
            FinishedAt = at,
            ExitCode = ContainerReasons.StartErrorCode,
            Reason = ContainerReasons.StartError,
            Message = message,
        });

    /// <summary>Takes note of an end. False when the caller is not to handle it: the start has not been answered yet, or it is known already.</summary>
    public bool Accept(ProcessEnd end)
    {
        lock (_lock)
        {
            if (_record.Phase == ContainerPhase.Starting) _early = end;
            return _record.Phase == ContainerPhase.Running;
        }
    }

    public bool Finish(ProcessEnd end, int exitCode, int signal, string reason, string? message, long oomKills) => Transition(
        phase => phase is ContainerPhase.Running or ContainerPhase.Starting,
        record => record with
        {
            // The shim stamps the end, we stamp the start when its answer has arrived: a quick process can have ended by then.
            Phase = ContainerPhase.Exited,
            FinishedAt = end.At < record.StartedAt ? record.StartedAt : end.At,
            ExitCode = exitCode,
            Signal = signal,
            Reason = reason,
            Message = message,
            OomKills = Math.Max(oomKills, record.OomKills),
        });

    /// <summary>The process is gone and nobody knows how it ended.</summary>
    public bool Lose(DateTimeOffset at, string message) => Transition(
        phase => phase is ContainerPhase.Running or ContainerPhase.Starting,
        record => record with
        {
            Phase = ContainerPhase.Unknown,
            FinishedAt = at,
            ExitCode = ContainerReasons.UnknownCode,
            Reason = ContainerReasons.StatusUnknown,
            Message = message,
        });

    /// <summary>What <see cref="ContainerRecord.OomKills"/> was when we killed it: kills before that did not end it. Null while we have not.</summary>
    public long? OomKillsBeforeOurs { get; set; }

    /// <returns>Whether they are more than were known.</returns>
    public bool SawOomKills(long kills)
    {
        lock (_lock)
        {
            if (kills <= _record.OomKills) return false;
            return Transition(phase => phase == ContainerPhase.Running, record => record with { OomKills = kills });
        }
    }

    /// <summary>What its cgroup enforces now, or will when it starts. False when the run is over.</summary>
    public bool Apply(ResourceRequirements? resources) => Transition(
        phase => phase is ContainerPhase.Created or ContainerPhase.Starting or ContainerPhase.Running,
        record => record with { Resources = resources });

    /// <summary>Everything of the run is released: those who wait for its end go on.</summary>
    public void MarkEnded() => _ended.TrySetResult();

    /// <summary>The one stop of this run, made by the first who asks; null when the run is not live.</summary>
    /// <param name="first">Whether the caller made it, and so has to see it through.</param>
    public StopRequest? RequestStop(Func<StopRequest> make, out bool first)
    {
        lock (_lock)
        {
            first = false;
            if (_record.Phase is not (ContainerPhase.Starting or ContainerPhase.Running)) return null;
            if (Stop is null)
            {
                Stop = make();
                first = true;
            }
            return Stop;
        }
    }

    private bool Transition(Predicate<ContainerPhase> fits, Func<ContainerRecord, ContainerRecord> change)
    {
        lock (_lock)
        {
            if (!fits(_record.Phase)) return false;
            ContainerRecord next = change(_record);
            write(next);
            _record = next;
            return true;
        }
    }
}
