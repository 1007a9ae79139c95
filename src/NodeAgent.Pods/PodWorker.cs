using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods.Probing;

namespace NodeAgent.Pods;

/// <summary>What every pod worker works with.</summary>
public sealed record PodWorkerParts(
    IPodRuntime Runtime,
    PodCache Cache,
    PodPlanExecutor Executor,
    ProberParts Probing,
    PodStatusPublisher Publisher,
    IKeptPods Kept,
    EventStore Events,
    PodAllocations Allocations,
    NodeConditions Conditions,
    SteadyClock Clock,
    PlannerSettings Settings,
    ILogger<PodWorker> Log);

/// <summary>
/// The one task that owns one pod incarnation.
/// <code>
///              Terminate                         nothing is left of it
///   Syncing ---------------> Terminating -----------------------------> Terminated
///    |   ^                     |     ^
///    +---+ observe, plan, do   +-----+ observe, plan, do; Terminate with a shorter grace interrupts and plans again
/// </code>
/// Callers post to the mailbox and return at once: PodWorkers (Update, RetryResize, Hold, Terminate), the PLEG (Wake), whoever loads images (RetryImages). The newest wish wins;
/// wishes that were overtaken are never seen.
/// Invariants: only this task calls the runtime for this pod; Terminating never goes back to Syncing; every turn begins with a fresh observation, so a lost or a
/// doubled event costs nothing but time; a failure of the runtime ends the turn, never the task.
/// It waits for the mailbox or for the plan's own deadline, and never polls.
/// </summary>
public sealed partial class PodWorker
{
    /// <summary>So many turns in a row without a wait are more than any plan needs: something undoes what is done, and the task must not spin on it.</summary>
    private const int TurnsBeforeRest = 100;

    private readonly Lock _gate = new();
    private readonly PodWorkerParts _parts;
    private readonly WakeSignal _signal = new();
    private readonly HashSet<(string Container, WaitingReason Reason, DateTimeOffset? Until)> _toldWaits = [];
    private PodDesire _desire;
    private Pod _wish;
    private CancellationTokenSource? _execution;
    private bool _retryImages;
    private readonly KeptPod? _restored;
    private readonly PodProber _prober;
    private readonly WakeSignal _probed = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PlannerMemory _memory;
    private PodPlan? _lastPlan;
    private PodRuntimeState? _lastObserved;
    private string? _lastTrouble;

    /// <param name="desire">Its uid never changes.</param>
    internal PodWorker(PodDesire desire, PodWorkerParts parts)
    {
        _desire = desire;
        _wish = desire.Pod;
        _parts = parts;
        _restored = parts.Kept.Read(desire.Uid);
        _prober = new PodProber(desire.Uid, _restored?.Probes() ?? ProbeResults.None, parts.Probing, VerdictMoved);
        var logged = _restored is { NamesAllRuns: true } ? null : parts.Kept.LoggedRuns(desire.Uid, desire.Pod);
        _memory = _restored is null ? PlannerMemory.After(logged!) : PlannerMemory.Restore(_restored, logged);
    }

    public PodUid Uid => _desire.Uid;

    /// <summary>The newest wish.</summary>
    public PodDesire Desire
    {
        get
        {
            lock (_gate)
                return _desire;
        }
    }

    public bool IsTerminating => Desire.Deletion is not null;

    /// <summary>Completes when nothing of the pod runs and nothing will.</summary>
    internal Task Ended => _ended.Task;

    /// <summary>Publishes what an earlier agent left running. Before <see cref="RunAsync"/>, so that an agent that is ready knows its pods.</summary>
    internal void Show(PodRuntimeState observed)
    {
        PodDesire desire = Desire;
        var plan = PodPlanner.Plan(desire, observed, _memory, _prober.Results, _parts.Clock.Now, _parts.Settings);
        Note(desire, plan);
        if (plan.Stage != PodStage.Terminated)
            _parts.Publisher.Publish(desire, observed, plan, _prober.Results, _restored);
    }

