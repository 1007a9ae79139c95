using System.Diagnostics;
using System.Globalization;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>podctl and the daemon.</summary>
internal sealed class AgentPuller : IPuller
{
    private AgentProcess? _agent;

    public string Name => "podagent";

    public IReadOnlyList<string> Programs => [];

    public async Task StartAsync(string root)
    {
        _agent = new AgentProcess(root + "/a");
        await _agent.StartAsync();
    }

    public Task<PullSample> PullAsync(string reference) =>
        PullClock.MeasureAsync(_agent!.Pid, [AgentProcess.BinFolder + "/podctl", "--socket", _agent.ApiSocket, "image", "pull", reference]);

    public async Task StopAsync()
    {
        await _agent!.StopAsync();
        await _agent.DisposeAsync();
    }
}

internal sealed class PodmanPuller : IPuller
{
    private string _root = "";

    public string Name => "podman";

    public IReadOnlyList<string> Programs => ["podman"];

    public Task StartAsync(string root)
    {
        _root = root;
        // Databases and locks are made by the first command of all.
        return CommandResult.RunAsync("podman", [.. Options(), "images"]);
    }

    public Task<PullSample> PullAsync(string reference) => PullClock.MeasureAsync(null, ["podman", .. Options(), "pull", "-q", "--tls-verify=false", reference]);

    private string[] Options() =>
        ["--root", _root + "/storage", "--runroot", _root + "/run", "--tmpdir", _root + "/tmp", "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--log-level", "error"];

    /// <summary>The overlay driver mounts its own folder over itself.</summary>
    public Task StopAsync() => CommandResult.RunAsync("umount", ["-q", _root + "/storage/overlay"]);
}

internal sealed class ContainerdPuller : IPuller
{
    private Process? _daemon;
    private string _socket = "";

    public string Name => "containerd, ctr";

    public IReadOnlyList<string> Programs => ["containerd", "ctr"];

    public async Task StartAsync(string root)
    {
        _socket = root + "/c.sock";
        await File.WriteAllTextAsync(root + "/config.toml", $"""
            version = 2
            root = "{root}/root"
            state = "{root}/state"
            disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
            [grpc]
            address = "{_socket}"
            [plugins."io.containerd.internal.v1.opt"]
            path = "{root}/opt"
            """);
        TaskCompletionSource booted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _daemon = Process.Start(new ProcessStartInfo("containerd", ["--config", root + "/config.toml"]) { RedirectStandardError = true })!;
        _daemon.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                booted.TrySetException(new InvalidOperationException("containerd ended"));
            else if (line.Data.Contains("successfully booted", StringComparison.Ordinal))
                booted.TrySetResult();
        };
        _daemon.BeginErrorReadLine();
        await booted.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    public Task<PullSample> PullAsync(string reference) =>
        PullClock.MeasureAsync(_daemon!.Id, ["ctr", "--address", _socket, "images", "pull", "--plain-http", "--snapshotter", "overlayfs", reference]);

    public async Task StopAsync()
    {
        using (var kill = Process.Start("kill", ["-TERM", _daemon!.Id.ToString(CultureInfo.InvariantCulture)]))
            await kill.WaitForExitAsync();
        await _daemon.WaitForExitAsync();
        _daemon.Dispose();
    }
}

internal sealed class SkopeoPuller : IPuller
{
    private string _root = "";

    public string Name => "skopeo + umoci";

    public IReadOnlyList<string> Programs => ["skopeo", "umoci"];

    public Task StartAsync(string root)
    {
        _root = root;
        return Task.CompletedTask;
    }

    public Task<PullSample> PullAsync(string reference) => PullClock.MeasureAsync(
        null,
        ["skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + reference, $"oci:{_root}/image:1"],
        ["umoci", "--log", "error", "unpack", "--image", $"{_root}/image:1", _root + "/bundle"]);

    public Task StopAsync() => Task.CompletedTask;
}
