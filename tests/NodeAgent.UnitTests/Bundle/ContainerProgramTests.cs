using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using Xunit;

namespace NodeAgent.UnitTests.Bundle;

public sealed class ContainerProgramTests
{
    private static readonly byte[] Filter = new byte[Bpf.InstructionSize];

    [Fact]
    public void The_program_goes_from_the_root_over_the_file_systems_to_the_process()
    {
        ContainerSpec spec = Specs.Running("sh") with { Mounts = [new BundleMount("/data", true, "volume data")], ReadOnlyRootFilesystem = true };
        AssertInOrder(
            ContainerProgram.Build(spec),
            "make / rslave", "attach the root", "pivot_root", "mount proc on /proc", "mount sysfs on /sys", "make /sys read-only", "mount tmpfs on /dev", "mknod /dev/null",
            "hide file /proc/kcore", "bind /proc/sys to itself", "make /proc/sys read-only", "open mount point /data", "mount volume data on /data",
            "let go of the host's root", "make the root read-only", "setsid", "open /dev/null as stdin", "place stdout", "open working directory /",
            "close the rest on execve", "umask 022", "drop CAP_SYS_ADMIN for good", "set groups 0", "set group 0", "set user 0", "set capabilities",
            "execve /usr/bin/sh", "execve /bin/sh");
    }

    [Fact]
    public void A_process_that_may_gain_rights_has_its_filter_before_it_loses_them()
    {
        ContainerSpec spec = Specs.Running("sh");
        SyscallProgram program = ContainerProgram.Build(spec with { Process = spec.Process with { Seccomp = Filter } });
        AssertInOrder(program, "install the seccomp filter", "set user 0", "set capabilities", "execve /bin/sh");
        Assert.DoesNotContain("set no_new_privs", program.OpNames);
    }

    [Fact]
    public void A_process_that_may_not_gain_rights_has_its_filter_last()
    {
        ContainerSpec spec = Specs.Running("sh");
        SyscallProgram program = ContainerProgram.Build(spec with { Process = spec.Process with { Seccomp = Filter, NoNewPrivileges = true } });
        AssertInOrder(program, "set user 0", "set capabilities", "set no_new_privs", "install the seccomp filter", "execve /usr/bin/sh", "execve /bin/sh");
    }

    [Fact]
    public void Unconfined_installs_no_filter() =>
        Assert.DoesNotContain("install the seccomp filter", ContainerProgram.Build(Specs.Running("sh")).OpNames);

