using System.Globalization;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>What a shim promises about ends: of processes, of the daemon, of itself.</summary>
public abstract class ShimExitContract(ShimBinary binary)
{
    [Theory]
    [InlineData("exit 0", 0)]
    [InlineData("exit 7", 7)]
    [InlineData("exit 255", 255)]
    [InlineData("kill -9 $$", 137)]
    [InlineData("kill -15 $$", 143)]
    [InlineData("kill -13 $$", 141)]
    public async Task An_exit_is_an_event_with_the_code_or_signal(string script, int code)
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        DateTimeOffset before = DateTimeOffset.UtcNow;
        (uint slot, int pid) = await shim.ShellAsync(script);
        ShimExited exit = await shim.ExitOfAsync(slot);
        Assert.Equal((pid, code), (exit.Pid, ShimWaitStatus.ExitCode(exit.WaitStatus)));
        Assert.InRange(exit.At, before, DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task The_exit_record_is_there_when_the_event_arrives()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        for (int i = 0; i < 20; i++)
        {
            (uint slot, int pid) = await shim.ShellAsync("exit 3");
            ShimExited exit = await shim.ExitOfAsync(slot);
            ShimSlotRecord record = ShimRecords.Read(shim.Folder).Single(candidate => candidate.Slot == slot);
            Assert.Equal(new ShimExitRecord(exit.WaitStatus, exit.At, pid), record.Exit);
        }
    }

