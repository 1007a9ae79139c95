using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>What a shim promises about output.</summary>
public abstract class ShimLogContract(ShimBinary binary)
{
    [Fact]
    public async Task A_message_written_in_pieces_is_one_record()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        DateTimeOffset before = DateTimeOffset.UtcNow;
        CriRecord[] records = await shim.OutputOfAsync("printf one; sleep 0.05; printf two; sleep 0.05; echo three; echo err >&2; printf 'no newline'");
        Assert.Equal(
            [("stdout", 'F', "onetwothree"), ("stderr", 'F', "err"), ("stdout", 'P', "no newline")],
            records.OrderBy(record => record.At).Select(record => (record.Stream, record.Tag, record.Text)));
        Assert.All(records, record => Assert.InRange(record.At, before.AddMilliseconds(-1), DateTimeOffset.UtcNow));
        Assert.True(records[0].At >= before.AddMilliseconds(100), "the time is that of the read which completed the line");
    }

    [Theory]
    [InlineData(16383, "F16383")]
    [InlineData(16384, "F16384")]
    [InlineData(16385, "P16384 F1")]
    [InlineData(40000, "P16384 P16384 F7232")]
    [InlineData(0, "F0")]
    public async Task Lines_are_split_at_16_KiB(int length, string expected)
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        CriRecord[] records = await shim.OutputOfAsync($"head -c {length} /dev/zero | tr '\\0' x; echo; echo end");
        Assert.Equal(expected + " F3", string.Join(' ', records.Select(record => $"{record.Tag}{record.Text.Length}")));
    }

    [Fact]
    public async Task Every_byte_of_fast_output_arrives_in_order_on_both_streams()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        CriRecord[] records = await shim.OutputOfAsync("seq 1 200000 & seq 1 100000 >&2; wait");
        Check("stdout", 200000);
        Check("stderr", 100000);

        void Check(string stream, int count)
        {
            string[] lines = [.. records.Where(record => record.Stream == stream).Select(record => record.Text)];
            Assert.Equal(count, lines.Length);
            for (int i = 0; i < count; i++)
                Assert.Equal((i + 1).ToString(CultureInfo.InvariantCulture), lines[i]);
        }
    }

    [Fact]
    public async Task Set_log_swaps_files_between_records_and_loses_nothing()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("seq 1 300000");
        List<string> files = [shim.LogPath(slot)];
        for (int i = 0; i < 20; i++)
        {
            string next = Path.Combine(shim.Folder, $"rotated-{i}");
            using SafeFileHandle log = ShimUnderTest.OpenLog(next);
            await ShimUnderTest.Soon(shim.Client.SetLogAsync(slot, log, 0));
            files.Add(next);
        }

        await shim.ExitOfAsync(slot);
        string[] lines = [.. files.SelectMany(CriRecord.Read).Select(record => record.Text)];
        Assert.Equal(Enumerable.Range(1, 300000).Select(i => i.ToString(CultureInfo.InvariantCulture)), lines);
    }

    [Fact]
    public async Task A_log_over_its_limit_is_announced_once_and_to_later_subscribers_too()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("seq 1 2000; read go", ShimStartFlags.OpenStdin, logLimit: 20000);
        ShimLogFull full = await shim.EventAsync<ShimLogFull>();
        Assert.Equal(slot, full.Slot);
        Assert.True(full.LogBytes >= 20000);
        await ShimUnderTest.EventuallyAsync("writing goes on", () => CriRecord.Read(shim.LogPath(slot)).Length == 2000);

        await shim.ConnectAsync();
        Assert.Equal(slot, (await shim.EventAsync<ShimLogFull>()).Slot);
        Assert.Equal((ulong)new FileInfo(shim.LogPath(slot)).Length, Assert.Single(await shim.Client.ListAsync()).LogBytes);
        await shim.Client.CloseStdinAsync(slot);
        await shim.ExitOfAsync(slot);
        Assert.False(shim.Client.Events.TryRead(out _));
    }

    [Fact]
    public async Task Without_a_daemon_the_log_has_no_hole()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.01; done");
        shim.Client.Dispose();
        await ShimUnderTest.EventuallyAsync("the exit record is written", () => ShimRecords.Read(shim.Folder).Any(record => record.Exit is not null));
        await shim.ConnectAsync();
        Assert.Equal(Enumerable.Range(1, 10).Select(i => i.ToString(CultureInfo.InvariantCulture)), CriRecord.Read(shim.LogPath(slot)).Select(record => record.Text));
    }

    [Fact]
    public async Task A_full_disk_stops_neither_payload_nor_shim_and_the_log_stays_well_formed()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        using SafeFileHandle disk = SmallDisk("64k");
        string path = $"/proc/self/fd/{disk.DangerousGetHandle()}/log";
        uint slot = shim.NextSlot();
        using SafeFileHandle log = ShimUnderTest.OpenLog(path);
        ShimOutcome outcome = await shim.StartAsync(new ShimStart
        {
            Slot = slot,
            Program = ShimPrograms.Shell("seq 1 20000; exit 3"),
            Stdio = ShimStdio.LogPipes,
            Log = log,
        });
        Assert.True(outcome.Succeeded);
        Assert.Equal(3, ShimWaitStatus.ExitCode((await shim.ExitOfAsync(slot)).WaitStatus));
        CriRecord[] records = CriRecord.Read(path);
        ShimSlot listed = Assert.Single(await shim.Client.ListAsync());
        Assert.InRange(records.Length, 100, 19000);
        Assert.Equal(20000, records.Length + (int)listed.DroppedLogRecords);
        Assert.Equal((ulong)new FileInfo(path).Length, listed.LogBytes);
    }

    [Fact]
    public async Task A_tee_gets_raw_bytes_and_its_end()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("read go; echo out; echo err >&2; printf tail", ShimStartFlags.OpenStdin);
        (SafeFileHandle both, Task<string> bothText) = Tee();
        (SafeFileHandle errors, Task<string> errorText) = Tee();
        (SafeFileHandle removed, Task<string> removedText) = Tee();
        using (both)
        using (errors)
        using (removed)
        {
            Assert.NotNull(await ShimUnderTest.Soon(shim.Client.AddTeeAsync(slot, both, ShimStreams.Stdout | ShimStreams.Stderr)));
            Assert.NotNull(await ShimUnderTest.Soon(shim.Client.AddTeeAsync(slot, errors, ShimStreams.Stderr)));
            uint? id = await ShimUnderTest.Soon(shim.Client.AddTeeAsync(slot, removed, ShimStreams.Stdout));
            await ShimUnderTest.Soon(shim.Client.RemoveTeeAsync(slot, id!.Value));
        }

        Assert.Equal(2u, Assert.Single(await shim.Client.ListAsync()).Tees);
        await shim.Client.CloseStdinAsync(slot);
        await shim.ExitOfAsync(slot);
        string text = await ShimUnderTest.Soon(bothText);
        Assert.Contains("out\n", text, StringComparison.Ordinal);
        Assert.Contains("err\n", text, StringComparison.Ordinal);
        Assert.Contains("tail", text, StringComparison.Ordinal);
        Assert.Equal("err\n", await ShimUnderTest.Soon(errorText));
        Assert.Equal("", await ShimUnderTest.Soon(removedText));
        (SafeFileHandle late, _) = Tee();
        using (late)
            Assert.Null(await ShimUnderTest.Soon(shim.Client.AddTeeAsync(slot, late, ShimStreams.Stdout)));
    }

    [Fact]
    public async Task A_tee_that_nobody_reads_loses_bytes_and_holds_nobody_up()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("read go; seq 1 100000", ShimStartFlags.OpenStdin);
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_STREAM);
        using SafeFileHandle unread = near;
        using (far)
            await ShimUnderTest.Soon(shim.Client.AddTeeAsync(slot, far, ShimStreams.Stdout));
        await shim.Client.CloseStdinAsync(slot);
        await shim.ExitOfAsync(slot);
        Assert.Equal(100000, CriRecord.Read(shim.LogPath(slot)).Length);
        Assert.True(Assert.Single(await shim.Client.ListAsync()).DroppedTeeBytes > 0);
    }

    [Fact]
    public async Task A_grandchild_that_keeps_the_pipe_open_delays_no_exit_and_is_still_logged()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("read first; exec 3<&0; (read go <&3; echo late) & echo early; exit 1", ShimStartFlags.OpenStdin);
        ShimSlotFds fds = await ShimUnderTest.Soon(shim.Client.GetFdsAsync(slot, ShimFds.Stdin));
        FileContent.write((int)fds.Stdin!.DangerousGetHandle(), "first\n"u8);
        await shim.ExitOfAsync(slot);
        Assert.Equal(["early"], CriRecord.Read(shim.LogPath(slot)).Select(record => record.Text));
        fds.Dispose();
        await ShimUnderTest.EventuallyAsync("the grandchild's line is logged", () => CriRecord.Read(shim.LogPath(slot)).Any(record => record.Text == "late"));
    }

    [Fact]
    public async Task The_log_s_buffers_are_given_back_when_nothing_is_written()
    {
        await using ShimUnderTest shim = await ShimUnderTest.StartAsync(binary);
        (uint slot, _) = await shim.ShellAsync("seq 1 200000; printf partial; read go", ShimStartFlags.OpenStdin);
        await ShimUnderTest.EventuallyAsync("all is logged", () => new FileInfo(shim.LogPath(slot)).Length > 8_000_000);
        await ShimUnderTest.EventuallyAsync($"at most {binary.IdleKilobytes} kB when idle", () => shim.ResidentKilobytes() <= binary.IdleKilobytes);
        await shim.Client.CloseStdinAsync(slot);
        await shim.ExitOfAsync(slot);
        Assert.Equal(('P', "partial"), (CriRecord.Read(shim.LogPath(slot))[^1].Tag, CriRecord.Read(shim.LogPath(slot))[^1].Text));
    }

    /// <summary>A tmpfs of that size that is mounted nowhere.</summary>
    private static SafeFileHandle SmallDisk(string size)
    {
        int context = LinuxException.Check(Mounts.fsopen("tmpfs\0"u8, Mounts.FSOPEN_CLOEXEC), "fsopen", "tmpfs");
        using SafeFileHandle handle = new(context, ownsHandle: true);
        LinuxException.Check(Mounts.fsconfig(context, Mounts.FSCONFIG_SET_STRING, "size\0"u8, CString.Of(size)), "fsconfig", "size");
        LinuxException.Check(Mounts.fsconfig(context, Mounts.FSCONFIG_CMD_CREATE, default, default), "fsconfig", "create");
        return new SafeFileHandle(LinuxException.Check(Mounts.fsmount(context, Mounts.FSMOUNT_CLOEXEC, 0), "fsmount", "tmpfs"), ownsHandle: true);
    }

    /// <summary>The end for the shim, and all that will come out of the other.</summary>
    private static (SafeFileHandle Write, Task<string> Text) Tee()
    {
        (SafeFileHandle near, SafeFileHandle far) = Sockets.UnixPair(Sockets.SOCK_STREAM);
        Task<string> text = Task.Factory.StartNew(
            () =>
            {
                using SafeFileHandle reading = near;
                StringBuilder all = new();
                byte[] buffer = new byte[4096];
                for (int got; (got = Sockets.ReceiveWithFds(reading, buffer, out _, 0)) > 0;)
                    all.Append(Encoding.UTF8.GetString(buffer, 0, got));
                return all.ToString();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        return (far, text);
    }
}
