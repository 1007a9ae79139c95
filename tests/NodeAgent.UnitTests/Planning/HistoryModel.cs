using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.UnitTests.Planning;

/// <summary>
/// What must hold of starts and kills, told in another way than the planner tells it: streaks of short runs instead of recorded delays, sets of containers that
/// have passed instead of a frontier, deadlines in a dictionary.
/// </summary>
internal sealed class HistoryModel(HistoryRuntime runtime)
{
    private readonly Dictionary<string, (int Position, string Key)> _streaks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _attempts = new(StringComparer.Ordinal);
    private readonly Dictionary<ContainerId, DateTimeOffset> _deadlines = [];
    private readonly HashSet<string> _passed = new(StringComparer.Ordinal);
    private readonly HashSet<ContainerId> _ofEarlierEpochs = [];
    private readonly HashSet<ContainerId> _misdated = [];
    private bool _restartAll;
    private bool _drained;

    /// <summary>The highest attempt of each container there has been: what the logs tell when everything else is lost.</summary>
    public IReadOnlyDictionary<string, int> Attempts => _attempts;

    private Pod Pod => runtime.Pod;

    public static double DelayAt(int position) => position == 0 ? 0 : Math.Min(300, 10 * Math.Pow(2, position - 1));

    /// <summary>
    /// A restarted agent has only the records. Where the wall clock has jumped since they were written, or they do not tell the end, delays cannot be exact.
    /// </summary>
    public void AgentRestarted()
    {
        _deadlines.Clear();
        foreach (HistoryRuntime.Life life in runtime.Lives)
        {
            bool told = life.BeganOffset == runtime.WallOffset
                && (life.EndedTrue is null || (life.EndedOffset == runtime.WallOffset && life.Record.FinishedAt is not null));
            if (!told)
                _misdated.Add(life.Record.Id);
        }
    }

    public void Misdated(IEnumerable<HistoryRuntime.Life> lives) => _misdated.UnionWith(lives.Select(life => life.Record.Id));

    public void SandboxMade()
    {
        _passed.Clear();
        _drained = false;
    }

    public void Drained() => _drained = true;

    /// <summary>Notes who has passed, from the lives as they are.</summary>
    public void Look(ProbeResults probes)
    {
        foreach (HistoryRuntime.Life life in runtime.Lives)
        {
            if (life.Record.Sandbox != runtime.Newest?.Id || _ofEarlierEpochs.Contains(life.Record.Id))
                continue;
            Container? init = Pod.Spec!.InitContainers?.FirstOrDefault(c => c.Name == life.Record.Name);
            bool sidecar = init?.RestartPolicy == "Always";
            if (init is not null && !sidecar && life.Record is { State: ContainerRunState.Exited, ExitCode: 0 })
                _passed.Add(life.Record.Name);
            if (init is not null && sidecar && life.Live && (init.StartupProbe is null || probes.Of(life.Record.Id).Startup == true))
                _passed.Add(life.Record.Name);
            if (life.Record.State == ContainerRunState.Exited && runtime.NewestOf(life.Record.Name) == life && ActionOf(life) == "RestartAllContainers")
                _restartAll = true;
        }
    }

    /// <summary>The wait that the last run of a container imposes on the next, null when it is not known exactly.</summary>
    public double? NotBefore(string name)
    {
        HistoryRuntime.Life? last = runtime.NewestOf(name);
        if (last is null || _misdated.Contains(last.Record.Id))
            return null;
        if (last.EndedTrue is not { } ended || KeyOf(name) != _streaks[name].Key || ended - last.BeganTrue > 600)
            return 0;
        return ended + DelayAt(_streaks[name].Position);
    }

    public void CheckStart(StartContainer start, ProbeResults probes)
    {
        Look(probes);
        HistoryRuntime.Require(runtime.LiveOf(start.Name) is null, $"{start.Name} is started while it lives");
        if (_restartAll && start.Type != ContainerType.Ephemeral)
        {
            HistoryRuntime.Require(runtime.Lives.All(l => !l.Live), "a restart of everything begins while something lives");
            foreach (HistoryRuntime.Life life in runtime.Lives)
                _ofEarlierEpochs.Add(life.Record.Id);
            _passed.Clear();
            _restartAll = false;
        }

        if (start.Type != ContainerType.Ephemeral)
            CheckPredecessors(start);
        CheckBackoff(start);
        int highest = _attempts.GetValueOrDefault(start.Name, -1);
        bool same = runtime.NewestOf(start.Name) is { Record.State: ContainerRunState.Created } created && created.Record.Attempt == start.Attempt;
        HistoryRuntime.Require(same || start.Attempt == highest + 1, $"{start.Name} gets attempt {start.Attempt} after {highest}");
    }