    [Fact]
    public void Descriptors_are_the_root_and_then_the_mounts_in_their_order()
    {
        ContainerSpec spec = Specs.Running("sh") with { Mounts = [new BundleMount("/a", true, "a"), new BundleMount("/b", false, "b")] };
        SyscallProgram program = ContainerProgram.Build(spec);
        Assert.Equal(3, program.FdCount);
        Assert.Equal(program.FdCount, ContainerProgram.FdCount(spec));
        Assert.Contains(program.OpTexts, text => text.StartsWith("move_mount(fd[0], \"\", -100, \"/run/empty\"", StringComparison.Ordinal));
        Assert.Contains(program.OpTexts, text => text.StartsWith("move_mount(fd[2]", StringComparison.Ordinal) && text.EndsWith("mount b on /b", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(PidNamespaceMode.Own, Namespaces.CLONE_NEWPID)]
    [InlineData(PidNamespaceMode.Pod, 0UL)]
    [InlineData(PidNamespaceMode.Host, 0UL)]
    public void Only_a_container_with_a_pid_namespace_of_its_own_makes_one(PidNamespaceMode mode, ulong pid) =>
        Assert.Equal(
            Namespaces.CLONE_NEWNS | Namespaces.CLONE_NEWCGROUP | pid, ContainerProgram.CloneFlags(Specs.Running("sh") with { PidNamespace = mode }));

    [Fact]
    public void The_pods_shared_memory_takes_the_place_of_a_private_one()
    {
        Assert.Contains("mount tmpfs on /dev/shm", ContainerProgram.Build(Specs.Running("sh")).OpNames);
        SyscallProgram shared = ContainerProgram.Build(Specs.Running("sh") with { Mounts = [new BundleMount("/dev/shm", true, "the pod's shm")] });
        Assert.DoesNotContain("mount tmpfs on /dev/shm", shared.OpNames);
        AssertInOrder(shared, "make directory /dev/shm", "mount the pod's shm on /dev/shm");
    }

    [Fact]
    public void A_mount_below_dev_has_its_target_made_there_unless_dev_itself_is_a_volume()
    {
        BundleMount log = new("/dev/a/termination-log", false, "log");
        AssertInOrder(
            ContainerProgram.Build(Specs.Running("sh") with { Mounts = [log] }),
            "make directory /dev/a", "make file /dev/a/termination-log", "mount log on /dev/a/termination-log");
        Assert.DoesNotContain("make file /dev/a/termination-log", ContainerProgram.Build(Specs.Running("sh") with { Mounts = [new BundleMount("/dev", true, "host"), log] }).OpNames);
    }

    [Theory]
    [InlineData("/proc", false)]
    [InlineData("/proc/sys/kernel", false)]
    [InlineData("/proc/self", false)]
    [InlineData("/proc/meminfo", true)]
    [InlineData("/process", true)]
    [InlineData("/sys/fs/bpf", true)]
    public void Nothing_covers_proc_but_the_few_files_that_stand_for_the_machine(string target, bool allowed)
    {
        ContainerSpec spec = Specs.Running("sh") with { Mounts = [new BundleMount(target, true, "volume v")] };
        if (allowed)
        {
            Assert.Contains($"mount volume v on {target}", ContainerProgram.Build(spec).OpNames);
            return;
        }
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => ContainerProgram.Build(spec));
        Assert.Equal(RuntimeFailure.CreateContainerConfigError, e.Failure);
        Assert.Equal($"container main: volume v: nothing can be mounted at {target}, inside of /proc", e.Message);
    }

    [Fact]
    public void Privileged_hides_and_protects_nothing()
    {
        SyscallProgram program = ContainerProgram.Build(Specs.Running("sh") with { Privileged = true });
        Assert.DoesNotContain(program.OpNames, name => name.StartsWith("hide ", StringComparison.Ordinal) || name.Contains("read-only", StringComparison.Ordinal));
    }

    [Fact]
    public void Devices_get_the_directories_they_lie_in_and_defaults_are_not_made_twice()
    {
        DeviceNode[] devices = [new("/dev/null", 'c', 1, 3, 0x1b6), new("/dev/bus/usb/001", 'c', 189, 0, 0x1b4, 0, 46)];
        SyscallProgram program = ContainerProgram.Build(Specs.Running("sh") with { Devices = devices });
        Assert.Single(program.OpNames, "mknod /dev/null");
        AssertInOrder(program, "make directory /dev/bus", "make directory /dev/bus/usb", "mknod /dev/bus/usb/001", "chown /dev/bus/usb/001");
    }

    [Fact]
    public void A_terminal_replaces_the_streams()
    {
        ContainerSpec spec = Specs.Running("sh");
        SyscallProgram program = ContainerProgram.Build(spec with { Process = spec.Process with { Tty = true } });
        AssertInOrder(
            program, "mount devpts on /dev/pts", "open /dev/pts/ptmx", "send the terminal", "mount the terminal on /dev/console", "setsid",
            "place the terminal as stdin", "make it the controlling terminal");
        Assert.DoesNotContain("open /dev/null as stdin", program.OpNames);
    }

    [Fact]
    public void Another_user_than_root_owns_its_streams_so_that_it_can_open_them_by_name()
    {
        ContainerSpec spec = Specs.Running("sh");
        SyscallProgram program = ContainerProgram.Build(spec with { Process = spec.Process with { User = new ProcessUser(1000, 100, [100, 4]) } });
        AssertInOrder(program, "place stderr", "give fd 1 to user 1000", "give fd 2 to user 1000", "set groups 100,4", "set group 100", "set user 1000");
        Assert.DoesNotContain("give fd 0 to user 1000", program.OpNames);
    }

    [Fact]
    public void Capabilities_outside_the_set_leave_the_bounding_set()
    {
        ContainerSpec spec = Specs.Running("sh");
        SyscallProgram program = ContainerProgram.Build(spec with { Process = spec.Process with { Capabilities = new CapabilitySets(1UL << Capabilities.CAP_KILL) } });
        string[] dropped = [.. program.OpNames.Where(name => name.StartsWith("drop CAP_", StringComparison.Ordinal))];
        Assert.Equal(Capabilities.CAP_LAST_CAP, dropped.Length);
        Assert.DoesNotContain("drop CAP_KILL for good", dropped);
    }

    [Fact]
    public void The_working_directory_is_opened_without_magic_links()
    {
        ContainerSpec spec = Specs.Running("sh");
        SyscallProgram program = ContainerProgram.Build(spec with { Process = spec.Process with { WorkingDirectory = "/proc/self/fd/4" } });
        int open = program.OpNames.ToList().IndexOf("open working directory /proc/self/fd/4");
        Assert.StartsWith("r", program.OpTexts[open], StringComparison.Ordinal);
        Assert.Contains("openat2(", program.OpTexts[open], StringComparison.Ordinal);
        Assert.DoesNotContain(program.OpTexts, text => text.StartsWith("chdir(\"/proc", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_call_it_makes_exists_on_arm64_too()
    {
        ContainerSpec spec = Specs.Running("sh") with { Mounts = [new BundleMount("/dev/x", false, "x")], ReadOnlyRootFilesystem = true };
        spec = spec with { Process = spec.Process with { Tty = true, Seccomp = Filter, NoNewPrivileges = true, User = new ProcessUser(1, 1, [1]) } };
        SyscallProgram[] programs =
        [
            ContainerProgram.Build(spec), ExecProgram.Build("main", spec.Process), PauseProgram.Build("/run/empty"),
            SandboxProgram.Build(new SandboxSpec { Hostname = "web", JoinsCgroup = true, Sysctls = [("a.b", "1")] }),
        ];
        string[] calls = [.. programs.SelectMany(program => program.OpTexts).Select(CallOf).Distinct().Except(["poke32", "park"])];
        Assert.Contains("move_mount", calls);
        Assert.All(calls, call => Assert.True(Syscalls.Find(call)?.Arm64 >= 0, $"{call} is not known on arm64"));

        static string CallOf(string text)
        {
            string head = text[..text.IndexOf('(', StringComparison.Ordinal)];
            return head[(head.LastIndexOf(' ') + 1)..];
        }
    }

    [Fact]
    public void A_container_without_a_command_is_no_container() =>
        Assert.Throws<ArgumentException>(() => ContainerProgram.Build(Specs.Running()));

    [Fact]
    public void A_command_in_a_running_container_enters_it_by_its_pidfd_and_then_does_the_same()
    {
        ProcessSpec process = new() { Argv = ["ls"], Env = ["PATH=/bin"], Seccomp = Filter, NoNewPrivileges = true };
        SyscallProgram program = ExecProgram.Build("main", process);
        Assert.StartsWith("setns(fd[0], 0x2020000)", program.OpTexts[0], StringComparison.Ordinal);
        AssertInOrder(program, "enter the container's namespaces", "setsid", "set capabilities", "set no_new_privs", "install the seccomp filter", "execve /bin/ls");
        Assert.DoesNotContain(program.OpNames, name => name.StartsWith("mount ", StringComparison.Ordinal));
    }

    internal static void AssertInOrder(SyscallProgram program, params string[] names)
    {
        int at = -1;
        foreach (string name in names)
        {
            int found = program.OpNames.ToList().IndexOf(name, at + 1);
            Assert.True(found > at, $"\"{name}\" does not come after op {at}:\n{program.ToText()}");
            at = found;
        }
    }
}