    [Fact]
    public async Task The_start_record_names_the_process_by_pid_and_start_time()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, int pid) = await shim.ShellAsync("exec sleep 100");
        ShimStartRecord start = Assert.Single(ShimRecords.Read(shim.Folder)).Start!;
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        ulong ticks = ulong.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], CultureInfo.InvariantCulture);
        Assert.Equal(pid, start.Pid);
        Assert.True(start.Matches(ticks), $"{ticks} ticks are not between {start.ClonedAfter} and {start.ExecutedBefore} ns");
        Assert.False(start.Matches(ticks + 1000));
        Assert.False(start.Matches(ticks - 1000));
        Assert.True(await shim.Client.KillAsync(slot, 9));
    }

    [Fact]
    public async Task Without_a_daemon_the_exit_is_recorded_and_a_new_daemon_finds_it_in_the_list()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, int pid) = await shim.ShellAsync("read go; exit 4", ShimStartFlags.OpenStdin);
        ShimSlotFds fds = await ShimUnderTest.Soon(shim.Client.GetFdsAsync(slot, ShimFds.Stdin));
        await shim.Client.CloseStdinAsync(slot);
        shim.Client.Dispose();
        fds.Dispose();
        await ShimUnderTest.EventuallyAsync("the exit record is written", () => ShimRecords.Read(shim.Folder).Any(record => record.Exit is not null));

        await shim.ConnectAsync();
        ShimSlot listed = Assert.Single(await shim.Client.ListAsync());
        Assert.Equal((slot, pid, ShimSlotState.Exited, 4), (listed.Id, listed.Pid, listed.State, ShimWaitStatus.ExitCode(listed.WaitStatus)));
    }

    [Fact]
    public async Task A_new_daemon_lists_what_runs_and_hears_its_exit()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, int pid) = await shim.ShellAsync("exec sleep 100");
        shim.Client.Dispose();
        await shim.ConnectAsync();
        ShimSlot listed = Assert.Single(await shim.Client.ListAsync());
        Assert.Equal((slot, pid, ShimSlotState.Running), (listed.Id, listed.Pid, listed.State));
        Assert.Null(listed.ExitedAt);
        Assert.True(await shim.Client.KillAsync(slot, 9));
        Assert.Equal(9, (await shim.ExitOfAsync(slot)).WaitStatus);
        Assert.False(await shim.Client.KillAsync(slot, 9));
    }

    [Fact]
    public async Task A_start_that_fails_after_its_daemon_has_gone_is_an_exit_for_the_next_one()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_SEQPACKET);
        using SafeFileHandle nearEnd = near;
        using SafeFileHandle farEnd = far;
        SyscallProgramBuilder builder = new();
        builder.Op("wait", Syscalls.read, ProgramArg.PassedFd(0), builder.Reserve(8), 8);
        builder.Exec("/does/not/exist", ["x"], []);
        uint slot = shim.NextSlot();
        Task<ShimOutcome> start = shim.Client.StartAsync(new ShimStart { Slot = slot, Program = builder.Build(), ProgramFds = [far] });
        Assert.Equal(ShimSlotState.Starting, Assert.Single(await shim.Client.ListAsync()).State);
        shim.Client.Dispose();
        await Assert.ThrowsAsync<ShimGoneException>(() => start);

        await shim.ConnectAsync();
        Assert.Equal(ShimSlotState.Starting, Assert.Single(await shim.Client.ListAsync()).State);
        Sockets.SendWithFds(near, "go"u8, [], 0);
        Assert.Equal(127, ShimWaitStatus.ExitCode((await shim.ExitOfAsync(slot)).WaitStatus));
        Assert.NotNull(Assert.Single(ShimRecords.Read(shim.Folder)).Exit);
    }

    [Fact]
    public async Task A_start_that_blocks_holds_nobody_up_and_can_be_killed()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_SEQPACKET);
        using SafeFileHandle nearEnd = near;
        using SafeFileHandle farEnd = far;
        SyscallProgramBuilder builder = new();
        builder.Op("wait", Syscalls.read, ProgramArg.PassedFd(0), builder.Reserve(8), 8);
        uint slot = shim.NextSlot();
        Task<ShimOutcome> start = shim.Client.StartAsync(new ShimStart { Slot = slot, Program = builder.Build(), ProgramFds = [far] });
        (uint other, _) = await shim.ShellAsync("exit 0");
        await shim.ExitOfAsync(other);
        Assert.True(await shim.Client.KillAsync(slot, 9));
        ShimOutcome outcome = await ShimUnderTest.Soon(start);
        Assert.Equal((Errno.ECHILD, (int)ShimStep.Died, 9), (outcome.Errno, outcome.OpIndex, outcome.WaitStatus));
    }

    [Fact]
    public async Task Two_daemons_at_once_both_hear_of_an_exit()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        PodShim first = shim.Client;
        await shim.ConnectAsync();
        (uint slot, _) = await shim.ShellAsync("exit 2");
        await shim.ExitOfAsync(slot);
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        ShimExited heard = Assert.IsType<ShimExited>(await first.Events.ReadAsync(deadline.Token));
        Assert.Equal(slot, heard.Slot);
        first.Dispose();
    }

    [Fact]
    public async Task Forget_frees_an_ended_slot_and_its_records_but_not_a_live_one()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("read go", ShimStartFlags.OpenStdin);
        LinuxException busy = await Assert.ThrowsAsync<LinuxException>(() => shim.Client.ForgetAsync(slot));
        Assert.Equal(Errno.EBUSY, busy.Errno);
        await shim.Client.CloseStdinAsync(slot);
        await shim.ExitOfAsync(slot);
        await shim.Client.ForgetAsync(slot);
        Assert.Empty(await shim.Client.ListAsync());
        Assert.Empty(ShimRecords.Read(shim.Folder));
        await shim.Client.ForgetAsync(slot);
    }

    [Fact]
    public async Task An_exec_leaves_no_record_and_its_slot_goes_with_its_connection()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("exit 9", ShimStartFlags.NoExitRecord);
        Assert.Equal(9, ShimWaitStatus.ExitCode((await shim.ExitOfAsync(slot)).WaitStatus));
        Assert.Equal(ShimSlotState.Exited, Assert.Single(await shim.Client.ListAsync()).State);
        Assert.Empty(ShimRecords.Read(shim.Folder));
        shim.Client.Dispose();
        await shim.ConnectAsync();
        Assert.Empty(await shim.Client.ListAsync());
    }

    [Fact]
    public async Task Orphans_are_reparented_to_the_shim_and_reaped()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("for i in 1 2 3 4 5; do (sleep 0.0$i &) ; done; exit 0");
        await shim.ExitOfAsync(slot);
        await ShimUnderTest.EventuallyAsync(
            "no child is left, zombie or not",
            () => string.IsNullOrWhiteSpace(File.ReadAllText($"/proc/{shim.Pid}/task/{shim.Pid}/children")));
    }

    [Fact]
    public async Task Shutdown_waits_for_nobody_when_forced_and_refuses_while_a_process_lives_otherwise()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("trap '' TERM; exec sleep 100");
        Assert.False(await ShimUnderTest.Soon(shim.Client.ShutdownAsync(force: false)));
        Assert.True(await ShimUnderTest.Soon(shim.Client.ShutdownAsync(force: true)));
        await ShimUnderTest.Soon(shim.Client.Gone);
        Assert.Equal(9, Assert.Single(ShimRecords.Read(shim.Folder)).Exit!.WaitStatus);
        Assert.Null(await shim.TryConnectAsync());
        Assert.Equal(1u, slot);
    }

    [Fact]
    public async Task On_SIGTERM_the_shim_ends_after_its_last_process_with_the_record_written()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("read go; exit 6", ShimStartFlags.OpenStdin);
        using (SafeFileHandle pidfd = Pidfd.Open(shim.Pid)!)
            Pidfd.SendSignal(pidfd, 15);
        Assert.Equal(ShimSlotState.Running, Assert.Single(await shim.Client.ListAsync()).State);
        await shim.Client.CloseStdinAsync(slot);
        await ShimUnderTest.Soon(shim.Client.Gone);
        Assert.Equal(6, ShimWaitStatus.ExitCode(Assert.Single(ShimRecords.Read(shim.Folder)).Exit!.WaitStatus));
    }

    [Fact]
    public async Task A_killed_shim_is_noticed_at_once_and_found_dead_afterwards()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, int pid) = await shim.ShellAsync("exec sleep 100");
        using (SafeFileHandle pidfd = Pidfd.Open(shim.Pid)!)
            Pidfd.SendSignal(pidfd, 9);
        await ShimUnderTest.Soon(shim.Client.Gone);
        await Assert.ThrowsAsync<ShimGoneException>(() => shim.Client.ListAsync());
        Assert.Null(await shim.TryConnectAsync());
        ShimSlotRecord left = Assert.Single(ShimRecords.Read(shim.Folder));
        Assert.Equal((slot, pid), (left.Slot, left.Start!.Pid));
        Assert.Null(left.Exit);
        using SafeFileHandle orphan = Pidfd.Open(pid)!;
        Pidfd.SendSignal(orphan, 9);
    }

    [Fact]
    public async Task Memory_and_descriptors_stay_flat_over_200_starts_and_an_idle_shim_is_small()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        await RoundsAsync(shim, 10);
        await ShimUnderTest.EventuallyAsync($"at most {binary.IdleKilobytes} kB when idle", () => shim.ResidentKilobytes() <= binary.IdleKilobytes);
        long before = shim.ResidentKilobytes();
        int fds = shim.OpenFds();
        await RoundsAsync(shim, 200);
        await ShimUnderTest.EventuallyAsync($"back at {before} kB", () => shim.ResidentKilobytes() <= before + 4);
        Assert.Equal(fds, shim.OpenFds());
        Assert.True(shim.ResidentKilobytes() <= binary.IdleKilobytes, $"{shim.ResidentKilobytes()} kB");
    }

    private static async Task RoundsAsync(ShimUnderTest shim, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            (uint slot, _) = await shim.ShellAsync("echo round; exit 0");
            await shim.ExitOfAsync(slot);
            await shim.Client.ForgetAsync(slot);
        }
    }
}