    /// <summary>The run is recorded now: it counts.</summary>
    public void RunMade(StartContainer start, HistoryRuntime.Life? last)
    {
        _attempts[start.Name] = start.Attempt;
        _streaks[start.Name] = (PositionAfter(start, last), KeyOf(start.Name));
    }

    public void CheckKill(ContainerKill kill, PodDesire desire, ProbeResults probes, DateTimeOffset now)
    {
        HistoryRuntime.Require(kill.Message.Length > 0, "a kill has no reason");
        HistoryRuntime.Require(IsTrue(kill, desire, probes), $"{kill.Name} is killed for {kill.Reason}, which is not so");
        HistoryRuntime.Require(IsItsTurn(kill, desire, now), $"{kill.Name} is ended for {kill.Reason} before those that need it");
        HistoryRuntime.Require(kill.Grace >= TimeSpan.Zero, "a grace is negative");
        DateTimeOffset deadline = now + kill.Grace;
        HistoryRuntime.Require(!_deadlines.TryGetValue(kill.Id, out DateTimeOffset before) || deadline <= before || kill.Grace == TimeSpan.Zero, "a grace grows");
        _deadlines[kill.Id] = deadline;
    }

    /// <summary>Whether the reason of a kill is so at this moment.</summary>
    private bool IsTrue(ContainerKill kill, PodDesire desire, ProbeResults probes)
    {
        ContainerRun run = runtime.Lives.First(l => l.Record.Id == kill.Id).Record;
        RunProbes said = probes.Of(kill.Id);
        return kill.Reason switch
        {
            KillReason.PodDeleted => desire.Deletion is not null,
            KillReason.DeadlineExceeded => Pod.Spec!.ActiveDeadlineSeconds is not null,
            KillReason.PodFailed => desire.Verdict is not null || runtime.Newest is { Ready: false },
            KillReason.PodHeld => _drained,
            KillReason.PodFinished => Pod.Spec!.Containers!.All(c => runtime.LiveOf(c.Name!) is null),
            KillReason.InitContainerFailed => Pod.Spec!.InitContainers!.Any(c => runtime.NewestOf(c.Name!) is { Live: false, Record.ExitCode: not 0 } or { Record.State: ContainerRunState.Unknown }),
            KillReason.RestartAllContainers => _restartAll || _ofEarlierEpochs.Contains(kill.Id),
            KillReason.DefinitionChanged => Find(kill.Name)!.Image != run.Image,
            KillReason.StateUnknown => run.State == ContainerRunState.Unknown,
            KillReason.LivenessProbe => said.Liveness == false,
            KillReason.StartupProbe => said.Startup == false,
            KillReason.Resized => Find(kill.Name) is { ResizePolicy: not null } wanted && Text(wanted.Resources) != Text(run.Resources),
            _ => false,
        };
    }

    /// <summary>A sidecar of a pod that ends goes when the main containers and the sidecars behind it have gone, unless time is up.</summary>
    private bool IsItsTurn(ContainerKill kill, PodDesire desire, DateTimeOffset now)
    {
        bool podEnds = kill.Reason is KillReason.PodDeleted or KillReason.PodHeld or KillReason.PodFinished or KillReason.InitContainerFailed
            or KillReason.RestartAllContainers || (kill.Reason == KillReason.PodFailed && desire.Verdict is not null);
        int place = PlaceOfSidecar(kill.Name);
        bool timeIsUp = kill.Grace == TimeSpan.Zero
            || (kill.Reason == KillReason.PodDeleted && desire.Deletion!.Deadline <= now)
            || (kill.Reason == KillReason.PodFailed && desire.Verdict is { } verdict && verdict.DecidedAt + PodDeletion.GraceOf(Pod) <= now)
            || runtime.Lives.Any(l => l.Live && _deadlines.TryGetValue(l.Record.Id, out DateTimeOffset deadline) && deadline <= now);
        return !podEnds || place < 0 || timeIsUp
            || runtime.Lives.All(l => !l.Live || l.Record.Id == kill.Id || (PlaceOfSidecar(l.Record.Name) is var other && other >= 0 && other <= place));
    }

