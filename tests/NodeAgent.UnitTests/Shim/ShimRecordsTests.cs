using NodeAgent.Runtime.ShimClient;
using Xunit;

namespace NodeAgent.UnitTests.Shim;

public sealed class ShimRecordsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podagent-records-").FullName;

    [Fact]
    public void Start_and_exit_of_a_slot_are_one_entry_and_slots_are_in_order()
    {
        Write("10.p", "77 1000 2000 1700000000000000000\n");
        Write("9.s", "256 1700000001500000000 76\n");
        Write("10.s", "9 1700000002000000000 77\n");
        IReadOnlyList<ShimSlotRecord> records = ShimRecords.Read(_folder);
        Assert.Equal([9u, 10u], records.Select(record => record.Slot));
        Assert.Null(records[0].Start);
        Assert.Equal(new ShimExitRecord(256, DateTimeOffset.FromUnixTimeMilliseconds(1700000001500), 76), records[0].Exit);
        Assert.Equal(new ShimStartRecord(77, 1000, 2000, DateTimeOffset.FromUnixTimeSeconds(1700000000)), records[1].Start);
        Assert.Equal(9, records[1].Exit!.WaitStatus);
    }

    [Theory]
    [InlineData("1.t", "9 1 2\n")]
    [InlineData("shim.sock", "")]
    [InlineData("x.s", "9 1 2\n")]
    [InlineData("-1.s", "9 1 2\n")]
    [InlineData("1.s", "")]
    [InlineData("1.s", "9 1\n")]
    [InlineData("1.s", "9 x 2\n")]
    [InlineData("4294967296.s", "9 1 2\n")]
    public void What_is_no_record_is_passed_over(string name, string text)
    {
        Write(name, text);
        Assert.Empty(ShimRecords.Read(_folder));
    }

    [Theory]
    [InlineData(100, false)]
    [InlineData(123, true)]
    [InlineData(124, true)]
    [InlineData(125, false)]
    public void A_process_is_the_recorded_one_if_it_started_between_clone_and_execve(ulong ticks, bool same)
    {
        ShimStartRecord start = new(1, 1_239_999_999, 1_240_000_001, default);
        Assert.Equal(same, start.Matches(ticks));
    }

    [Theory]
    [InlineData(0, 0, "exit code 0")]
    [InlineData(0x0700, 7, "exit code 7")]
    [InlineData(9, 137, "signal 9")]
    [InlineData(0x8b, 139, "signal 11")]
    public void Wait_statuses_are_codes_or_signals(int status, int code, string text)
    {
        Assert.Equal((code, text), (ShimWaitStatus.ExitCode(status), ShimWaitStatus.Describe(status)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder, name), text);
}
