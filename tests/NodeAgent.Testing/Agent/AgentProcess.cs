using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using NodeAgent.Linux;

namespace NodeAgent.Testing.Agent;

/// <summary>
/// The real daemon as a process of its own, with folders, socket and cgroup of its own under <see cref="Root"/>, driven the way a user drives it:
/// manifests by rename, everything else by podctl. Needs root and a finished <c>make build</c>.
/// </summary>
public sealed class AgentProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private readonly Socket _notify;
    private readonly StringBuilder _log = new();
    private readonly IReadOnlyList<string> _extraArguments;
    private Process? _process;

    /// <param name="root">An empty or missing folder; short, since unix socket paths are limited to 107 bytes.</param>
    public AgentProcess(string root, params string[] extraArguments)
    {
        Root = root;
        _extraArguments = extraArguments;
        foreach (string folder in new[] { Manifests, State, Run, Logs })
            Directory.CreateDirectory(folder);
        _notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        File.Delete(NotifyPath);
        _notify.Bind(new UnixDomainSocketEndPoint(NotifyPath));
    }

    public string Root { get; }
    public string Manifests => Root + "/etc";
    public string State => Root + "/lib";
    public string Run => Root + "/run";
    public string Logs => Root + "/log";
    public string ApiSocket => Run + "/podagent.sock";
    /// <summary>
    /// The settings' file, below <c>apiVersion</c> and <c>kind</c>; to be set before the start. By default the agent evicts nobody: how full the disk of the
    /// machine is that runs the tests is not their matter.
    /// </summary>
    public string Configuration { get; set; } = "evictionHard: {}\n";

    /// <summary>Variables that the daemon gets in addition to those of the test; to be set before the start.</summary>
    public Dictionary<string, string> Environment { get; } = new(StringComparer.Ordinal);

    public string CgroupName => "podagent-test-" + Path.GetFileName(Root);
    public int Pid => _process?.Id ?? throw new InvalidOperationException("the agent was not started");
    public string Log { get { lock (_log) return _log.ToString(); } }

    private string[] Flags =>
    [
        "--config", ConfigurationFile, "--manifest-dir", Manifests, "--root-dir", State, "--run-dir", Run, "--log-dir", Logs,
        "--socket", ApiSocket, "--node-name", "testnode", "--cgroup-root", CgroupName,
    ];

    private string ConfigurationFile => Root + "/podagent.yaml";

    private string NotifyPath => Root + "/notify";

    /// <summary>The folder that <c>make build</c> fills, found upwards from the test's own binary; <c>PODAGENT_BIN</c> overrides it.</summary>
    public static string BinFolder { get; } = FindBin();

    /// <summary>Starts the daemon and returns when it has said READY=1: after recovery, when it serves.</summary>
    /// <returns>Time from the start of the process to READY.</returns>
    public async Task<TimeSpan> StartAsync()
    {
        await File.WriteAllTextAsync(ConfigurationFile, "apiVersion: podagent.io/v1alpha1\nkind: PodAgentConfiguration\n" + Configuration);
        var info = new ProcessStartInfo(BinFolder + "/podagent") { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = Root };
        foreach (string argument in Flags.Concat(_extraArguments))
            info.ArgumentList.Add(argument);
        info.Environment["NOTIFY_SOCKET"] = NotifyPath;
        foreach ((string name, string value) in Environment)
            info.Environment[name] = value;
        var clock = Stopwatch.StartNew();
        _process = Process.Start(info) ?? throw new InvalidOperationException("cannot start " + info.FileName);
        _process.OutputDataReceived += Collect;
        _process.ErrorDataReceived += Collect;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WaitReadyAsync();
        return clock.Elapsed;
    }

    /// <summary>SIGKILL to the daemon alone; its pods go on.</summary>
    public async Task KillAsync()
    {
        if (_process is not { } process)
            return;
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        _process = null;
    }

    /// <summary>SIGTERM to the daemon, as <c>systemctl stop</c> does; its pods go on.</summary>
    public async Task<int> StopAsync()
    {
        Process process = _process ?? throw new InvalidOperationException("the agent was not started");
        using (var kill = Process.Start("kill", ["-TERM", process.Id.ToString()]))
            await kill.WaitForExitAsync();
        using var limit = new CancellationTokenSource(StartLimit);
        await process.WaitForExitAsync(limit.Token);
        int code = process.ExitCode;
        process.Dispose();
        _process = null;
        return code;
    }

    /// <summary>Puts a manifest in place by rename, as a careful user or a configuration tool does.</summary>
    public void Apply(string fileName, string yaml)
    {
        string temporary = Path.Combine(Root, fileName + ".tmp");
        File.WriteAllText(temporary, yaml);
        File.Move(temporary, Path.Combine(Manifests, fileName), overwrite: true);
    }

    public void Delete(string fileName) => File.Delete(Path.Combine(Manifests, fileName));

    /// <summary>Runs podctl against this agent.</summary>
    public async Task<CommandResult> PodctlAsync(params string[] arguments)
    {
        var all = new List<string> { "--socket", ApiSocket };
        all.AddRange(arguments);
        return await CommandResult.RunAsync(BinFolder + "/podctl", all);
    }

    /// <summary>The processes of a container, from its cgroup; empty when the cgroup is gone.</summary>
    /// <param name="containerId">With or without the scheme that statuses show.</param>
    public List<int> ContainerPids(string containerId)
    {
        string id = containerId[(containerId.LastIndexOf('/') + 1)..];
        string root = Path.Combine(CgroupMount.Find()!, CgroupName);
        if (!Directory.Exists(root))
            return [];
        string? cgroup = Directory.EnumerateDirectories(root, id, SearchOption.AllDirectories).FirstOrDefault();
        return cgroup is null ? [] : [.. File.ReadLines(cgroup + "/cgroup.procs").Select(int.Parse)];
    }

    /// <summary>Waits for the end of a process that need not be a child of this one.</summary>
    public static async Task WaitForExitOfAsync(int pid)
    {
        using var limit = new CancellationTokenSource(StartLimit);
        try
        {
            using var process = Process.GetProcessById(pid);
            await process.WaitForExitAsync(limit.Token);
        }
        catch (ArgumentException)
        {
            // It was gone before it could be looked at.
        }
    }

    /// <summary>Waits until the daemon's log has a line with this text.</summary>
    public async Task WaitForLogAsync(string text)
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(object sender, DataReceivedEventArgs line)
        {
            if (line.Data?.Contains(text, StringComparison.Ordinal) == true)
                seen.TrySetResult();
        }

        Process process = _process!;
        process.ErrorDataReceived += Look;
        process.OutputDataReceived += Look;
        try
        {
            if (!Log.Contains(text, StringComparison.Ordinal))
                await seen.Task.WaitAsync(StartLimit);
        }
        finally
        {
            process.ErrorDataReceived -= Look;
            process.OutputDataReceived -= Look;
        }
    }

    /// <summary>What this agent has left behind; exit code 1 when there is anything. For after <see cref="StopAsync"/>.</summary>
    public Task<CommandResult> LeaksAsync() => CommandResult.RunAsync(BinFolder + "/podagent", ["leaks", .. Flags]);

    /// <summary>Stops the daemon, if it runs, and closes the notification socket. Pods and folders are the caller's to end and delete.</summary>
    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _notify.Dispose();
        File.Delete(NotifyPath);
    }

    private async Task WaitReadyAsync()
    {
        Process process = _process!;
        byte[] buffer = new byte[4096];
        using var limit = new CancellationTokenSource(StartLimit);
        Task exited = process.WaitForExitAsync(limit.Token);
        while (true)
        {
            using var cancelReceive = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
            Task<int> received = _notify.ReceiveAsync(buffer.AsMemory(), SocketFlags.None, cancelReceive.Token).AsTask();
            if (await Task.WhenAny(received, exited) == exited)
            {
                await cancelReceive.CancelAsync();
                string why = process.HasExited ? $"the agent ended with code {process.ExitCode} before READY=1" : $"no READY=1 within {StartLimit}";
                throw new InvalidOperationException(why + "\n" + Log);
            }

            if (Encoding.UTF8.GetString(buffer, 0, await received).Split('\n').Contains("READY=1"))
                return;
        }
    }

    private void Collect(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
            return;
        lock (_log)
            _log.AppendLine(line.Data);
    }

    private static string FindBin()
    {
        if (System.Environment.GetEnvironmentVariable("PODAGENT_BIN") is { Length: > 0 } set)
            return set;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string candidate = Path.Combine(folder.FullName, "artifacts", "bin");
            if (File.Exists(Path.Combine(candidate, "podagent")))
                return candidate;
        }

        return "/nonexistent (run make build first, or set PODAGENT_BIN)";
    }
}