    /// <summary>Its index among the init containers, -1 for what is no sidecar.</summary>
    private int PlaceOfSidecar(string name) =>
        (Pod.Spec!.InitContainers ?? []).Select((c, i) => (c, i)).Where(x => x.c.Name == name && x.c.RestartPolicy == "Always").Select(x => (int?)x.i).FirstOrDefault() ?? -1;

    /// <summary>Whether a main container that has ended has to be started again, by the policies alone.</summary>
    public bool MustRestart(Container container, HistoryRuntime.Life life)
    {
        if (life.Record.State is ContainerRunState.Created || _ofEarlierEpochs.Contains(life.Record.Id))
            return true;
        if (life.Record.State == ContainerRunState.Exited && ActionOf(life) is { } action)
            return action is "Restart" or "RestartAllContainers";
        return (container.RestartPolicy ?? Pod.Spec!.RestartPolicy) switch { "Always" => true, "Never" => false, _ => life.Record.ExitCode != 0 };
    }

    private void CheckPredecessors(StartContainer start)
    {
        foreach (Container init in Pod.Spec!.InitContainers ?? [])
        {
            if (start.Type == ContainerType.Init && init.Name == start.Name)
                return;
            HistoryRuntime.Require(_passed.Contains(init.Name!), $"{start.Name} is started before {init.Name} has passed");
        }
    }

    private void CheckBackoff(StartContainer start)
    {
        HistoryRuntime.Life? last = runtime.NewestOf(start.Name);
        if (last is not null && NotBefore(start.Name) is null)
            return;
        double earliest = NotBefore(start.Name) ?? 0;
        double delay = DelayAt(PositionAfter(start, last));
        HistoryRuntime.Require(runtime.True >= earliest - 1e-6, $"{start.Name} is started {earliest - runtime.True} s before its back-off is over");
        HistoryRuntime.Require(
            Math.Abs(start.RestartDelay.TotalSeconds - delay) < 1e-6, $"{start.Name} carries the delay {start.RestartDelay.TotalSeconds}, not {delay}");
    }

    /// <summary>Where in its streak of short runs the next run stands. Where dates cannot be trusted, what the planner made of them is taken over.</summary>
    private int PositionAfter(StartContainer start, HistoryRuntime.Life? last)
    {
        if (last is null || !_streaks.TryGetValue(start.Name, out (int Position, string Key) streak) || streak.Key != KeyOf(start.Name))
            return 0;
        if (_misdated.Contains(last.Record.Id))
            return Enumerable.Range(0, 8).First(p => DelayAt(p) >= start.RestartDelay.TotalSeconds - 1e-6);
        if (last.EndedTrue is not { } ended)
            return streak.Position;
        return ended - last.BeganTrue > 600 ? 1 : streak.Position + 1;
    }

    private string KeyOf(string name) => Find(name) is { } container ? container.Image + " " + Text(container.Resources) : "";

    private static string Text(ResourceRequirements? resources) => string.Join(' ', [.. Texts(resources?.Limits), "of", .. Texts(resources?.Requests)]);

    private static IEnumerable<string> Texts(IReadOnlyDictionary<string, Quantity>? quantities) =>
        (quantities ?? new Dictionary<string, Quantity>()).Select(q => $"{q.Key}={q.Value}").Order(StringComparer.Ordinal);

    private string? ActionOf(HistoryRuntime.Life life)
    {
        foreach (ContainerRestartRule rule in Find(life.Record.Name)?.RestartPolicyRules ?? [])
        {
            if (rule.ExitCodes!.Values!.Contains(life.Record.ExitCode) == (rule.ExitCodes.Operator == "In"))
                return rule.Action;
        }

        return null;
    }

    private Container? Find(string name) =>
        (Pod.Spec!.Containers ?? []).Concat(Pod.Spec.InitContainers ?? []).Concat(Pod.Spec.EphemeralContainers ?? []).FirstOrDefault(c => c.Name == name);
}
