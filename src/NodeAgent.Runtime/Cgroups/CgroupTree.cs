using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// Where pods lie below the root of an agent, and what they are called. Pure names, and a listing.
/// <code>
/// cgroupfs                         systemd
/// podagent/                        podagent.slice/
///   pod{uid}/                        podagent-pod{uid}.scope/                               Guaranteed
///   burstable/pod{uid}/              podagent-burstable.slice/podagent-pod{uid}.scope/
///   besteffort/pod{uid}/             podagent-besteffort.slice/podagent-pod{uid}.scope/
/// </code>
/// A root whose name ends in <c>.slice</c> is systemd's.
/// </summary>
public abstract class CgroupTree(string root)
{
    public string Root => root;

    /// <summary>The folder of a QoS class; the root for Guaranteed.</summary>
    public abstract string ClassPath(string qosClass);

    public string PodPath(PodUid uid, string qosClass) => $"{ClassPath(qosClass)}/{PodName(uid)}";

    public abstract string PodName(PodUid uid);

    /// <summary>The pod a folder belongs to; null when it is no pod's.</summary>
    protected abstract PodUid? UidOf(string folder);

    public IEnumerable<(PodUid Uid, string Path)> Pods() =>
        from qosClass in (string[])[PodQosClass.Guaranteed, PodQosClass.Burstable, PodQosClass.BestEffort]
        let parent = ClassPath(qosClass)
        where Directory.Exists(parent)
        from folder in Directory.EnumerateDirectories(parent)
        let uid = UidOf(Path.GetFileName(folder))
        where uid is not null
        select (uid.Value, folder);

    public static CgroupTree At(string root) => root.EndsWith(SliceTree.Suffix, StringComparison.Ordinal) ? new SliceTree(root) : new FolderTree(root);
}

/// <summary>The agent's own folders.</summary>
public sealed class FolderTree(string root) : CgroupTree(root)
{
    private const string PodPrefix = "pod";

    public override string ClassPath(string qosClass) => qosClass switch
    {
        PodQosClass.Burstable => $"{Root}/burstable",
        PodQosClass.BestEffort => $"{Root}/besteffort",
        _ => Root,
    };

    public override string PodName(PodUid uid) => PodPrefix + uid.Value;

    protected override PodUid? UidOf(string folder) => folder.StartsWith(PodPrefix, StringComparison.Ordinal) ? new PodUid(folder[PodPrefix.Length..]) : null;
}

/// <summary>systemd's slices and scopes. Names of units are those of their cgroups.</summary>
public sealed class SliceTree : CgroupTree
{
    public const string Suffix = ".slice";
    private const string Scope = ".scope";
    private readonly string _name;
    private readonly string _podPrefix;

    /// <param name="root">Cgroup folder of the root slice.</param>
    public SliceTree(string root) : base(root)
    {
        _name = Path.GetFileName(root)[..^Suffix.Length];
        _podPrefix = _name + "-pod";
    }

    public string RootUnit => _name + Suffix;

    /// <summary>The slice of a QoS class, which is the root slice for Guaranteed.</summary>
    public string ClassUnit(string qosClass) => qosClass switch
    {
        PodQosClass.Burstable => $"{_name}-burstable{Suffix}",
        PodQosClass.BestEffort => $"{_name}-besteffort{Suffix}",
        _ => RootUnit,
    };

    public override string ClassPath(string qosClass) => ClassUnit(qosClass) is var unit && unit == RootUnit ? Root : $"{Root}/{unit}";

    /// <summary>Also the name of the unit.</summary>
    public override string PodName(PodUid uid) => _podPrefix + UnitName.Escape(uid.Value) + Scope;

    protected override PodUid? UidOf(string folder) =>
        folder.StartsWith(_podPrefix, StringComparison.Ordinal) && folder.EndsWith(Scope, StringComparison.Ordinal)
            ? new PodUid(UnitName.Unescape(folder[_podPrefix.Length..^Scope.Length]))
            : null;

    /// <summary>
    /// The folder of a slice below the cgroup mount, for the agent's cgroup root: <c>podagent</c> and <c>podagent.slice</c> give <c>podagent.slice</c>,
    /// <c>a/b</c> gives <c>a.slice/a-b.slice</c>. A dash would mean one slice more, so it becomes an underscore.
    /// </summary>
    public static string FolderOf(string cgroupRoot)
    {
        string trimmed = cgroupRoot.Trim('/');
        if (trimmed.EndsWith(Suffix, StringComparison.Ordinal)) trimmed = trimmed[..^Suffix.Length];
        string name = "";
        List<string> folders = [];
        foreach (string part in trimmed.Split('/'))
        {
            name = (name.Length == 0 ? "" : name + "-") + UnitName.Escape(part.Replace('-', '_'));
            folders.Add(name + Suffix);
        }
        return string.Join('/', folders);
    }
}