    /// <summary>Something about the pod may have changed: look again.</summary>
    internal void Wake() => _signal.Set();

    private void VerdictMoved()
    {
        _probed.Set();
        _signal.Set();
    }

    /// <summary>The pod has to go. Called again, it can only shorten the grace.</summary>
    internal void Terminate(PodDeletion deletion)
    {
        lock (_gate)
        {
            var narrowed = _desire.Deletion is { } before ? before.Narrow(deletion) : deletion;
            if (narrowed == _desire.Deletion)
                return;
            _desire = _desire with { Deletion = narrowed };
        }

        Interrupt();
    }

    /// <summary>The pod must not run for the time being, or may run again (null).</summary>
    internal void Hold(PodHold? hold)
    {
        lock (_gate)
        {
            if (_desire.Hold == hold)
                return;
            _desire = _desire with { Hold = hold };
        }

        Interrupt();
    }

    /// <summary>Somebody outside the pod has decided that it has failed.</summary>
    /// <returns>False when it is over already, or on its way out.</returns>
    internal bool Fail(PodVerdict verdict)
    {
        lock (_gate)
        {
            if (_desire.Deletion is not null || _desire.Verdict is not null || _ended.Task.IsCompleted)
                return false;
            _desire = _desire with { Verdict = verdict };
        }

        Interrupt();
        return true;
    }

    private void Interrupt()
    {
        CancellationTokenSource? execution;
        lock (_gate)
            execution = _execution;

        // What is being done may take long (an image, a longer grace) and is not wanted any more.
        try
        {
            execution?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // That turn has just ended; the next one sees the new wish.
        }

        _signal.Set();
    }

    /// <summary>Images may have come by another way: what waits for one tries again at once.</summary>
    internal void RetryImages()
    {
        lock (_gate)
            _retryImages = true;
        _signal.Set();
    }

