using System.Runtime.CompilerServices;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.UnitTests.Planning;

/// <summary>
/// A little runtime for one pod that shares no code with the planner: it does what plans say, lets processes live and die, and refuses what must never happen
/// by throwing. It keeps two clocks: true time, which only goes forward, and the wall clock, which jumps.
/// </summary>
internal sealed class HistoryRuntime(PodUid uid)
{
    private readonly List<Box> _boxes = [];
    private readonly List<Life> _lives = [];

    public sealed class Box(int attempt, DateTimeOffset createdAt)
    {
        public int Attempt => attempt;
        public PodSandboxId Id { get; init; }
        public DateTimeOffset CreatedAt => createdAt;
        public bool Ready { get; set; } = true;
        public bool Stopped { get; set; }
    }

    public sealed class Life
    {
        public required ContainerRun Record { get; set; }
        public required double BeganTrue { get; init; }
        public double? EndedTrue { get; set; }
        public required double BeganOffset { get; init; }
        public double EndedOffset { get; set; }
        public bool Live { get; set; }
        public bool Ignores { get; init; }
    }

    public double True { get; private set; }
    public double WallOffset { get; set; }
    /// <summary>As it is wanted.</summary>
    public Pod Pod { get; set; } = new();

    /// <summary>As it was when the newest sandbox was made, or resized last.</summary>
    public Pod Recorded { get; private set; } = new();
    public DateTimeOffset Wall => Testing.Builders.ObservedPod.At(True + WallOffset);
    public IReadOnlyList<Life> Lives => _lives;
    public IReadOnlyList<Box> Boxes => _boxes;
    public Box? Newest => _boxes.MaxBy(b => b.Attempt);

    public void Advance(double seconds) => True += seconds;

    public Life? LiveOf(string name) => _lives.FirstOrDefault(l => l.Live && l.Record.Name == name);

    public Life? NewestOf(string name) => _lives.Where(l => l.Record.Name == name).OrderBy(l => l.Record.Attempt).LastOrDefault();

    public PodRuntimeState? Observe() => _boxes.Count == 0 && _lives.Count == 0 ? null : new PodRuntimeState(
        uid, Recorded, "/etc/podagent/test.yaml",
        [.. _boxes.OrderByDescending(b => b.Attempt).Select(b => new PodSandbox(
            b.Id, uid, b.Attempt, b.Ready ? PodSandboxState.Ready : PodSandboxState.NotReady, b.CreatedAt, [], 1))],
        [.. _lives.Select(l => l.Record).OrderByDescending(r => r.Attempt)],
        true, null);

    public void CreateSandbox(CreateSandbox create)
    {
        Require(_boxes.All(b => !b.Ready), "a second sandbox is made while one is ready");
        Require(_boxes.All(b => b.Attempt < create.Attempt), "a sandbox attempt is used twice");
        Require(_lives.All(l => !l.Live), "a sandbox is made while a container of the old one lives");
        _boxes.Add(new Box(create.Attempt, Wall) { Id = create.Id });
        Recorded = Pod;
    }

    /// <summary>The kernel's rule: a pod's bound that is narrower than a container's would be the container's.</summary>
    public void ResizeSandbox(ResizeSandbox resize)
    {
        Require(_boxes.Any(b => b.Id == resize.Id && b.Ready), "a sandbox is resized that is not ready");
        Require(QosClass.Of(Recorded) == QosClass.Of(resize.Pod), "a resize changes the quality-of-service class");
        // One that was started after the widening had failed is out of bounds already.
        Life[] inBounds = [.. _lives.Where(l => l.Live && OutOfBounds(l.Record.Name, l.Record.Resources) is null)];
        Recorded = resize.Pod;
        foreach (Life life in inBounds)
            Require(OutOfBounds(life.Record.Name, life.Record.Resources) is null, $"{OutOfBounds(life.Record.Name, life.Record.Resources)}");
    }

    public void ResizeContainer(ResizeContainer resize)
    {
        Life life = _lives.First(l => l.Record.Id == resize.Id);
        Require(life.Live, "a dead container is resized");
        Require(OutOfBounds(resize.Name, resize.Resources) is null, $"{OutOfBounds(resize.Name, resize.Resources)}");
        life.Record = life.Record with { Resources = resize.Resources };
    }

