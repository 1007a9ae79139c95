using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using NodeAgent.Configuration;
using NodeAgent.Core.Admission;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Linux;

namespace NodeAgent.Hosting;

/// <summary>
/// What is so of this machine: read once, but for the addresses, which are read again when the kernel says that one changed.
/// Sources: proc(5), os-release(5), machine-id(5).
/// </summary>
public sealed class NodeFacts : IDisposable
{
    private readonly Lazy<(NodeResources Capacity, NodeResources Allocatable)> _resources;
    private readonly string _name;
    private readonly string _version;
    private readonly DateTimeOffset _startedAt;
    private readonly NodeSystemInfo _info;
    private readonly Lock _readyGate = new();
    private volatile IReadOnlyList<string>? _addresses;
    private bool _ready;
    private DateTimeOffset _readySince;

    /// <param name="version">The agent's own.</param>
    public NodeFacts(AgentOptions options, string version, DateTimeOffset startedAt)
    {
        _name = options.NodeName;
        _version = version;
        _startedAt = startedAt;
        _readySince = startedAt;
        _info = ReadInfo();
        _resources = new(() => ReadResources(options));
        NetworkChange.NetworkAddressChanged += OnAddressChanged;
    }

    public long MemoryBytes { get; } = Procfs.MemoryTotal();

    /// <summary>What the machine has. The agent's root folder must exist.</summary>
    public NodeResources Capacity => _resources.Value.Capacity;

    /// <summary>What of it pods can have.</summary>
    public NodeResources Allocatable => _resources.Value.Allocatable;

    /// <summary>Addresses of the interfaces that are up, loopback and link-local left out; IPv4 first.</summary>
    public IReadOnlyList<string> Addresses => _addresses ??= ReadAddresses();

    /// <summary>The node as the API shows it.</summary>
    /// <param name="pressure">Its conditions about memory, disk and process numbers.</param>
    public Node Describe(RuntimeStatus runtime, NodeScheduling scheduling, IReadOnlyList<NodeCondition> pressure, string? notReady, DateTimeOffset now)
    {
        bool ready = runtime.Ready && notReady is null;
        List<NodeAddress> addresses = [.. Addresses.Select(address => new NodeAddress { Type = "InternalIP", Address = address })];
        addresses.Add(new NodeAddress { Type = "Hostname", Address = _name });
        return new Node
        {
            Metadata = new ObjectMeta
            {
                Name = _name,
                Uid = _info.MachineID,
                CreationTimestamp = _startedAt,
                Labels = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["kubernetes.io/hostname"] = _name,
                    ["kubernetes.io/os"] = "linux",
                    ["kubernetes.io/arch"] = _info.Architecture,
                },
                Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { [NodeAnnotation.CgroupDriver] = runtime.CgroupDriver },
            },
            Spec = NodeSpecs.Of(scheduling),
            Status = new NodeStatus
            {
                Capacity = Capacity.ToQuantities(),
                Allocatable = Allocatable.ToQuantities(),
                Addresses = addresses,
                NodeInfo = _info,
                Conditions = [.. pressure, Enforcement(runtime, now), Readiness(ready, notReady ?? runtime.Message, now)],
            },
        };
    }

    public void Dispose() => NetworkChange.NetworkAddressChanged -= OnAddressChanged;

    /// <summary>The reasons are those of a node of a cluster.</summary>
    private NodeCondition Readiness(bool ready, string message, DateTimeOffset now)
    {
        lock (_readyGate)
        {
            if (ready != _ready)
                (_ready, _readySince) = (ready, now);
            return Condition(NodeConditionType.Ready, ready, ready ? "KubeletReady" : "KubeletNotReady", message, now) with { LastTransitionTime = _readySince };
        }
    }

    private NodeCondition Enforcement(RuntimeStatus runtime, DateTimeOffset now)
    {
        bool enforced = runtime.MissingControllers.Count == 0;
        string message = enforced
            ? "the cgroup v2 controllers that limits need are there"
            : $"the cgroup v2 tree lacks {string.Join(", ", runtime.MissingControllers)}: limits are not enforced";
        return Condition("ResourcesEnforced", enforced, enforced ? "ControllersAvailable" : "ControllersMissing", message, now);
    }

    private NodeCondition Condition(string type, bool isTrue, string reason, string message, DateTimeOffset now) => new()
    {
        Type = type,
        Status = isTrue ? "True" : "False",
        Reason = reason,
        Message = message,
        LastHeartbeatTime = now,
        LastTransitionTime = _startedAt,
    };

    private (NodeResources Capacity, NodeResources Allocatable) ReadResources(AgentOptions options)
    {
        var capacity = new NodeResources(Procfs.OnlineProcessors() * 1000L, MemoryBytes, new DriveInfo(options.Paths.Root).TotalSize, options.MaxPods);
        // Pods are not promised what would have them evicted.
        var untouchable = new NodeResources(
            0,
            options.Eviction.HardThreshold(EvictionSignal.MemoryAvailable, capacity.MemoryBytes),
            options.Eviction.HardThreshold(EvictionSignal.NodeFsAvailable, capacity.EphemeralStorageBytes),
            0);
        return (capacity, NodeResources.Allocatable(capacity, options.Reserved, untouchable));
    }

    private NodeSystemInfo ReadInfo() => new()
    {
        MachineID = ReadLine("/etc/machine-id"),
        SystemUUID = ReadLine("/sys/class/dmi/id/product_uuid"),
        BootID = ReadLine("/proc/sys/kernel/random/boot_id"),
        KernelVersion = ReadLine("/proc/sys/kernel/osrelease"),
        OsImage = OsImage(),
        ContainerRuntimeVersion = "podagent://" + _version,
        KubeletVersion = "podagent-" + _version,
        OperatingSystem = "linux",
        Architecture = RuntimeInformation.OSArchitecture switch
        {
            Architecture.X64 => "amd64",
            Architecture.Arm64 => "arm64",
            Architecture other => other.ToString().ToLowerInvariant(),
        },
    };

    private void OnAddressChanged(object? sender, EventArgs change) => _addresses = null;

    private static string OsImage()
    {
        const string key = "PRETTY_NAME=";
        try
        {
            return File.ReadLines("/etc/os-release").FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?[key.Length..].Trim('"') ?? "Linux";
        }
        catch (IOException)
        {
            return "Linux";
        }
    }

    private static string ReadLine(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static List<string> ReadAddresses() =>
    [
        .. from network in NetworkInterface.GetAllNetworkInterfaces()
           where network.OperationalStatus == OperationalStatus.Up && network.NetworkInterfaceType != NetworkInterfaceType.Loopback
           from unicast in network.GetIPProperties().UnicastAddresses
           where !unicast.Address.IsIPv6LinkLocal
           orderby unicast.Address.AddressFamily == AddressFamily.InterNetwork descending
           select unicast.Address.ToString(),
    ];
}
