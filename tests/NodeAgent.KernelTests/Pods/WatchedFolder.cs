using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core.Cri;
using NodeAgent.Manifests;
using NodeAgent.Pods;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.KernelTests.Pods;

/// <summary>A real folder, watched by real inotify, whose pods run on a fake node.</summary>
internal sealed class WatchedFolder : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly InotifyManifestFolder _folder;
    private readonly PodLoops _loops;
    private readonly ConcurrentQueue<(RuntimeVerb Verb, long Stamp)> _entered = new();
    private int _markers;

    public WatchedFolder(ManifestWatcherSettings? settings = null)
    {
        Root = Directory.CreateTempSubdirectory("podagent-watch").FullName;
        Path = Root + "/manifests";
        Directory.CreateDirectory(Path);
        Images.Load("busybox:1");
        Runtime.Entered = verb => _entered.Enqueue((verb, Stopwatch.GetTimestamp()));
        _folder = new InotifyManifestFolder(Path);
        _loops = new PodLoops(
            Runtime, Images, Images, _folder, new PodSurroundings("node", () => ["192.0.2.1"]), Stores, TimeProvider.System,
            new PodLoopsSettings { Watcher = settings ?? ManifestWatcherSettings.Default }, NullLoggerFactory.Instance);
    }

    public string Root { get; }
    public string Path { get; }
    public FakePodRuntime Runtime { get; } = new(TimeProvider.System);
    public FakePodRuntimeImages Images { get; } = new();
    public PodStores Stores { get; } = new(
        new StatusStore(TimeProvider.System), new EventStore(TimeProvider.System, "node"), new ManifestErrors(TimeProvider.System), new MemoryKeptPods());

    public async Task<WatchedFolder> StartAsync()
    {
        _loops.Start();
        await _loops.WaitForRecoveryAsync(default).WaitAsync(Deadline);
        return this;
    }

    public static string Manifest(string pod, params string[] containers)
    {
        string list = string.Concat((containers.Length == 0 ? ["main"] : containers).Select(name => $"  - {{name: {name}, image: \"busybox:1\"}}\n"));
        return $"apiVersion: v1\nkind: Pod\nmetadata: {{name: {pod}}}\nspec:\n  terminationGracePeriodSeconds: 1\n  containers:\n{list}";
    }

    public string File(string name) => Path + "/" + name;

    /// <summary>Written elsewhere, renamed to its place.</summary>
    public void Put(string name, string content)
    {
        string temporary = Root + "/staging";
        System.IO.File.WriteAllText(temporary, content);
        System.IO.File.Move(temporary, File(name), overwrite: true);
    }

    /// <summary>Runs a line of shell in the folder.</summary>
    public async Task ShellAsync(string line)
    {
        var info = new ProcessStartInfo("/bin/sh") { WorkingDirectory = Path, RedirectStandardError = true, RedirectStandardOutput = true };
        info.ArgumentList.Add("-ec");
        info.ArgumentList.Add(line);
        using var process = Process.Start(info)!;
        string errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(Deadline);
        Assert.True(process.ExitCode == 0, $"{line}: exit {process.ExitCode}: {errors}");
    }

    public bool IsRunning(string pod, string container = "main") => Runtime.IsRunning(pod, container);

    public string? FaultOf(string name) => Stores.Manifests.Current.FirstOrDefault(faulty => faulty.File == File(name))?.Faults[0].Message;

    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        while (!condition())
        {
            Assert.True(clock.Elapsed < Deadline, $"after {Deadline}: not {what}");
            await tick.WaitForNextTickAsync();
        }
    }

    public Task RunsAsync(string pod, string container = "main") => UntilAsync(() => IsRunning(pod, container), $"running: {pod}/{container}");

    public Task GoneAsync(string pod) => UntilAsync(() => Stores.Pods.Current.Find("default", pod) is null, $"gone: {pod}");

    public Task FaultAsync(string name, string part) =>
        UntilAsync(() => FaultOf(name)?.Contains(part, StringComparison.Ordinal) == true, $"told: a fault of {name} with \"{part}\", but \"{FaultOf(name)}\"");

    /// <summary>Hints come in order: when a pod that is put now runs, everything that was done in the folder before has been looked at.</summary>
    public async Task SettleAsync()
    {
        string name = $"marker-{++_markers}";
        Put(name + ".yaml", Manifest(name));
        await RunsAsync(name);
    }

    /// <summary>Time from just before the rename of a new manifest to the call that makes its sandbox.</summary>
    public async Task<TimeSpan> MeasureAsync(string pod)
    {
        System.IO.File.WriteAllText(Root + "/staging", Manifest(pod));
        _entered.Clear();
        long before = Stopwatch.GetTimestamp();
        System.IO.File.Move(Root + "/staging", File(pod + ".yaml"));
        await RunsAsync(pod);
        return Stopwatch.GetElapsedTime(before, _entered.First(call => call.Verb == RuntimeVerb.RunPodSandbox).Stamp);
    }

    public async ValueTask DisposeAsync()
    {
        await _loops.DisposeAsync();
        _folder.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