    private string? OutOfBounds(string name, ResourceRequirements? resources)
    {
        if (PodResources.All(Recorded).FirstOrDefault(c => c.Name == name) is not { } recorded)
            return null;
        foreach (string resource in new[] { "cpu", "memory" })
        {
            long? bound = PodResources.Limit(recorded.Resources, resource), own = PodResources.Limit(resources, resource);
            if (own > bound)
                return $"{name} may use {own} of {resource}, its part of the pod only {bound}";
        }

        return null;
    }

    public void StopSandbox(PodSandboxId id)
    {
        foreach (Life life in _lives.Where(l => l.Live && l.Record.Sandbox == id))
            Exit(life, 137, 9);
        if (_boxes.FirstOrDefault(b => b.Id == id) is { } box)
            (box.Ready, box.Stopped) = (false, true);
    }

    public void RemoveSandbox(PodSandboxId id)
    {
        Require(_boxes.Any(b => b.Id == id && b.Stopped), "a sandbox is removed that was not stopped");
        Require(_lives.All(l => !l.Live || l.Record.Sandbox != id), "a sandbox is removed under a live container");
        _boxes.RemoveAll(b => b.Id == id);
        _lives.RemoveAll(l => l.Record.Sandbox == id);
    }

    public void RemoveContainer(ContainerId id)
    {
        Require(_lives.All(l => !l.Live || l.Record.Id != id), "a live container's record is removed");
        _lives.RemoveAll(l => l.Record.Id == id);
    }

    /// <summary>Records the run; <see cref="Start"/> makes it live. The same run created twice is one.</summary>
    public Life Create(StartContainer start, bool ignoresSignals)
    {
        Box? box = _boxes.FirstOrDefault(b => b.Id == start.Sandbox);
        Require(box is { Ready: true }, "a container is created in a sandbox that is not ready");
        ContainerId id = new($"{start.Sandbox}/{start.Name}/{start.Attempt}");
        if (_lives.FirstOrDefault(l => l.Record.Id == id) is { } same)
        {
            Require(same.Record.State == ContainerRunState.Created, "a run is created again that was started before");
            return same;
        }

        Life life = new()
        {
            Record = new ContainerRun(
                id, start.Sandbox, start.Name, start.Type, start.Attempt, start.Hash, start.Container.Image ?? "", "sha256:0", ContainerRunState.Created, Wall, null, null,
                0, 0, null, null, 0, "", start.RestartDelay)
            { Resources = start.Container.Resources },
            BeganTrue = True,
            BeganOffset = WallOffset,
            Ignores = ignoresSignals,
        };
        _lives.Add(life);
        return life;
    }

    public void Start(Life life)
    {
        Require(_lives.All(l => !l.Live || l.Record.Name != life.Record.Name), $"two live instances of {life.Record.Name}");
        life.Live = true;
        life.Record = life.Record with { State = ContainerRunState.Running, StartedAt = Wall, Pid = 1 };
    }

    public void Exit(Life life, int code, int signal = 0) =>
        End(life, life.Record with
        {
            State = ContainerRunState.Exited,
            ExitCode = code,
            Signal = signal,
            FinishedAt = Wall,
            Reason = code == 0 ? "Completed" : "Error",
            Pid = 0,
        });

    public void FailToStart(Life life) =>
        End(life, life.Record with { State = ContainerRunState.Exited, ExitCode = 128, FinishedAt = Wall, Reason = "StartError" });

    /// <summary>The process goes and nothing tells how.</summary>
    public void Lose(Life life) => End(life, life.Record with { State = ContainerRunState.Unknown, Pid = 0 });

    public void KillSandbox(Func<int> how)
    {
        if (Newest is not { Ready: true } box)
            return;
        box.Ready = false;
        foreach (Life life in _lives.Where(l => l.Live))
        {
            if (how() == 0)
                Lose(life);
            else
                Exit(life, 137, 9);
        }
    }

    public static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }

    public static void Require(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref Otherwise otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise.Text);
    }

    /// <summary>Formats a message only when what it complains about is so: the checks run a million times.</summary>
    [InterpolatedStringHandler]
    public ref struct Otherwise
    {
        private DefaultInterpolatedStringHandler _text;

        public Otherwise(int literals, int holes, bool holds, out bool format)
        {
            format = !holds;
            _text = format ? new DefaultInterpolatedStringHandler(literals, holes) : default;
        }

        public string Text => _text.ToStringAndClear();

        public void AppendLiteral(string literal) => _text.AppendLiteral(literal);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);
    }

    private void End(Life life, ContainerRun record)
    {
        life.Live = false;
        life.EndedTrue = True;
        life.EndedOffset = WallOffset;
        life.Record = record;
    }
}
