using NodeAgent.Linux;

namespace NodeAgent.Runtime.Security;

public enum SeccompOperator
{
    Equal,
    NotEqual,

    /// <summary><c>(argument &amp; Mask) == Value</c>.</summary>
    MaskedEqual,
}

/// <summary>A test on one argument of a system call.</summary>
/// <param name="Index">0–5.</param>
/// <param name="Wide">
/// Compares all 64 bits. Most calls take an int or unsigned int there and ignore the upper half, so that a test on all bits could be dodged by setting some.
/// </param>
public sealed record SeccompCondition(int Index, SeccompOperator Operator, ulong Value, ulong Mask = ulong.MaxValue, bool Wide = false);

/// <summary>What happens to one system call when every condition holds. Several rules for one name are tried in order; the first that holds decides.</summary>
/// <param name="Action">A <c>SECCOMP_RET_*</c> value with its data.</param>
public sealed record SeccompRule(string Name, uint Action, IReadOnlyList<SeccompCondition> Conditions);

/// <summary>A seccomp profile: rules by name, before they are compiled for the interfaces of one machine. Unknown names are ignored, as everywhere in the field.</summary>
/// <param name="DefaultAction">For calls that the newest named call's kernel knew and that no rule allows.</param>
public sealed record SeccompPolicy(uint DefaultAction, IReadOnlyList<SeccompRule> Rules)
{
    /// <summary>For calls newer than the profile: programs fall back on ENOSYS and give up on EPERM.</summary>
    public uint UnknownAction { get; init; } = Seccomp.Errno(Errno.ENOSYS);
}
