using System.Runtime.InteropServices;
using System.Text.Json;
using NodeAgent.Linux;
using NodeAgent.Runtime.Security;
using Xunit;
using static NodeAgent.Linux.Capabilities;
using static NodeAgent.Linux.Seccomp;

namespace NodeAgent.UnitTests.Security;

public sealed class DefaultSeccompPolicyTests
{
    private const ulong CloneThread = 0x3d0f00;
    private static readonly uint Denied = Seccomp.Errno(Linux.Errno.EPERM);
    private static readonly uint Missing = Seccomp.Errno(Linux.Errno.ENOSYS);

    [Theory]
    [InlineData("read")]
    [InlineData("execve")]
    [InlineData("ptrace")]
    [InlineData("openat2")]
    [InlineData("landlock_create_ruleset")]
    [InlineData("statmount")]
    [InlineData("lsm_list_modules")]
    public void Ordinary_calls_are_allowed(string call) => Assert.Equal(SECCOMP_RET_ALLOW, Decide(CapabilitySets.Default, call));

    [Theory]
    [InlineData("mount")]
    [InlineData("umount2")]
    [InlineData("unshare")]
    [InlineData("setns")]
    [InlineData("bpf")]
    [InlineData("perf_event_open")]
    [InlineData("userfaultfd")]
    [InlineData("io_uring_setup")]
    [InlineData("keyctl")]
    [InlineData("add_key")]
    [InlineData("request_key")]
    [InlineData("kexec_load")]
    [InlineData("init_module")]
    [InlineData("open_by_handle_at")]
    [InlineData("reboot")]
    [InlineData("swapon")]
    [InlineData("pivot_root")]
    [InlineData("syslog")]
    [InlineData("move_mount")]
    [InlineData("mbind")]
    public void Calls_that_reach_beyond_the_container_are_not_permitted(string call) => Assert.Equal(Denied, Decide(CapabilitySets.Default, call));

    [Theory]
    [InlineData("mount", CAP_SYS_ADMIN)]
    [InlineData("clone3", CAP_SYS_ADMIN)]
    [InlineData("open_by_handle_at", CAP_DAC_READ_SEARCH)]
    [InlineData("reboot", CAP_SYS_BOOT)]
    [InlineData("init_module", CAP_SYS_MODULE)]
    [InlineData("acct", CAP_SYS_PACCT)]
    [InlineData("pidfd_getfd", CAP_SYS_PTRACE)]
    [InlineData("iopl", CAP_SYS_RAWIO)]
    [InlineData("clock_settime", CAP_SYS_TIME)]
    [InlineData("vhangup", CAP_SYS_TTY_CONFIG)]
    [InlineData("mbind", CAP_SYS_NICE)]
    [InlineData("syslog", CAP_SYSLOG)]
    [InlineData("bpf", CAP_BPF)]
    [InlineData("perf_event_open", CAP_PERFMON)]
    public void A_capability_opens_the_calls_it_is_meant_for(string call, int capability)
    {
        Assert.NotEqual(SECCOMP_RET_ALLOW, Decide(CapabilitySets.Default, call));
        Assert.Equal(SECCOMP_RET_ALLOW, Decide(CapabilitySets.Default | 1UL << capability, call));
    }

    [Fact]
    public void Chroot_goes_with_its_capability_which_is_a_default_one()
    {
        Assert.Equal(SECCOMP_RET_ALLOW, Decide(CapabilitySets.Default, "chroot"));
        Assert.Equal(Denied, Decide(CapabilitySets.Default & ~(1UL << CAP_SYS_CHROOT), "chroot"));
    }

    [Theory]
    [InlineData(CloneThread, true)]
    [InlineData(0x11UL, true)]
    [InlineData(Namespaces.CLONE_NEWUSER | 0x11, false)]
    [InlineData(Namespaces.CLONE_NEWNS, false)]
    [InlineData(Namespaces.CLONE_NEWCGROUP, false)]
    [InlineData(Namespaces.CLONE_NEWNET | 0xffff_0000_0000_0000, false)]
    public void Clone_makes_threads_and_processes_but_no_namespaces(ulong flags, bool allowed) =>
        Assert.Equal(allowed ? SECCOMP_RET_ALLOW : Denied, Decide(CapabilitySets.Default, "clone", flags));

    [Fact]
    public void Clone3_seems_not_to_exist_so_that_libc_takes_clone() => Assert.Equal(Missing, Decide(CapabilitySets.Default, "clone3"));

    [Theory]
    [InlineData(0UL, true)]
    [InlineData(8UL, true)]
    [InlineData(0x20000UL, true)]
    [InlineData(0x20008UL, true)]
    [InlineData(0xffffffffUL, true)]
    [InlineData(0x0040000UL, false)]
    public void Personality_cannot_turn_off_address_randomisation(ulong persona, bool allowed) =>
        Assert.Equal(allowed ? SECCOMP_RET_ALLOW : Denied, Decide(CapabilitySets.Default, "personality", persona));

    [Theory]
    [InlineData(1UL, true)]
    [InlineData(2UL, true)]
    [InlineData(16UL, true)]
    [InlineData(40UL, false)]
    [InlineData(0x1_0000_0028UL, false)]
    public void Sockets_of_every_family_but_vsock(ulong family, bool allowed) =>
        Assert.Equal(allowed ? SECCOMP_RET_ALLOW : Denied, Decide(CapabilitySets.Default, "socket", family));

