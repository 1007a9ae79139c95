using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;
using NodeAgent.Core.Status;
using NodeAgent.Testing.Builders;

namespace NodeAgent.UnitTests.Planning;

/// <summary>One pod's life under random events. <see cref="Step"/> lets one thing happen and then plans and acts until nothing is left to do.</summary>
internal sealed partial class History
{
    private static readonly int[] Codes = [0, 0, 1, 3, 42, 88, 137, 143];

    private readonly Random _random;
    private readonly HistoryRuntime _runtime;
    private readonly HistoryModel _model;
    private readonly List<(double At, object What)> _log = [];
    private readonly Dictionary<string, int> _restarts = new(StringComparer.Ordinal);
    private PodDesire _desire;
    private PlannerMemory _memory = PlannerMemory.Empty;
    private PodStatus? _status;
    private ProbeResults _probes = ProbeResults.None;
    private PodPlan? _plan;
    private double _steadyOffset;
    private bool _over;

    public History(Random random)
    {
        _random = random;
        Pod pod = RandomPods.Make(random);
        PodUid uid = new(pod.Metadata!.Uid!);
        _runtime = new HistoryRuntime(uid) { Pod = pod };
        _model = new HistoryModel(_runtime);
        _desire = new PodDesire(uid, pod, "/etc/podagent/test.yaml", Now);
    }

    public bool Terminated { get; private set; }
    public long Plans { get; private set; }
    public long Starts { get; private set; }
    public long Resizes { get; private set; }

    /// <summary>The last events, for the report of a failure.</summary>
    public string Log => string.Join('\n', _log.TakeLast(60).Select(entry => $"{entry.At,10:0.0} {(entry.What is PodPlan plan ? "  " + plan.Text() : entry.What)}"));

    private DateTimeOffset Now => ObservedPod.At(_runtime.True + _steadyOffset);

    public void Step()
    {
        Happen();
        Settle();
    }

    public void Delete(double grace)
    {
        PodDeletion deletion = new(Now, TimeSpan.FromSeconds(grace), DeletionReason.ManifestRemoved);
        Say($"delete with {grace} s");
        _desire = _desire with { Deletion = _desire.Deletion?.Narrow(deletion) ?? deletion };
    }

    private void Happen()
    {
        if (_desire.Hold is not null && _random.Next(5) == 0)
            Hold();
        switch (_random.Next(100))
        {
            case < 38:
                if (Pick(_runtime.Lives.Where(l => l.Live)) is { } exiting)
                {
                    int code = Codes[_random.Next(Codes.Length)];
                    Say($"{exiting.Record.Name} exits with {code}");
                    _runtime.Exit(exiting, code);
                }

                break;
            case < 70:
                Wait();
                break;
            case < 74:
                Say("the sandbox dies");
                _runtime.KillSandbox(() => _random.Next(2));
                break;
            case < 80:
                RestartAgent();
                break;
            case < 85:
                double jump = _random.Next(2) == 0 ? 3600 : -3600;
                Say($"the wall clock jumps by {jump}");
                _runtime.WallOffset += jump;
                break;
            case < 88:
                if (Pick(_runtime.Lives.Where(l => l.Live)) is { } lost)
                {
                    Say($"{lost.Record.Name} is lost");
                    _runtime.Lose(lost);
                }

                break;
            case < 93:
                Probe();
                break;
            case < 94:
                ChangeImage();
                break;
            case < 97:
                ChangeResources();
                break;
            case < 98 when _desire.Deletion is null && _random.Next(4) == 0:
                Say("evicted");
                _desire = _desire with { Verdict = _desire.Verdict ?? new PodVerdict("Evicted", "the node was low on memory", Now) };
                break;
            case 98 when _random.Next(2) == 0:
                Hold();
                break;
            case 99 when _random.Next(3) == 0:
                Delete(_random.Next(3) switch { 0 => 0, 1 => 5, _ => 30 });
                break;
        }
    }

    /// <summary>The node is drained, or opened again.</summary>
    private void Hold()
    {
        _desire = _desire with { Hold = _desire.Hold is null ? PodHold.Drained : null };
        Say(_desire.Hold is null ? "the node is opened" : "the node is drained");
        if (_desire.Hold is not null)
            _model.Drained();
    }

    private void Wait()
    {
        double seconds = _random.Next(5) switch { 0 => 1, 1 => 9.5, 2 => 45, 3 => 320, _ => 650 };
        if (_plan?.WakeAt is { } wake && (wake - Now).TotalSeconds < seconds)
            seconds = (wake - Now).TotalSeconds;
        Say($"{seconds} s pass");
        _runtime.Advance(seconds);
    }

