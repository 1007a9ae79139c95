using System.CommandLine;
using NodeAgent.Core.Configuration;
using NodeAgent.Linux;

namespace NodeAgent.Configuration;

/// <summary>The daemon's flags. Each stands above the same setting in the configuration file; what is not written here has no default here.</summary>
internal sealed class CommandLine
{
    public const string DefaultConfigPath = "/etc/podagent/config/podagent.yaml";

    private readonly Option<string> _config = new("--config") { Description = $"configuration file (default {DefaultConfigPath}, if it exists)" };
    private readonly Option<string> _manifestDir = new("--manifest-dir") { Description = "folder of pod manifests (default /etc/podagent)" };
    private readonly Option<string> _rootDir = new("--root-dir") { Description = "images, snapshots and pod volumes (default /var/lib/podagent)" };
    private readonly Option<string> _runDir = new("--run-dir") { Description = "sockets and pod records, gone at a reboot (default /run/podagent)" };
    private readonly Option<string> _logDir = new("--log-dir") { Description = "container logs (default /var/log/pods)" };
    private readonly Option<string> _socket = new("--socket") { Description = "the API's unix socket (default RUN-DIR/podagent.sock)" };
    private readonly Option<string> _nodeName = new("--node-name") { Description = "name of this node (default: the host name)" };
    private readonly Option<string> _cgroupDriver = new("--cgroup-driver") { Description = "auto (systemd where it runs the machine), systemd or cgroupfs" };
    private readonly Option<string> _cgroupRoot = new("--cgroup-root") { Description = "the agent's folder, or slice, in the cgroup v2 tree (default podagent)" };
    private readonly Option<string> _network = new("--network") { Description = "none: pods have a loopback interface of their own" };
    private readonly Option<string> _shim = new("--shim") { Description = "the shim's executable (default: podagent-shim beside podagent)" };

    /// <param name="run">Starts the daemon with the options; its result is the exit code.</param>
    /// <param name="leaks">Prints what an agent with these folders has left behind, and removes it when asked to.</param>
    public RootCommand Build(Func<AgentOptions, CancellationToken, Task<int>> run, Func<AgentOptions, bool, CancellationToken, Task<int>> leaks)
    {
        var root = new RootCommand("podagent: runs the pods whose manifests lie in a folder");
        Option[] options = [_config, _manifestDir, _rootDir, _runDir, _logDir, _socket, _nodeName, _cgroupDriver, _cgroupRoot, _network, _shim];
        foreach (Option option in options)
        {
            option.Recursive = true;
            root.Add(option);
        }

        _cgroupDriver.AcceptOnlyFromAmong(CgroupDriverChoice.Auto, CgroupDriverChoice.Systemd, CgroupDriverChoice.Cgroupfs);
        _network.AcceptOnlyFromAmong("none");
        root.SetAction(async (parsed, cancellation) => await run(await ResolveAsync(parsed, cancellation), cancellation));

        var remove = new Option<bool>("--remove") { Description = "end and delete what is found" };
        var leaksCommand = new Command("leaks", "list processes, mounts, cgroups and files that an agent with these folders left behind; exit code 1 when there are any") { remove };
        leaksCommand.SetAction(async (parsed, cancellation) => await leaks(await ResolveAsync(parsed, cancellation), parsed.GetValue(remove), cancellation));
        root.Add(leaksCommand);
        return root;
    }

    /// <exception cref="ConfigurationException">The configuration file cannot be read or is wrong.</exception>
    private async Task<AgentOptions> ResolveAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string? written = parsed.GetValue(_config);
        AgentConfiguration file = ConfigurationFile.Load(written ?? DefaultConfigPath, required: written is not null);
        AgentConfiguration flags = new()
        {
            StaticPodPath = parsed.GetValue(_manifestDir),
            RootDir = parsed.GetValue(_rootDir),
            RunDir = parsed.GetValue(_runDir),
            PodLogsDir = parsed.GetValue(_logDir),
            Socket = parsed.GetValue(_socket),
            NodeName = parsed.GetValue(_nodeName),
            CgroupDriver = parsed.GetValue(_cgroupDriver),
            CgroupRoot = parsed.GetValue(_cgroupRoot),
            Network = parsed.GetValue(_network),
            ShimPath = parsed.GetValue(_shim),
        };
        var driver = await CgroupDriverChoice.MakeAsync(flags.CgroupDriver ?? file.CgroupDriver, TimeProvider.System, cancellation);
        string configFolder = Path.GetDirectoryName(Path.GetFullPath(written ?? DefaultConfigPath)) ?? "/";
        return AgentOptions.Resolve(file, flags, configFolder, driver, CgroupMount.Find(), Environment.MachineName, AppContext.BaseDirectory);
    }
}
