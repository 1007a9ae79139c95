using System.Numerics;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using Requested = NodeAgent.Core.Model.Capabilities;

namespace NodeAgent.Runtime.Security;

/// <summary>
/// The capabilities a container's process is given, one bit each (capabilities(7)). As in the field's runtimes bounding, permitted and effective
/// are one set, inheritable and ambient are empty: so a process of another user than root has none after its execve, but gets its file
/// capabilities and what a setuid root program may have, both within the bounding set.
/// </summary>
public readonly record struct CapabilitySets(ulong Bounding)
{
    /// <summary>What containerd and Docker give by default.</summary>
    public const ulong Default =
        1UL << Capabilities.CAP_CHOWN | 1UL << Capabilities.CAP_DAC_OVERRIDE | 1UL << Capabilities.CAP_FSETID | 1UL << Capabilities.CAP_FOWNER
        | 1UL << Capabilities.CAP_MKNOD | 1UL << Capabilities.CAP_NET_RAW | 1UL << Capabilities.CAP_SETGID | 1UL << Capabilities.CAP_SETUID
        | 1UL << Capabilities.CAP_SETFCAP | 1UL << Capabilities.CAP_SETPCAP | 1UL << Capabilities.CAP_NET_BIND_SERVICE
        | 1UL << Capabilities.CAP_SYS_CHROOT | 1UL << Capabilities.CAP_KILL | 1UL << Capabilities.CAP_AUDIT_WRITE;

    public ulong Effective => Bounding;
    public ulong Permitted => Bounding;
    public ulong Inheritable => 0;
    public ulong Ambient => 0;

    /// <summary>
    /// The default set, or all or none when <c>ALL</c> is added or dropped (dropping wins), then each single addition, then each single drop.
    /// </summary>
    /// <param name="requested">From the manifest; names with or without <c>CAP_</c>, in any case.</param>
    /// <param name="available">What this node can give at most: the daemon's own permitted set. <c>ALL</c> and privileged mean this.</param>
    /// <exception cref="PodRuntimeException">CreateContainerConfigError: a name that is unknown, or an addition the node cannot give.</exception>
    public static CapabilitySets Resolve(Requested? requested, bool privileged, ulong available)
    {
        if (privileged) return new CapabilitySets(available);
        IReadOnlyList<string> add = requested?.Add ?? [];
        IReadOnlyList<string> drop = requested?.Drop ?? [];
        ulong set = Default & available;
        if (add.Any(IsAll)) set = available;
        if (drop.Any(IsAll)) set = 0;

        ulong added = Parse(add, "add");
        ulong missing = added & ~available;
        if (missing != 0)
        {
            throw Refusal($"securityContext.capabilities.add: {Capabilities.Name(BitOperations.TrailingZeroCount(missing))} is not available on this node");
        }
        return new CapabilitySets((set | added) & ~Parse(drop, "drop"));
    }

    public override string ToString() =>
        Bounding == 0 ? "none" : string.Join(' ', Numbers(Bounding).Select(Capabilities.Name));

    /// <summary>The numbers of the bits that are set, ascending.</summary>
    internal static IEnumerable<int> Numbers(ulong set) => Enumerable.Range(0, 64).Where(number => (set >> number & 1) != 0);

    private static ulong Parse(IReadOnlyList<string> names, string field)
    {
        ulong set = 0;
        foreach (string name in names)
        {
            if (IsAll(name)) continue;
            int number = Capabilities.Find(name);
            if (number < 0) throw Refusal($"securityContext.capabilities.{field}: {name} is no capability; see capabilities(7) for the names");
            set |= 1UL << number;
        }
        return set;
    }

    private static bool IsAll(string name) =>
        name.Equals("ALL", StringComparison.OrdinalIgnoreCase) || name.Equals("CAP_ALL", StringComparison.OrdinalIgnoreCase);

    private static PodRuntimeException Refusal(string message) => new(RuntimeFailure.CreateContainerConfigError, message);
}