    private void RestartAgent()
    {
        bool kept = _random.Next(2) == 0;
        Say("the agent restarts" + (kept ? ", statuses kept" : ""));
        _model.AgentRestarted();
        double shift = _runtime.WallOffset - _steadyOffset;
        _steadyOffset = _runtime.WallOffset;
        _memory = PlannerMemory.Empty;
        if (!kept)
        {
            _status = null;
            _memory = PlannerMemory.After(_model.Attempts);
            // The deadline counts from the oldest record there is, so without a status it may begin anew.
            // So may a pod of which the drain of its node has removed the records.
            _over &= _desire.Pod.Spec!.ActiveDeadlineSeconds is null && _desire.Hold is null;
        }
        else
        {
            _memory = _status is null ? PlannerMemory.Empty : Restored(new KeptPod(_status, _memory.Verdict));
        }

        _desire = _desire with
        {
            AcceptedAt = Now,
            Deletion = _desire.Deletion is { } deletion ? deletion with { RequestedAt = deletion.RequestedAt.AddSeconds(shift) } : null,
        };
    }

    private PlannerMemory Restored(KeptPod kept) => PlannerMemory.Restore(kept, kept.NamesAllRuns ? null : _model.Attempts);

    private void Probe()
    {
        foreach (HistoryRuntime.Life life in _runtime.Lives.Where(l => l.Live))
        {
            bool? started = _random.Next(8) switch { < 5 => true, 5 => false, _ => _probes.Of(life.Record.Id).Startup };
            bool? alive = _random.Next(10) == 0 ? false : null;
            if (_probes.Of(life.Record.Id).Startup != true)
                _probes = new ProbeResults(_probes.Runs.SetItem(life.Record.Id, new RunProbes(started, null, null)));
            else
                _probes = new ProbeResults(_probes.Runs.SetItem(life.Record.Id, new RunProbes(true, alive, _random.Next(2) == 0)));
        }
    }

    private void ChangeImage()
    {
        if (_over)
            return;
        Say("an image changes");
        Container[] mains = [.. _desire.Pod.Spec!.Containers!];
        int i = _random.Next(mains.Length);
        mains[i] = mains[i] with { Image = mains[i].Image + "x" };
        _runtime.Pod = _desire.Pod with { Spec = _desire.Pod.Spec with { Containers = mains } };
        _desire = _desire with { Pod = _runtime.Pod };
    }

    private void ChangeResources()
    {
        if (_over)
            return;
        Pod pod = _desire.Pod with
        {
            Spec = _desire.Pod.Spec! with
            {
                Containers = [.. _desire.Pod.Spec!.Containers!.Select(c => RandomPods.Resize(c, _random))],
                InitContainers = _desire.Pod.Spec.InitContainers is { } inits ? [.. inits.Select(c => PodView.IsSidecar(c) ? RandomPods.Resize(c, _random) : c)] : null,
            },
        };
        if (QosClass.Of(pod) != QosClass.Of(_desire.Pod))
            return;
        Say("the resources change");
        _runtime.Pod = pod;
        _desire = _desire with { Pod = pod };
    }

    private void Settle()
    {
        for (int turn = 0; !Terminated; turn++)
        {
            HistoryRuntime.Require(turn < 60, "plans keep coming although no time passes");
            _model.Look(_probes);
            PodRuntimeState? observed = _runtime.Observe();
            _plan = PodPlanner.Plan(_desire, observed, _memory, _probes, Now, PlannerSettings.Default);
            Plans++;
            _memory = _plan.Memory;
            if (_plan.Actions.Count > 0)
                _log.Add((_runtime.True, _plan));
            CheckStatus(observed);
            if (_plan.Stage == PodStage.Terminated)
            {
                HistoryRuntime.Require(observed is null && _desire.Deletion is not null, "a pod is terminated although something is left");
                Terminated = true;
                return;
            }

            if (_plan.Actions.Count == 0)
            {
                CheckRest();
                return;
            }

            foreach (PodAction action in _plan.Actions)
            {
                if (!Do(action))
                    break;
            }
        }
    }

