using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;
using NodeAgent.Testing.Fakes;
using NodeAgent.Testing.Time;

namespace NodeAgent.UnitTests.Pods;

/// <summary>
/// All loops on a fake node with a clock that a test moves. Every method returns when everything it set going has come to rest, so a test reads like a list of
/// what happened and needs no waiting. With a seed, what could happen at once happens in an order drawn from it.
/// </summary>
internal sealed class PodWorld : IDisposable
{
    public const string Image = "busybox:1";

    private readonly ManualScheduler _scheduler;
    private PodLoops? _loops;

    public PodWorld(int? seed = null)
    {
        _scheduler = new ManualScheduler(seed);
        Runtime = new FakePodRuntime(Time);
        Images.Load(Image);
        Stores = NewStores();
    }

    public ManualTimeProvider Time { get; } = new();
    public FakePodRuntime Runtime { get; }
    public FakePodRuntimeImages Images { get; } = new();
    public FakeManifestFolder Folder { get; } = new();
    /// <summary>Set before the start, the agent looks after the node's resources too.</summary>
    public FakeNodeStats? Stats { get; set; }
    public MemoryKeptPods Kept { get; } = new();
    public RecordingLog Log { get; } = new();
    public PodLoopsSettings Settings { get; set; } = new();

    /// <summary>Of the agent's present life.</summary>
    public PodStores Stores { get; private set; }
    public PodLoops Loops => _loops ?? throw new InvalidOperationException("the agent does not run");
    public bool IsReady => Loops.WaitForRecoveryAsync(default).IsCompletedSuccessfully;

    /// <param name="scheduling">As an earlier agent has left the node.</param>
    public PodWorld Start(NodeScheduling scheduling = NodeScheduling.Open)
    {
        Stores = NewStores();
        var surroundings = new PodSurroundings("node", () => ["192.0.2.1"]);
        _loops = new PodLoops(Runtime, Images, Images, Folder, surroundings, Stores, Time, Settings, Log, Stats);
        _loops.Workers.SetScheduling(scheduling);
        Do(_loops.Start);
        return this;
    }

    /// <summary>Ends the loops; the node goes on.</summary>
    public void StopAgent()
    {
        if (_loops is { } loops)
            _scheduler.Complete(loops.StopAsync);
        _loops = null;
    }

    public void Do(Action action) => _scheduler.Run(action);

    /// <summary>Asks the agent something and returns its answer.</summary>
    public T Ask<T>(Func<Task<T>> question) => _scheduler.Complete(question);

    public void Pass(TimeSpan by) => _scheduler.Run(() => Time.Advance(by, _scheduler.RunUntilIdle));

    public void PassSeconds(double seconds) => Pass(TimeSpan.FromSeconds(seconds));

    public void Put(string file, string manifest) => Do(() => Folder.Put(file, manifest));

    /// <summary>Deletes a manifest and waits until the watcher no longer expects it back.</summary>
    public void Remove(string file)
    {
        Do(() => Folder.Delete(file));
        Pass(Settings.Watcher.RemovalDelay);
    }

    public void ExitNow(string pod, string container, int code) => Do(() => Runtime.ExitNow(pod, container, code));

    public bool IsRunning(string pod, string container = "main") => Runtime.IsRunning(pod, container);

    public Pod? Shown(string pod) => Stores.Pods.Current.Find("default", pod);

    public PodStatus Status(string pod) => Shown(pod)?.Status ?? throw new InvalidOperationException($"pod {pod} is not shown");

    public ContainerStatus Container(string pod, string container = "main") => Status(pod).ContainerStatuses!.Single(status => status.Name == container);

    public string? Waiting(string pod, string container = "main") => Container(pod, container).State?.Waiting?.Reason;

    public IReadOnlyList<Event> EventsOf(string pod) => [.. Stores.Events.Current.Events.Where(e => e.InvolvedObject.Kind == "Pod" && e.InvolvedObject.Name == pod)];

    public IReadOnlyList<string> ReasonsOf(string pod) => [.. EventsOf(pod).Select(e => e.Reason!).Distinct(StringComparer.Ordinal)];

    public void Dispose() => StopAgent();

    /// <summary>A pod of containers that run forever, or do what their command says (see <see cref="FakeLife.OfCommand"/>).</summary>
    /// <param name="containers"><c>name</c> or <c>name: word word</c>.</param>
    /// <param name="each">One more line for every container.</param>
    public static string Manifest(string name, string[]? containers = null, string restart = "Always", int grace = 5, string image = Image, string? policy = null, string? each = null)
    {
        var yaml = new StringBuilder();
        yaml.AppendLine("apiVersion: v1").AppendLine("kind: Pod").AppendLine($"metadata: {{name: {name}}}").AppendLine("spec:");
        yaml.AppendLine($"  restartPolicy: {restart}").AppendLine($"  terminationGracePeriodSeconds: {grace}").AppendLine("  containers:");
        foreach (string container in containers ?? ["main"])
        {
            string[] parts = container.Split(": ");
            string command = parts.Length > 1 ? string.Join(", ", parts[1].Split(' ').Select(word => $"\"{word}\"")) : "\"forever\"";
            yaml.AppendLine($"  - name: {parts[0]}").AppendLine($"    image: \"{image}\"").AppendLine($"    command: [{command}]");
            if (policy is not null)
                yaml.AppendLine($"    imagePullPolicy: {policy}");
            if (each is not null)
                yaml.AppendLine("    " + each);
        }

        return yaml.ToString();
    }

    private PodStores NewStores() => new(new StatusStore(Time), new EventStore(Time, "node"), new ManifestErrors(Time), Kept);
}

/// <summary>Keeps what is logged, and is every logger's factory.</summary>
internal sealed class RecordingLog : ILoggerFactory, ILogger
{
    public ConcurrentQueue<(LogLevel Level, string Message)> Lines { get; } = new();

    public IEnumerable<string> Warnings => Lines.Where(line => line.Level >= LogLevel.Warning).Select(line => line.Message);

    public ILogger CreateLogger(string categoryName) => this;
    public bool IsEnabled(LogLevel logLevel) => true;
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Enqueue((logLevel, formatter(state, exception)));

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }
}