    /// <summary>Runs until the pod is Terminated, or until the agent stops; then the pod's containers run on.</summary>
    /// <returns>Whether it is Terminated.</returns>
    internal async Task<bool> RunAsync(CancellationToken stopping)
    {
        await Task.Yield();
        using PodProber prober = _prober;
        int turns = 0;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var (terminated, waitUntil, mayWait) = await TurnAsync(stopping);
                if (terminated)
                    return true;
                if (!mayWait && ++turns < TurnsBeforeRest)
                    continue;
                if (turns >= TurnsBeforeRest)
                {
                    Trouble(null, $"{turns} plans in a row had something to do");
                    _signal.Reset();
                    waitUntil = _parts.Clock.Now + _parts.Settings.RetryPeriod;
                }

                turns = 0;
                await _signal.WaitAsync(_parts.Clock, waitUntil, stopping);
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                return false;
            }
        }

        return false;
    }

    private async Task<(bool Terminated, DateTimeOffset? WaitUntil, bool MayWait)> TurnAsync(CancellationToken stopping)
    {
        PodRuntimeState? observed;
        PodDesire desire;
        _signal.Reset();
        try
        {
            observed = await _parts.Cache.ObserveAsync(Uid, stopping);
        }
        catch (Exception error) when (!stopping.IsCancellationRequested)
        {
            Trouble(error, "its state cannot be had: " + error.Message);
            if (_lastPlan is { } plan)
                _parts.Publisher.Publish(Desire, _lastObserved, plan, _prober.Results, _restored, error.Message);
            return (false, _parts.Clock.Now + _parts.Settings.RetryPeriod, true);
        }

        using var execution = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        lock (_gate)
        {
            desire = _desire;
            _execution = execution;
            if (_retryImages)
                _memory = _memory.ForgetImageFailures();
            _retryImages = false;
        }

        try
        {
            return await PlanAndDoAsync(desire, observed, execution.Token);
        }
        catch (Exception error) when (!stopping.IsCancellationRequested)
        {
            Trouble(error, "a turn failed: " + error.Message);
            return (false, _parts.Clock.Now + _parts.Settings.RetryPeriod, true);
        }
        finally
        {
            lock (_gate)
                _execution = null;
        }
    }

    private async Task<(bool Terminated, DateTimeOffset? WaitUntil, bool MayWait)> PlanAndDoAsync(
        PodDesire desire, PodRuntimeState? observed, CancellationToken cancellationToken)
    {
        _probed.Reset();
        ProbeResults probes = _prober.Results;
        var plan = PodPlanner.Plan(desire, observed, _memory, probes, _parts.Clock.Now, _parts.Settings);
        _memory = plan.Memory;
        _prober.Sync(desire, observed, plan);
        if (plan.Stage is PodStage.Terminated or PodStage.Finished)
            _ended.TrySetResult();
        if (plan.Stage == PodStage.Terminated)
        {
            LogTerminated(desire.DisplayName);
            return (true, null, false);
        }

        Note(desire, plan);

        foreach (var (container, message) in OomKillEvents.Between(_lastObserved, observed))
            _parts.Events.Record(desire.Pod, EventType.Warning, PodEvents.OOMKilling, message, container);
        (_lastPlan, _lastObserved) = (plan, observed);
        // The work goes first: what readers see is put together while the runtime is busy.
        var execution = plan.Actions.Count > 0 ? _parts.Executor.ExecuteAsync(desire, observed, plan, cancellationToken) : null;
        try
        {
            _parts.Publisher.Publish(desire, observed, plan, probes, _restored);
            TellWaits(desire, plan);
        }
        finally
        {
            if (execution is not null)
                NoteOutcome(await ShowWhileAsync(execution, desire, observed, plan));
        }

        if (execution is null && plan.Memory.Failures.IsEmpty)
            _lastTrouble = null;
        return (false, plan.WakeAt, execution is null);
    }

    /// <summary>What is being done may take long (an image, a grace): what the probes say meanwhile is shown at once.</summary>
    private async Task<PlanOutcome> ShowWhileAsync(Task<PlanOutcome> execution, PodDesire desire, PodRuntimeState? observed, PodPlan plan)
    {
        if (!_prober.IsProbing)
            return await execution;
        using CancellationTokenSource over = new();
        while (await Task.WhenAny(execution, _probed.WaitAsync(_parts.Clock, null, over.Token)) != execution)
        {
            _probed.Reset();
            _parts.Publisher.Publish(desire, observed, plan, _prober.Results, _restored);
        }

        over.Cancel();
        return await execution;
    }

    private void Note(PodDesire desire, PodPlan plan)
    {
        _over = plan.Stage is PodStage.Finishing or PodStage.Finished;
        if (plan.Stage == PodStage.Finished)
            _parts.Allocations.Release(Uid);
        NoteResize(desire, plan);
    }

    private void NoteOutcome(PlanOutcome outcome)
    {
        _memory = outcome.Memory;
        if (outcome.Failure is { } failure)
            Trouble(failure.Error, $"{failure.Action.Key}: {failure.Message}");
    }

    /// <summary>Each wait is told once, when it begins.</summary>
    private void TellWaits(PodDesire desire, PodPlan plan)
    {
        var backoffs = plan.Waits.Where(wait => wait.Reason is WaitingReason.CrashLoopBackOff or WaitingReason.ImagePullBackOff).ToArray();
        foreach (var wait in backoffs)
        {
            if (_toldWaits.Add((wait.Container, wait.Reason, wait.Until)))
                _parts.Events.Record(desire.Pod, EventType.Warning, PodEvents.BackOff, wait.Message ?? wait.Reason.ToString(), wait.Container);
        }

        _toldWaits.RemoveWhere(told => !backoffs.Any(wait => told == (wait.Container, wait.Reason, wait.Until)));
    }

    private void Trouble(Exception? error, string what)
    {
        if (_lastTrouble == what)
            return;
        _lastTrouble = what;
        LogTrouble(Desire.DisplayName, what, error is PodRuntimeException or ImageException ? null : error);
    }
}
