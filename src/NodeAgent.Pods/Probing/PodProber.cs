using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Probing;

namespace NodeAgent.Pods.Probing;

/// <summary>What the probes of all pods work with.</summary>
/// <param name="Chance">0 to 1: when the probes of what an earlier agent started begin, so that they do not all begin together.</param>
public sealed record ProberParts(IPodRuntime Runtime, ProbeRunner Runner, EventStore Events, PodSurroundings Surroundings, SteadyClock Clock, Func<double> Chance);

/// <summary>
/// The probes of one pod: a loop for each probe of each run that needs it.
/// <code>
///   due (DueProbe) --Sync--> waiting for its time --> probing --verdict not final--> waiting …
///                                                        |---its last verdict, or no longer due--> over
/// </code>
/// Callers: the pod's worker calls <see cref="Sync"/> in every turn and reads <see cref="Results"/>; the loops tell it when a verdict has moved.
/// Invariants: one loop at a time for a probe of a run; a probe never overlaps with itself; what is not due any more says nothing any more.
/// A loop keeps its beat by the monotonic clock: a probe that takes long is followed at once by the next, and beats that were missed are not made up for.
/// Beats of all pods fall on common moments (<see cref="SteadyClock.Moment"/>).
/// </summary>
public sealed class PodProber(PodUid uid, ProbeResults results, ProberParts parts, Action changed) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(ContainerId Run, ProbeKind Kind), CancellationTokenSource> _loops = [];
    private readonly HashSet<ContainerId> _adopted = [.. results.Runs.Keys];
    private ProbeResults _results = results;

    /// <summary>The verdicts of now.</summary>
    public ProbeResults Results => Volatile.Read(ref _results);

    /// <summary>Whether something is asked at present.</summary>
    public bool IsProbing => _loops.Count > 0;

    /// <summary>Has exactly those probes made that are due. Only the pod's worker calls this.</summary>
    /// <param name="plan">Made from what is observed.</param>
    public void Sync(PodDesire desire, PodRuntimeState? observed, PodPlan plan)
    {
        Forget(observed);
        Dictionary<(ContainerId, ProbeKind), DueProbe> due = [];
        foreach (DueProbe probe in DueProbe.Of(desire, observed, plan.Stage, plan.Memory, Results))
            due[(probe.Run, probe.Kind)] = probe;
        foreach (((ContainerId, ProbeKind) key, CancellationTokenSource stop) in _loops.Where(loop => !due.ContainsKey(loop.Key)).ToArray())
        {
            stop.Cancel();
            stop.Dispose();
            _loops.Remove(key);
        }
        foreach (((ContainerId Run, ProbeKind Kind) key, DueProbe probe) in due)
        {
            if (_loops.ContainsKey(key))
                continue;
            CancellationTokenSource stop = _loops[key] = new CancellationTokenSource();
            PodSandboxId? sandbox = observed!.Containers.First(run => run.Id == key.Run).Sandbox;
            var address = PodAddress.Of(parts.Runtime, uid, desire.Pod, observed.Sandboxes.FirstOrDefault(s => s.Id == sandbox), parts.Surroundings);
            _ = RunAsync(probe, desire.Pod, address, stop.Token);
        }
    }

    /// <summary>Ends all loops.</summary>
    public void Dispose()
    {
        foreach (CancellationTokenSource stop in _loops.Values)
        {
            stop.Cancel();
            stop.Dispose();
        }
        _loops.Clear();
    }

    private async Task RunAsync(DueProbe due, Pod pod, PodAddress address, CancellationToken stopping)
    {
        var progress = ProbeProgress.From(VerdictOf(due));
        TimeSpan period = TimeSpan.FromSeconds(due.Probe.PeriodSeconds ?? 10);
        DateTimeOffset next = due.StartedAt + TimeSpan.FromSeconds(due.Probe.InitialDelaySeconds ?? 0);
        if (next < parts.Clock.Now)
            next = parts.Clock.Now + (_adopted.Contains(due.Run) ? parts.Chance() * period : TimeSpan.Zero);
        try
        {
            while (!progress.IsOver(due.Kind))
            {
                next = SteadyClock.MomentFrom(next);
                await WaitUntilAsync(next, stopping);
                ProbeOutcome outcome = await parts.Runner.RunAsync(due, address, stopping);
                Tell(pod, due, outcome);
                var after = progress.After(outcome.Result, due.Probe);
                if (after.Verdict != progress.Verdict)
                    Settle(due, after.Verdict, stopping);
                progress = after;
                next += period;
                if (next < parts.Clock.Now)
                    next = parts.Clock.Now;
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Not due any more.
        }
    }

    private async ValueTask WaitUntilAsync(DateTimeOffset at, CancellationToken stopping)
    {
        for (TimeSpan wait; (wait = parts.Clock.Until(at)) > TimeSpan.Zero;)
            await Task.Delay(wait, parts.Clock.Time, stopping);
        stopping.ThrowIfCancellationRequested();
    }

    private bool? VerdictOf(DueProbe due)
    {
        RunProbes said = Results.Of(due.Run);
        return due.Kind switch
        {
            ProbeKind.Startup => said.Startup,
            ProbeKind.Liveness => said.Liveness,
            _ => said.Readiness,
        };
    }

    private void Settle(DueProbe due, bool? verdict, CancellationToken stopping)
    {
        lock (_gate)
        {
            stopping.ThrowIfCancellationRequested();
            RunProbes said = _results.Of(due.Run);
            RunProbes says = due.Kind switch
            {
                ProbeKind.Startup => said with { Startup = verdict },
                ProbeKind.Liveness => said with { Liveness = verdict },
                _ => said with { Readiness = verdict },
            };
            Volatile.Write(ref _results, new ProbeResults(_results.Runs.SetItem(due.Run, says)));
        }
        changed();
    }

    /// <summary>What is said of runs that are gone is of no use any more.</summary>
    private void Forget(PodRuntimeState? observed)
    {
        lock (_gate)
        {
            ContainerId[] gone = [.. _results.Runs.Keys.Where(id => observed?.Containers.Any(run => run.Id == id) != true)];
            if (gone.Length > 0)
                Volatile.Write(ref _results, new ProbeResults(_results.Runs.RemoveRange(gone)));
        }
    }

    private void Tell(Pod pod, DueProbe due, ProbeOutcome outcome)
    {
        (string reason, string what) = outcome.Result switch
        {
            ProbeResult.Warning => (PodEvents.ProbeWarning, "warning"),
            ProbeResult.Failure => (PodEvents.Unhealthy, "failed"),
            ProbeResult.Error => (PodEvents.Unhealthy, "errored"),
            _ => ("", ""),
        };
        if (reason.Length > 0)
            parts.Events.Record(pod, EventType.Warning, reason, $"{due.Kind} probe {what}: {outcome.Message}", due.Container.Name);
    }
}
