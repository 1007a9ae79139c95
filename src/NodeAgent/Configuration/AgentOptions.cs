using NodeAgent.Core;
using NodeAgent.Core.Admission;
using NodeAgent.Core.Configuration;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Resources;
using NodeAgent.Images.References;
using NodeAgent.Images.Registry;
using NodeAgent.Runtime.Cgroups;

namespace NodeAgent.Configuration;

/// <summary>Everything the daemon was told, after defaults, configuration file and command line, in that order of rising weight.</summary>
/// <param name="Paths">Folders, absolute.</param>
/// <param name="Socket">Path of the API's unix socket.</param>
/// <param name="NodeName">Default: the host name in lower case.</param>
/// <param name="ShimPath">The shim's executable; default beside the daemon.</param>
/// <param name="RequireControllers">Refuse pods with limits that the node cannot enforce, instead of running them with the condition ResourcesEnforced=False.</param>
/// <param name="FileCheckFrequency">How often the manifest folder is listed although no event came.</param>
/// <param name="MaxContainerRestartPeriod">Longest restart back-off, 1 s to 300 s.</param>
/// <param name="MaxPods">How many pods the node takes at most.</param>
/// <param name="CgroupDriver">Who makes the cgroups of pods.</param>
/// <param name="Cgroups">What the configuration says of the limits of pods.</param>
/// <param name="Eviction">When pods have to go because the node runs short of something.</param>
/// <param name="Reserved">What pods cannot have: the reservations for the system and the agent together.</param>
/// <param name="Registries">Beside the configuration file.</param>
public sealed record AgentOptions(
    StatePaths Paths,
    string Socket,
    string NodeName,
    string ShimPath,
    bool RequireControllers,
    TimeSpan FileCheckFrequency,
    TimeSpan MaxContainerRestartPeriod,
    int MaxPods,
    NodeResources Reserved,
    CgroupDriverKind CgroupDriver,
    CgroupSettings Cgroups,
    EvictionSettings Eviction,
    RegistryFiles Registries)
{
    /// <summary>When images that no pod uses go.</summary>
    public ImageGcSettings ImageGc { get; init; } = ImageGcSettings.Default;

    /// <summary>Patterns of names of images that never go, see <see cref="PinnedNames"/>.</summary>
    public IReadOnlyList<string> PinnedImages { get; init; } = [];

    private const int DefaultMaxPods = 110;
    private const string DefaultCgroupRoot = "podagent";
    private static readonly TimeSpan DefaultFileCheckFrequency = TimeSpan.FromSeconds(20), DefaultRestartPeriod = TimeSpan.FromSeconds(300);

    /// <param name="configFolder">Where the configuration file is, or would be.</param>
    /// <param name="cgroupDriver">Made of the setting and the machine, see <see cref="CgroupDriverChoice"/>.</param>
    /// <param name="cgroupMount">Where the cgroup v2 tree is mounted; null when it is not.</param>
    /// <param name="hostName">Of this machine.</param>
    /// <param name="binFolder">Folder of the daemon's executable.</param>
    public static AgentOptions Resolve(
        AgentConfiguration file, AgentConfiguration flags, string configFolder, CgroupDriverKind cgroupDriver, string? cgroupMount, string hostName, string binFolder)
    {
        string runDir = Absolute(flags.RunDir ?? file.RunDir ?? "/run/podagent");
        string cgroupRoot = (flags.CgroupRoot ?? file.CgroupRoot ?? DefaultCgroupRoot).Trim('/');
        if (cgroupDriver == CgroupDriverKind.Systemd) cgroupRoot = SliceTree.FolderOf(cgroupRoot);
        var paths = new StatePaths(
            Absolute(flags.RootDir ?? file.RootDir ?? "/var/lib/podagent"),
            runDir,
            Absolute(flags.PodLogsDir ?? file.PodLogsDir ?? "/var/log/pods"),
            Absolute(flags.StaticPodPath ?? file.StaticPodPath ?? "/etc/podagent"),
            cgroupMount is null ? "" : cgroupMount + "/" + cgroupRoot);
        return new AgentOptions(
            paths,
            Absolute(flags.Socket ?? file.Socket ?? paths.ApiSocket),
            flags.NodeName ?? file.NodeName ?? hostName.ToLowerInvariant(),
            Absolute(flags.ShimPath ?? file.ShimPath ?? Path.Combine(binFolder, "podagent-shim")),
            flags.RequireControllers ?? file.RequireControllers ?? false,
            file.FileCheckFrequency ?? DefaultFileCheckFrequency,
            file.MaxContainerRestartPeriod ?? DefaultRestartPeriod,
            file.MaxPods ?? DefaultMaxPods,
            (file.SystemReserved ?? NodeResources.None) + (file.KubeReserved ?? NodeResources.None),
            cgroupDriver,
            new CgroupSettings
            {
                PodPidsLimit = file.PodPidsLimit is > 0 and { } limit ? limit : null,
                SingleProcessOomKill = file.SingleProcessOOMKill ?? false,
                Swap = file.SwapBehavior ?? SwapBehavior.NoSwap,
                MemoryThrottlingFactor = file.MemoryThrottlingFactor,
            },
            file.Eviction ?? EvictionSettings.Default,
            new RegistryFiles(Path.Combine(configFolder, "registries.yaml"), Path.Combine(configFolder, "auth.json")))
        {
            ImageGc = file.ImageGc ?? ImageGcSettings.Default,
            PinnedImages = file.PinnedImages ?? [],
        };
    }

    private static string Absolute(string path) => Path.GetFullPath(path).TrimEnd('/') is { Length: > 0 } trimmed ? trimmed : "/";
}
