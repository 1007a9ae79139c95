using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;

namespace NodeAgent.Runtime.Security;

[Flags]
public enum DeviceAccess
{
    Make = 1,
    Read = 2,
    Write = 4,
    All = Make | Read | Write,
}

/// <param name="Type"><c>c</c> or <c>b</c>.</param>
/// <param name="Major">Null for every.</param>
/// <param name="Minor">Null for every.</param>
public sealed record DeviceRule(char Type, uint? Major, uint? Minor, DeviceAccess Access);

/// <summary>
/// Which devices a container may open. Its root may make nodes by default (CAP_MKNOD), and the first disk is a well known number: so a filter on its cgroup
/// is what keeps it from the host's disks. Making nodes is allowed for all devices, as images are unpacked and built in containers; using them is not.
/// </summary>
public static class DeviceFilter
{
    /// <summary>What the field's runtimes allow: the nodes of <c>/dev</c> that every container has, and terminals.</summary>
    public static readonly IReadOnlyList<DeviceRule> Default =
    [
        new('c', null, null, DeviceAccess.Make),
        new('b', null, null, DeviceAccess.Make),
        new('c', 1, 3, DeviceAccess.All),   // null
        new('c', 1, 5, DeviceAccess.All),   // zero
        new('c', 1, 7, DeviceAccess.All),   // full
        new('c', 1, 8, DeviceAccess.All),   // random
        new('c', 1, 9, DeviceAccess.All),   // urandom
        new('c', 5, 0, DeviceAccess.All),   // tty
        new('c', 5, 1, DeviceAccess.All),   // console
        new('c', 5, 2, DeviceAccess.All),   // ptmx
        new('c', 136, null, DeviceAccess.All), // pts/N
    ];

    /// <summary>
    /// Puts the filter on a container's cgroup, before its process is born there. A privileged container needs none.
    /// </summary>
    /// <param name="cgroup">The container's cgroup v2 directory, new: filters add up.</param>
    /// <param name="devices">Further nodes that the container gets.</param>
    /// <returns>0, or the error number where the kernel cannot do it. Then the container should not have CAP_MKNOD.</returns>
    public static int Attach(SafeFileHandle cgroup, IReadOnlyList<DeviceNode> devices) => CgroupBpf.AttachDeviceProgram(
        cgroup, Compile([.. Default, .. devices.Select(device => new DeviceRule(device.Type, device.Major, device.Minor, DeviceAccess.All))]));

    /// <summary>A program that answers 1 when a rule covers all of what is asked, else 0.</summary>
    internal static IReadOnlyList<BpfInsn> Compile(IReadOnlyList<DeviceRule> rules)
    {
        // struct bpf_cgroup_dev_ctx { u32 access_type (access << 16 | type); u32 major; u32 minor; } in r1.
        const byte type = 2, access = 3, major = 4, minor = 5, scratch = 1;
        List<BpfInsn> program =
        [
            new(BpfInsn.BPF_LDX_MEM_W, type, 1, 0, 0),
            new(BpfInsn.BPF_ALU64_MOV_X, access, type, 0, 0),
            new(BpfInsn.BPF_ALU64_RSH_K, access, 0, 0, 16),
            new(BpfInsn.BPF_ALU64_AND_K, type, 0, 0, 0xffff),
            new(BpfInsn.BPF_LDX_MEM_W, major, 1, 4, 0),
            new(BpfInsn.BPF_LDX_MEM_W, minor, 1, 8, 0),
        ];
        foreach (DeviceRule rule in rules)
        {
            // Each test that fails jumps over the rest of its rule.
            List<BpfInsn> tests = [new(BpfInsn.BPF_JMP_JNE_K, type, 0, 0, rule.Type == 'b' ? 1 : 2)];
            if (rule.Access != DeviceAccess.All)
            {
                tests.Add(new(BpfInsn.BPF_ALU64_MOV_X, scratch, access, 0, 0));
                tests.Add(new(BpfInsn.BPF_ALU64_AND_K, scratch, 0, 0, (int)(DeviceAccess.All & ~rule.Access)));
                tests.Add(new(BpfInsn.BPF_JMP_JNE_K, scratch, 0, 0, 0));
            }
            if (rule.Major is { } majorNumber) tests.Add(new(BpfInsn.BPF_JMP_JNE_K, major, 0, 0, (int)majorNumber));
            if (rule.Minor is { } minorNumber) tests.Add(new(BpfInsn.BPF_JMP_JNE_K, minor, 0, 0, (int)minorNumber));
            for (int i = 0; i < tests.Count; i++)
            {
                bool jumps = tests[i].Code == BpfInsn.BPF_JMP_JNE_K;
                program.Add(jumps ? tests[i] with { Offset = (short)(tests.Count - i - 1 + 2) } : tests[i]);
            }
            Answer(program, 1);
        }
        Answer(program, 0);
        return program;
    }

    private static void Answer(List<BpfInsn> program, int value)
    {
        program.Add(new(BpfInsn.BPF_ALU64_MOV_K, 0, 0, 0, value));
        program.Add(new(BpfInsn.BPF_EXIT, 0, 0, 0, 0));
    }
}
