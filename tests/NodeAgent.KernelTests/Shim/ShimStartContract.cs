using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>What START and RUN promise.</summary>
public abstract class ShimStartContract(ShimBinary binary)
{
    [Fact]
    public async Task A_start_is_answered_when_execve_has_happened_with_the_pid_of_the_process()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (_, int pid) = await shim.ShellAsync("exec sleep 100");
        Assert.Contains(Path.GetFileName(File.ResolveLinkTarget($"/proc/{pid}/exe", false)!.FullName), new[] { "sleep", "dash", "bash", "busybox" });
        Assert.Equal(shim.Pid.ToString(CultureInfo.InvariantCulture), ShimUnderTest.Status(pid, "PPid"));
    }

    [Fact]
    public async Task An_executable_that_is_not_there_fails_the_start_with_its_op_and_errno()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        builder.Op("getpid", Syscalls.getpid);
        builder.Exec("/does/not/exist", ["x"], []);
        SyscallProgram program = builder.Build();
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = program });
        Assert.Equal((Errno.ENOENT, 1), (outcome.Errno, outcome.OpIndex));
        Assert.Equal("execve /does/not/exist: ENOENT", outcome.Describe(program));
        Assert.Empty(await shim.Client.ListAsync());
        Assert.Empty(ShimRecords.Read(shim.Folder));
    }

    [Fact]
    public async Task When_every_candidate_of_a_search_is_missing_the_last_ones_error_stands()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        builder.Exec("/no/a", ["x"], []).Tolerate(Errno.ENOENT).Report();
        builder.Exec("/no/b", ["x"], []).Tolerate(Errno.ENOENT).Report();
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = builder.Build() });
        Assert.Equal((Errno.ENOENT, 1), (outcome.Errno, outcome.OpIndex));
        Assert.Equal([new ShimTolerated(0, Errno.ENOENT), new ShimTolerated(1, Errno.ENOENT)], outcome.Tolerated);
    }

    [Fact]
    public async Task Tolerated_errors_are_reported_if_asked_and_skips_are_kept()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        builder.Op("close 999", Syscalls.close, 999).Tolerate(Errno.EBADF);
        builder.Op("close 998", Syscalls.close, 998).Tolerate(Errno.EBADF).Report();
        ProgramOp fails = builder.Op("close 997", Syscalls.close, 997);
        builder.Otherwise(fails, [Errno.EBADF], () => builder.Op("the fallback", Syscalls.close, 996).TolerateAny().Report());
        ProgramOp works = builder.Op("getpid", Syscalls.getpid);
        builder.Otherwise(works, [], () => builder.Op("no fallback", Syscalls.close, 995));
        ProgramOp open = builder.Op("close 994", Syscalls.close, 994);
        builder.WhenDone(open, [Errno.EBADF], () => builder.Op("not done", Syscalls.close, 993));
        ShimPrograms.AddShell(builder, "exit 0");
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = builder.Build() });
        Assert.True(outcome.Succeeded);
        Assert.Equal([new ShimTolerated(1, Errno.EBADF), new ShimTolerated(3, Errno.EBADF)], outcome.Tolerated);
    }

    [Fact]
    public async Task A_child_that_is_killed_before_execve_says_how_it_died()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        ProgramSlot self = builder.Op("getpid", Syscalls.getpid).Keep();
        builder.Op("kill itself", Syscalls.kill, self, 9);
        SyscallProgram program = builder.Build();
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = program });
        Assert.Equal((Errno.ECHILD, (int)ShimStep.Died, 9), (outcome.Errno, outcome.OpIndex, outcome.WaitStatus));
        Assert.Equal("the process died before execve, signal 9", outcome.Describe(program));
    }

    [Fact]
    public async Task A_slot_in_use_is_refused()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("exec sleep 100");
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = slot, Program = ShimPrograms.Shell("true") });
        Assert.Equal(Errno.EEXIST, outcome.Errno);
    }

    [Fact]
    public async Task The_payload_starts_with_no_signal_ignored_or_blocked_and_three_descriptors()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        CriRecord[] records = await shim.OutputOfAsync("cat /proc/self/status; echo fds; ls /proc/self/fd");
        string[] lines = [.. records.Select(record => record.Text)];
        Assert.Contains("SigIgn:\t0000000000000000", lines);
        Assert.Contains("SigBlk:\t0000000000000000", lines);
        // The fourth is the directory that ls reads.
        Assert.Equal(["0", "1", "2", "3"], lines[(Array.IndexOf(lines, "fds") + 1)..]);
    }

    [Fact]
    public async Task Passed_descriptors_are_the_process_s_own_and_no_data_crosses_the_shim()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_SEQPACKET);
        using SafeFileHandle nearEnd = near;
        uint slot = shim.NextSlot();
        using (far)
        {
            ShimOutcome outcome = await shim.StartAsync(new ShimStart
            {
                Slot = slot,
                Program = ShimPrograms.Shell("cat"),
                Stdio = ShimStdio.Passed,
                Stdin = far,
                Stdout = far,
            });
            Assert.True(outcome.Succeeded);
        }

        Sockets.SendWithFds(near, "hello"u8, [], 0);
        byte[] buffer = new byte[16];
        Assert.Equal(5, Sockets.ReceiveWithFds(near, buffer, out _, 0));
        Assert.Equal("hello"u8, buffer.AsSpan(0, 5));
        near.Dispose();
        Assert.Equal(0, (await shim.ExitOfAsync(slot)).WaitStatus);
    }

    [Fact]
    public async Task A_second_clone_takes_the_slot_over_as_pid_1_of_its_namespace()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        const ulong CLONE_PARENT = 0x8000;
        BlobRef args = builder.Bytes([.. BitConverter.GetBytes(CLONE_PARENT | Namespaces.CLONE_NEWPID), .. new byte[80]]);
        builder.Op("second clone", Syscalls.clone3, args, 88).ExitIfPositive();
        ShimPrograms.AddShell(builder, "echo $$; read go; exit 5");
        uint slot = shim.NextSlot();
        using SafeFileHandle log = ShimUnderTest.OpenLog(shim.LogPath(slot));
        ShimOutcome outcome = await shim.StartAsync(new ShimStart
        {
            Slot = slot,
            Program = builder.Build(),
            Stdio = ShimStdio.LogPipes,
            Flags = ShimStartFlags.SecondClone | ShimStartFlags.OpenStdin,
            Log = log,
        });
        Assert.True(outcome.Succeeded, $"op {outcome.OpIndex}, errno {outcome.Errno}");
        Assert.Equal(shim.Pid.ToString(CultureInfo.InvariantCulture), ShimUnderTest.Status(outcome.Pid, "PPid"));
        Assert.EndsWith("\t1", ShimUnderTest.Status(outcome.Pid, "NSpid"), StringComparison.Ordinal);
        await shim.Client.CloseStdinAsync(slot);
        Assert.Equal(5, ShimWaitStatus.ExitCode((await shim.ExitOfAsync(slot)).WaitStatus));
        Assert.Equal("1", Assert.Single(CriRecord.Read(shim.LogPath(slot))).Text);
        await ShimUnderTest.EventuallyAsync("the first clone is reaped", () => Children(shim.Pid).Length == 0);
    }

    [Fact]
    public async Task A_parked_init_is_joined_by_others_reaps_orphans_and_ends_on_TERM()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        uint init = shim.NextSlot();
        ShimOutcome parked = await shim.StartAsync(new ShimStart { Slot = init, Program = ShimPrograms.Park(), CloneFlags = Namespaces.CLONE_NEWPID });
        Assert.True(parked.Succeeded);
        Assert.Equal("pause", File.ReadAllText($"/proc/{parked.Pid}/comm").Trim());
        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{parked.Pid}/fd"));

        using SafeFileHandle ns = File.OpenHandle($"/proc/{parked.Pid}/ns/pid");
        uint joined = shim.NextSlot();
        using SafeFileHandle log = ShimUnderTest.OpenLog(shim.LogPath(joined));
        ShimOutcome outcome = await shim.StartAsync(new ShimStart
        {
            Slot = joined,
            Program = ShimPrograms.Shell("echo $$; (sleep 0.05 &) ; exit 0"),
            Stdio = ShimStdio.LogPipes,
            PidNamespace = ns,
            Log = log,
        });
        Assert.True(outcome.Succeeded, $"op {outcome.OpIndex}, errno {outcome.Errno}");
        await shim.ExitOfAsync(joined);
        Assert.Equal("2", CriRecord.Read(shim.LogPath(joined))[0].Text);
        await ShimUnderTest.EventuallyAsync("the orphan is reaped by the parked init", () => Children(parked.Pid).Length == 0);

        (uint after, int pid) = await shim.ShellAsync("echo $$");
        await shim.ExitOfAsync(after);
        Assert.Equal(pid.ToString(CultureInfo.InvariantCulture), CriRecord.Read(shim.LogPath(after))[0].Text);

        Assert.True(await shim.Client.KillAsync(init, 15));
        Assert.Equal(0, (await shim.ExitOfAsync(init)).WaitStatus);
    }

    [Fact]
    public async Task A_program_may_announce_itself_and_go_on_without_execve()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_SEQPACKET);
        using SafeFileHandle nearEnd = near;
        using SafeFileHandle farEnd = far;
        SyscallProgramBuilder builder = new();
        builder.Announce();
        builder.Op("wait", Syscalls.read, ProgramArg.PassedFd(0), builder.Reserve(8), 8);
        uint slot = shim.NextSlot();
        ShimOutcome outcome = await shim.StartAsync(new ShimStart
        {
            Slot = slot,
            Program = builder.Build(),
            ProgramFds = [far],
            CloneFlags = Namespaces.CLONE_NEWUSER | Namespaces.CLONE_NEWNET | Namespaces.CLONE_NEWIPC,
        });
        Assert.True(outcome.Succeeded, $"op {outcome.OpIndex}, errno {outcome.Errno}");
        File.WriteAllText($"/proc/{outcome.Pid}/uid_map", "0 100000 65536");
        Assert.NotEqual(File.ResolveLinkTarget("/proc/self/ns/net", false)!.Name, File.ResolveLinkTarget($"/proc/{outcome.Pid}/ns/net", false)!.Name);
        Sockets.SendWithFds(near, "go"u8, [], 0);
        Assert.Equal(0, (await shim.ExitOfAsync(slot)).WaitStatus);
    }

    [Fact]
    public async Task A_program_that_never_executes_anything_holds_no_descriptor_of_the_shim_s()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint other, _) = await shim.ShellAsync("cat", ShimStartFlags.OpenStdin);
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_SEQPACKET);
        using SafeFileHandle nearEnd = near;
        using SafeFileHandle farEnd = far;
        SyscallProgramBuilder builder = new();
        builder.Announce();
        builder.Op("wait", Syscalls.read, ProgramArg.PassedFd(0), builder.Reserve(8), 8);
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = shim.NextSlot(), Program = builder.Build(), ProgramFds = [far] });
        string[] held = [.. Directory.GetFileSystemEntries($"/proc/{outcome.Pid}/fd").Select(fd => new FileInfo(fd).LinkTarget!.Split(':')[0]).Order(StringComparer.Ordinal)];
        Assert.Equal(["/dev/null", "/dev/null", "/dev/null", "/memfd", "socket"], held);

        // What it would otherwise prevent: the end of somebody else's stdin.
        await shim.Client.CloseStdinAsync(other);
        Assert.Equal(0, (await shim.ExitOfAsync(other)).WaitStatus);
    }

    [Fact]
    public async Task Run_changes_the_shim_and_with_it_what_it_starts_later()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        builder.Op("unshare uts", Syscalls.unshare, Namespaces.CLONE_NEWUTS);
        builder.Op("set host name", Syscalls.sethostname, builder.Bytes("web-0"u8), 5);
        ProgramSlot slot = builder.Op("getpid", Syscalls.getpid).Keep();
        builder.Op("kill 0", Syscalls.kill, slot, 0);
        builder.Op("getpid", Syscalls.getpid);
        ShimOutcome outcome = await ShimUnderTest.Soon(shim.Client.RunAsync(builder.Build(), []));
        Assert.True(outcome.Succeeded, $"op {outcome.OpIndex}, errno {outcome.Errno}");
        Assert.Equal(shim.Pid, outcome.LastResult);
        CriRecord[] records = await shim.OutputOfAsync("cat /proc/sys/kernel/hostname");
        Assert.Equal("web-0", Assert.Single(records).Text);
        Assert.NotEqual("web-0", File.ReadAllText("/proc/sys/kernel/hostname").Trim());
    }

    [Fact]
    public async Task Run_stops_at_the_op_that_fails_and_refuses_what_would_end_the_shim()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        builder.Op("close 999", Syscalls.close, 999).TolerateAny().Report();
        builder.Op("close 998", Syscalls.close, 998);
        ShimOutcome outcome = await ShimUnderTest.Soon(shim.Client.RunAsync(builder.Build(), []));
        Assert.Equal((Errno.EBADF, 1), (outcome.Errno, outcome.OpIndex));
        Assert.Equal([new ShimTolerated(0, Errno.EBADF)], outcome.Tolerated);

        foreach (Syscall refused in new[] { Syscalls.exit_group, Syscalls.clone3, Syscalls.execve, Syscalls.clone, Syscalls.execveat, Syscalls.exit })
        {
            SyscallProgramBuilder ending = new();
            ending.Op("end", refused, 0);
            outcome = await ShimUnderTest.Soon(shim.Client.RunAsync(ending.Build(), []));
            Assert.Equal((Errno.EINVAL, (int)ShimStep.Program), (outcome.Errno, outcome.OpIndex));
        }
    }

    [Fact]
    public async Task A_terminal_of_the_process_s_own_is_logged_as_stdout_and_written_through_its_master()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        SyscallProgramBuilder builder = new();
        const int TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441, TIOCSCTTY = 0x540e, O_RDWR_NOCTTY_CLOEXEC = 0x80102;
        ProgramSlot master = builder.Op("open ptmx", Syscalls.openat, -100, builder.String("/dev/ptmx"), O_RDWR_NOCTTY_CLOEXEC).Keep();
        builder.Op("unlock", Syscalls.ioctl, master, TIOCSPTLCK, builder.Bytes(new byte[4]));
        ProgramSlot peer = builder.Op("open peer", Syscalls.ioctl, master, TIOCGPTPEER, O_RDWR_NOCTTY_CLOEXEC).Keep();
        builder.SendTerminal(master);
        builder.Op("setsid", Syscalls.setsid);
        ShimPrograms.AddStdio(builder, peer, peer, peer);
        builder.Op("controlling terminal", Syscalls.ioctl, 0, TIOCSCTTY, 0);
        builder.Exec("/bin/sh", ["sh", "-c", "stty -echo; tty; read line; echo got $line"], ["PATH=/usr/bin:/bin"]);
        uint slot = shim.NextSlot();
        using SafeFileHandle log = ShimUnderTest.OpenLog(shim.LogPath(slot));
        ShimOutcome outcome = await shim.StartAsync(new ShimStart { Slot = slot, Program = builder.Build(), Stdio = ShimStdio.Terminal, Log = log });
        Assert.True(outcome.Succeeded, $"op {outcome.OpIndex}, errno {outcome.Errno}");
        using (ShimSlotFds fds = await ShimUnderTest.Soon(shim.Client.GetFdsAsync(slot, ShimFds.Terminal | ShimFds.Pidfd | ShimFds.Stdin)))
        {
            Assert.NotNull(fds.Pidfd);
            Assert.Null(fds.Stdin);
            await ShimUnderTest.EventuallyAsync("tty has been printed", () => File.ReadAllText(shim.LogPath(slot)).Contains("/dev/pts/", StringComparison.Ordinal));
            Assert.True(FileContent.write((int)fds.Terminal!.DangerousGetHandle(), "hello\n"u8) > 0);
        }

        Assert.Equal(0, (await shim.ExitOfAsync(slot)).WaitStatus);
        CriRecord[] records = CriRecord.Read(shim.LogPath(slot));
        Assert.All(records, record => Assert.Equal("stdout", record.Stream));
        Assert.Contains(records, record => record.Text == "got hello\r");
    }

    private static string[] Children(int pid) =>
        File.ReadAllText($"/proc/{pid}/task/{pid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