    // The calls on which Podman's default profile of 2022 (containers-common 0.50) decides otherwise than containerd's of today, which is the one meant here.
    private const string PodmanAllows =
        "clone3 fsconfig fsmount fsopen fspick get_mempolicy keyctl mbind mount mount_setattr move_mount open_tree pidfd_getfd pivot_root reboot "
        + "set_mempolicy setns syslog umount2 unshare";
    private const string PodmanDenies =
        "cachestat fchmodat2 futex_requeue futex_wait futex_waitv futex_wake getxattrat io_pgetevents listmount listxattrat lsm_get_self_attr lsm_list_modules "
        + "lsm_set_self_attr map_shadow_stack mseal removexattrat setxattrat statmount uretprobe vmsplice";

    [Fact]
    public void Podmans_default_profile_decides_the_same_but_for_the_known_differences()
    {
        const string path = "/usr/share/containers/seccomp.json";
        Assert.SkipUnless(File.Exists(path), $"{path} is missing: install golang-github-containers-common");
        SeccompPolicy podman = ReadProfile(path, CapabilitySets.Default);
        List<SockFilter> theirs = SeccompCompiler.Assemble(podman, Architecture.X64);
        List<SockFilter> ours = SeccompCompiler.Assemble(DefaultSeccompPolicy.For(CapabilitySets.Default, arm: false), Architecture.X64);

        List<string> onlyTheirs = [];
        List<string> onlyOurs = [];
        foreach (Syscall call in Syscalls.All.Where(call => call.X86_64 >= 0).OrderBy(call => call.Name, StringComparer.Ordinal))
        {
            bool allowedThere = BpfInterpreter.Run(theirs, (uint)call.X86_64, AUDIT_ARCH_X86_64).Action == SECCOMP_RET_ALLOW;
            bool allowedHere = BpfInterpreter.Run(ours, (uint)call.X86_64, AUDIT_ARCH_X86_64).Action == SECCOMP_RET_ALLOW;
            if (allowedThere && !allowedHere) onlyTheirs.Add(call.Name);
            if (allowedHere && !allowedThere) onlyOurs.Add(call.Name);
        }
        Assert.Equal(PodmanAllows.Split(' '), onlyTheirs);
        Assert.Equal(PodmanDenies.Split(' '), onlyOurs);
    }

    private static uint Decide(ulong bounding, string call, params ulong[] arguments)
    {
        List<SockFilter> program = SeccompCompiler.Assemble(DefaultSeccompPolicy.For(bounding, arm: false), Architecture.X64);
        int number = CompatSyscalls.Find(call, SyscallInterface.X86_64);
        Assert.True(number >= 0, $"{call} has no number");
        return BpfInterpreter.Run(program, (uint)number, AUDIT_ARCH_X86_64, arguments).Action;
    }

    private static SeccompPolicy ReadProfile(string path, ulong bounding)
    {
        using JsonDocument profile = JsonDocument.Parse(File.ReadAllText(path));
        List<SeccompRule> rules = [];
        foreach (JsonElement entry in profile.RootElement.GetProperty("syscalls").EnumerateArray())
        {
            if (!Applies(entry, bounding)) continue;
            uint action = entry.GetProperty("action").GetString() == "SCMP_ACT_ALLOW"
                ? SECCOMP_RET_ALLOW
                : Seccomp.Errno(entry.GetProperty("errnoRet").GetInt32());
            SeccompCondition[] conditions = entry.TryGetProperty("args", out JsonElement args) && args.ValueKind == JsonValueKind.Array
                ? [.. args.EnumerateArray().Select(Condition)]
                : [];
            rules.AddRange(entry.GetProperty("names").EnumerateArray().Select(name => new SeccompRule(name.GetString()!, action, conditions)));
        }
        return new SeccompPolicy(Seccomp.Errno(profile.RootElement.GetProperty("defaultErrnoRet").GetInt32()), rules);
    }

    private static bool Applies(JsonElement entry, ulong bounding)
    {
        bool Has(string side, string key, Func<string, bool> test) =>
            entry.TryGetProperty(side, out JsonElement filter) && filter.TryGetProperty(key, out JsonElement list)
            && list.EnumerateArray().Any(value => test(value.GetString()!));
        bool Names(string side, string key) => entry.TryGetProperty(side, out JsonElement filter) && filter.TryGetProperty(key, out _);
        bool Given(string capability) => (bounding >> Capabilities.Find(capability) & 1) != 0;
        if (Names("includes", "arches") && !Has("includes", "arches", arch => arch == "amd64")) return false;
        if (Names("includes", "caps") && !Has("includes", "caps", Given)) return false;
        return !Has("excludes", "caps", Given);
    }

    private static SeccompCondition Condition(JsonElement argument) => new(
        argument.GetProperty("index").GetInt32(),
        argument.GetProperty("op").GetString() == "SCMP_CMP_NE" ? SeccompOperator.NotEqual : SeccompOperator.Equal,
        argument.GetProperty("value").GetUInt64());
}
