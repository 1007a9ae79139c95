using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups.Systemd;

/// <summary>
/// A transient scope per pod, delegated to the agent (see <see cref="SliceTree"/> for its place). The manager owns what is above the scope and the scope's
/// own values, which it writes again whenever it likes; the agent owns what is below.
///
///   step                                                   undo
///   1 StartTransientUnit with the shim's pid: the manager    the shim ends: a scope without processes vanishes. What else lives in it is killed through
///     makes the cgroup and moves the shim in; wait for       its cgroup by the caller
///     JobRemoved
///   2 the shim's leaf; the shim moves there, since no        rmdir, by the caller or the manager
///     process may live beside controllers handed down
///   3 controllers are handed down to the leaves              with the cgroup
///   4 huge pages, of which the manager knows nothing         with the cgroup
/// Two moves cost an RCU grace period each, some 5 to 15 ms: a scope can't be made without a process, and a process can't be born into what does not exist.
/// Values of the QoS slices are set beside this and nobody waits for them.
/// </summary>
public sealed class SystemdDriver : ICgroupDriver
{
    private readonly SliceTree _tree;
    private readonly ISystemd _systemd;
    private readonly CgroupSettings _settings;
    private readonly ILogger _logger;
    private readonly string _mount;
    private readonly string? _agentUnit;
    private readonly HashSet<string> _enabled;
    private readonly ClassWeights _weights;
    private volatile bool _knowsOomPolicy = true;

    /// <param name="root">Folder of the root slice, below <paramref name="mount"/>; it need not exist.</param>
    /// <param name="mount">Mount point of cgroup2.</param>
    /// <param name="agentUnit">The unit this agent runs in, see <see cref="AgentUnit"/>.</param>
    public SystemdDriver(string root, string mount, ISystemd systemd, CgroupSettings settings, string? agentUnit, ILogger logger)
    {
        _tree = new SliceTree(root);
        _mount = mount;
        _systemd = systemd;
        _settings = settings;
        _agentUnit = agentUnit;
        _logger = logger;
        // Delegation makes the manager hand all that it knows down to the scope; what the root lacks is bound to version 1 or not in the kernel.
        _enabled = new HashSet<string>(Cgroupfs.ReadWords(mount, Cgroupfs.Controllers), StringComparer.Ordinal);
        _weights = new ClassWeights(_tree, systemd, logger);
    }

    public CgroupDriverKind Kind => CgroupDriverKind.Systemd;

    public IReadOnlySet<string> Enabled => _enabled;

    /// <summary>The service this process runs in, by its cgroup; null when it is none.</summary>
    public static string? AgentUnit(string proc) =>
        Procfs.CgroupOf(Environment.ProcessId, proc)?.Split('/').LastOrDefault(name => name.EndsWith(".service", StringComparison.Ordinal));

    public string PodPath(PodUid uid, string qosClass) => _tree.PodPath(uid, qosClass);

    public bool Prepare(PodUid uid, Pod pod) => false;

    public async Task AdmitAsync(PodUid uid, Pod pod, int shim, CancellationToken cancellationToken)
    {
        string qos = QosClass.Of(pod);
        CgroupValues values = CgroupValues.ForPod(pod, _settings);
        string unit = _tree.PodName(uid);
        string path = _tree.PodPath(uid, qos);
        _weights.Use(qos);
        await StartScopeAsync(unit, oomPolicy => UnitProperties.OfScope(pod, _tree.ClassUnit(qos), shim, _agentUnit, oomPolicy, values), cancellationToken);
        if (qos == PodQosClass.Burstable) _weights.Weigh(path, PodResources.Request(pod, ResourceName.Cpu));

        if (!Directory.Exists(path)) throw new SystemdException("", $"systemd: unit {unit} was started, but its cgroup is not {path}");
        string leaf = PodCgroups.ShimPath(path);
        Cgroupfs.Create(leaf);
        Cgroupfs.Attach(leaf, shim);
        if (values.HugePages.Any(pages => pages.Limit > 0)) HandDownHugePages(path);
        PodCgroups.HandDown(path);
        PodCgroups.WriteAll(path, values.HugePageWrites(), _enabled);
    }

    public async Task UpdatePodAsync(string path, Pod pod, CancellationToken cancellationToken)
    {
        CgroupValues values = CgroupValues.ForPod(pod, _settings);
        if (!path.StartsWith(_tree.Root + "/", StringComparison.Ordinal))
        {
            // Made by the other driver before the configuration changed: nobody but us knows it.
            PodCgroups.WriteAll(path, values.Updates(), _enabled);
            return;
        }
        await _systemd.SetPropertiesAsync(Path.GetFileName(path), UnitProperties.OfValues(values), cancellationToken);
        if (IsBurstable(path)) _weights.Weigh(path, PodResources.Request(pod, ResourceName.Cpu));
    }

    public void Adopt(string path, Pod pod)
    {
        if (IsBurstable(path)) _weights.Weigh(path, PodResources.Request(pod, ResourceName.Cpu));
    }

    public void Forget(string path)
    {
        if (IsBurstable(path)) _weights.Weigh(path, null);
    }

    public IReadOnlyList<(PodUid Uid, string Path)> Pods() => [.. _tree.Pods()];

    /// <summary>Slices stay: they are the manager's, and cost nothing.</summary>
    public void Dispose() => _systemd.Dispose();

    private bool IsBurstable(string path) => Path.GetDirectoryName(path) == _tree.ClassPath(PodQosClass.Burstable);

    private async Task StartScopeAsync(string unit, Func<bool, IReadOnlyList<BusProperty>> properties, CancellationToken cancellationToken)
    {
        bool withOomPolicy = _knowsOomPolicy;
        try
        {
            await _systemd.StartScopeAsync(unit, properties(withOomPolicy), cancellationToken);
        }
        catch (SystemdException e) when (e.Name == SystemdException.PropertyReadOnly && withOomPolicy)
        {
            _knowsOomPolicy = false;
            await StartScopeAsync(unit, properties, cancellationToken);
        }
        catch (SystemdException e) when (e.Name == SystemdException.UnitExists)
        {
            // The pod's last sandbox is gone, but the manager has not noticed yet, or something was put there by hand.
            RuntimeLog.UnitInTheWay(_logger, unit);
            await _systemd.StopAsync(unit, cancellationToken);
            await _systemd.StartScopeAsync(unit, properties(_knowsOomPolicy), cancellationToken);
        }
    }

    private void HandDownHugePages(string path)
    {
        string level = _mount;
        PodCgroups.HandDown(level, [PodCgroups.HugePages]);
        foreach (string part in Path.GetDirectoryName(path)![(_mount.Length + 1)..].Split('/'))
        {
            level += "/" + part;
            PodCgroups.HandDown(level, [PodCgroups.HugePages]);
        }
    }
}
