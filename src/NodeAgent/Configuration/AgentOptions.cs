using NodeAgent.Core;

namespace NodeAgent.Configuration;

/// <summary>Everything the daemon was told, after defaults, configuration file and command line, in that order of rising weight.</summary>
/// <param name="Paths">Folders, absolute.</param>
/// <param name="Socket">Path of the API's unix socket.</param>
/// <param name="NodeName">Default: the host name in lower case.</param>
/// <param name="CgroupRoot">Folder of the agent within the cgroup v2 mount, relative to the mount, or absolute.</param>
/// <param name="ShimPath">The shim's executable; default beside the daemon.</param>
/// <param name="RequireControllers">Refuse pods with limits that the node cannot enforce, instead of running them with the condition ResourcesEnforced=False.</param>
/// <param name="FileCheckFrequency">How often the manifest folder is listed although no event came.</param>
/// <param name="MaxContainerRestartPeriod">Longest restart back-off, 1 s to 300 s.</param>
public sealed record AgentOptions(
    StatePaths Paths,
    string Socket,
    string NodeName,
    string CgroupRoot,
    string ShimPath,
    bool RequireControllers,
    TimeSpan FileCheckFrequency,
    TimeSpan MaxContainerRestartPeriod);
