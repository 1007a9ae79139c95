using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Security of the pod and of its containers.</summary>
internal static class PodSecurityValidator
{
    /// <summary>Linux capabilities up to kernel 6.x (include/uapi/linux/capability.h), without the prefix.</summary>
    private static readonly string[] Capabilities =
    [
        "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE",
        "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE",
        "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID",
        "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE",
        "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM",
    ];

    public static void Validate(PodSpec spec, ValidationScope at)
    {
        PodSecurityContext context = spec.SecurityContext!;
        at["runAsUser"].Id(context.RunAsUser);
        at["runAsGroup"].Id(context.RunAsGroup);
        at["fsGroup"].Id(context.FsGroup);
        for (int i = 0; i < (context.SupplementalGroups?.Count ?? 0); i++) at["supplementalGroups"][i].Id(context.SupplementalGroups![i]);
        at["supplementalGroupsPolicy"].OneOf(context.SupplementalGroupsPolicy, SupplementalGroupsPolicy.Merge, SupplementalGroupsPolicy.Strict);
        at["fsGroupChangePolicy"].OneOf(context.FsGroupChangePolicy, "Always", "OnRootMismatch");
        at["seLinuxChangePolicy"].OneOf(context.SeLinuxChangePolicy, "Recursive", "MountOption");
        Profile(context.SeccompProfile?.Type, context.SeccompProfile?.LocalhostProfile, context.SeccompProfile is not null, at["seccompProfile"]);
        Profile(context.AppArmorProfile?.Type, context.AppArmorProfile?.LocalhostProfile, context.AppArmorProfile is not null,
            at["appArmorProfile"]);
        Sysctls(spec, context.Sysctls, at["sysctls"]);
    }

    public static void Validate(SecurityContext? context, PodSpec spec, ValidationScope at)
    {
        if (context is null) return;
        at["runAsUser"].Id(context.RunAsUser);
        at["runAsGroup"].Id(context.RunAsGroup);
        at["procMount"].OneOf(context.ProcMount, ProcMountType.Default, ProcMountType.Unmasked);
        if (context.ProcMount == ProcMountType.Unmasked && spec.HostUsers != false)
            at["procMount"].Exclusive("may be Unmasked only when spec.hostUsers is false");
        if (context.AllowPrivilegeEscalation == false && context.Privileged == true)
            at["allowPrivilegeEscalation"].Exclusive("may not be false when privileged is true", "choose one of the two");
        else if (context.AllowPrivilegeEscalation == false && context.Capabilities?.Add?.Contains("SYS_ADMIN", StringComparer.Ordinal) == true)
            at["allowPrivilegeEscalation"].Exclusive("may not be false when the capability SYS_ADMIN is added", "choose one of the two");
        CapabilityNames(context.Capabilities?.Add, at["capabilities"]["add"]);
        CapabilityNames(context.Capabilities?.Drop, at["capabilities"]["drop"]);
        Profile(context.SeccompProfile?.Type, context.SeccompProfile?.LocalhostProfile, context.SeccompProfile is not null, at["seccompProfile"]);
        Profile(context.AppArmorProfile?.Type, context.AppArmorProfile?.LocalhostProfile, context.AppArmorProfile is not null,
            at["appArmorProfile"]);
    }

    private static void CapabilityNames(IReadOnlyList<string>? names, ValidationScope at)
    {
        for (int i = 0; i < (names?.Count ?? 0); i++)
        {
            string name = names![i];
            if (Capabilities.Contains(name, StringComparer.Ordinal)) continue;
            string bare = name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name[4..] : name;
            string? nearest = Spelling.Nearest(bare, Capabilities);
            at[i].Error(ManifestReason.UnsupportedValue, $"{ManifestText.Quote(name)} is no capability of Linux",
                nearest is null ? "write it without CAP_, e.g. NET_ADMIN" : $"did you mean {nearest}?");
        }
    }

    private static void Profile(string? type, string? localhostProfile, bool given, ValidationScope at)
    {
        if (!given) return;
        if (at["type"].Required(type))
            at["type"].OneOf(type, SecurityProfileType.RuntimeDefault, SecurityProfileType.Unconfined, SecurityProfileType.Localhost);
        ValidationScope scope = at["localhostProfile"];
        if (type == SecurityProfileType.Localhost)
        {
            if (scope.Required(localhostProfile) && !Syntax.StaysInside(localhostProfile!))
                scope.Invalid("must be a relative path without ..");
        }
        else if (localhostProfile is not null)
        {
            scope.Exclusive("may be set only when the type is Localhost", "remove it");
        }
    }

    private static void Sysctls(PodSpec spec, IReadOnlyList<Sysctl>? sysctls, ValidationScope at)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (sysctls?.Count ?? 0); i++)
        {
            ValidationScope scope = at[i]["name"];
            string? name = sysctls![i].Name;
            if (!scope.Required(name) || !scope.Spelled(name, Syntax.IsSysctl, "a sysctl such as net.ipv4.ip_forward")) continue;
            string dotted = name!.Replace('/', '.');
            if (!names.Add(dotted)) scope.Duplicate(name);
            if (spec.HostNetwork == true && dotted.StartsWith("net.", StringComparison.Ordinal))
                scope.Exclusive("would change the host, because hostNetwork is true", "set it on the host");
            bool ipc = dotted.StartsWith("kernel.shm", StringComparison.Ordinal) || dotted.StartsWith("kernel.msg", StringComparison.Ordinal)
                || dotted == "kernel.sem" || dotted.StartsWith("fs.mqueue.", StringComparison.Ordinal);
            if (spec.HostIPC == true && ipc) scope.Exclusive("would change the host, because hostIPC is true", "set it on the host");
        }
    }
}