    /// <summary>False when the plan ends here: the step failed or was interrupted.</summary>
    private bool Do(PodAction action)
    {
        HistoryRuntime.Require(!_over || action is not (StartContainer or CreateSandbox), "something starts in a pod that is over");
        HistoryRuntime.Require(_desire.Deletion is null || action is not (StartContainer or CreateSandbox), "something starts in a pod that is deleted");
        HistoryRuntime.Require(_desire.Hold is null || action is not (StartContainer or CreateSandbox), "something starts on a drained node");
        if (action is StartContainer start)
            return DoStart(start);
        if (action is KillContainers kill)
            return DoKill(kill);
        if (_random.Next(25) == 0)
            return Fail(action, action is CreateSandbox ? StepFailureReason.FailedCreatePodSandBox : StepFailureReason.RemoveError);
        if (action is ResizeContainer or ResizeSandbox && _random.Next(10) == 0)
            return Interrupted("before a resize");

        switch (action)
        {
            case CreateSandbox create:
                _runtime.CreateSandbox(create);
                _model.SandboxMade();
                break;
            case ResizeSandbox resize:
                _runtime.ResizeSandbox(resize);
                break;
            case ResizeContainer resize:
                _runtime.ResizeContainer(resize);
                Resizes++;
                break;
            case StopSandbox stop:
                _runtime.StopSandbox(stop.Id);
                break;
            case RemoveSandbox remove:
                _runtime.RemoveSandbox(remove.Id);
                break;
            case RemoveContainer remove:
                _runtime.RemoveContainer(remove.Id);
                break;
        }

        _memory = _memory.Succeeded(action);
        return true;
    }

    private bool DoStart(StartContainer start)
    {
        _model.CheckStart(start, _probes);
        int chance = _random.Next(60);
        if (chance < 3)
            return Fail(start, chance switch { 0 => StepFailureReason.ErrImagePull, 1 => StepFailureReason.CreateContainerConfigError, _ => StepFailureReason.CreateContainerError });

        HistoryRuntime.Life? last = _runtime.NewestOf(start.Name);
        HistoryRuntime.Life life = _runtime.Create(start, _random.Next(4) == 0);
        _model.RunMade(start, last);
        if (chance == 3)
            return Fail(start, StepFailureReason.RunContainerError);
        if (chance == 4)
            return Interrupted("before the start of " + start.Name);
        if (chance < 8)
        {
            _runtime.FailToStart(life);
            return Fail(start, StepFailureReason.RunContainerError);
        }

        Starts++;
        _runtime.Start(life);
        _memory = _memory.Succeeded(start);
        return true;
    }

    private bool DoKill(KillContainers kill)
    {
        foreach (ContainerKill one in kill.Kills)
            _model.CheckKill(one, _desire, _probes, Now);
        HistoryRuntime.Require(
            kill.Kills.All(k => _runtime.Lives.Any(l => l.Record.Id == k.Id && (l.Live || k.Reason == KillReason.StateUnknown))), "something dead is killed");
        if (_random.Next(30) == 0)
            return Fail(kill, StepFailureReason.KillContainerError);

        HistoryRuntime.Life[] live = [.. kill.Kills.Select(k => _runtime.Lives.First(l => l.Record.Id == k.Id)).Where(l => l.Live)];
        foreach (HistoryRuntime.Life life in live.Where(l => !l.Ignores))
            _runtime.Exit(life, _random.Next(3) == 0 ? 0 : 143);
        HistoryRuntime.Life[] stubborn = [.. live.Where(l => l.Ignores)];
        if (stubborn.Length > 0)
        {
            // What has just ended is looked at only when the stubborn ones have too: too late to tell the time by, if the wall clock does not.
            if (_runtime.WallOffset != _steadyOffset)
                _model.Misdated(_runtime.Lives.Where(life => life.EndedTrue == _runtime.True));
            double longest = kill.Kills.Max(k => k.Grace.TotalSeconds);
            if (longest > 0 && _random.Next(3) == 0)
            {
                _runtime.Advance(longest * _random.NextDouble());
                return Interrupted("within the grace");
            }

            _runtime.Advance(longest);
            foreach (HistoryRuntime.Life life in stubborn)
                _runtime.Exit(life, 137, 9);
        }

        _memory = _memory.Succeeded(kill);
        return true;
    }

    private bool Fail(PodAction action, StepFailureReason reason)
    {
        Say($"  fails: {action.Key} {reason}");
        _memory = _memory.Failed(action, reason, "it did not work", Now, PlannerSettings.Default);
        return false;
    }

    private bool Interrupted(string where)
    {
        Say("  interrupted " + where);
        return false;
    }

    private HistoryRuntime.Life? Pick(IEnumerable<HistoryRuntime.Life> lives)
    {
        HistoryRuntime.Life[] all = [.. lives];
        return all.Length == 0 ? null : all[_random.Next(all.Length)];
    }

    private void Say(string what) => _log.Add((_runtime.True, what));
}
