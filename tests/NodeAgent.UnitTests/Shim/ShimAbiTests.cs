using System.Reflection;
using System.Runtime.InteropServices;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.UnitTests.Shim;

/// <summary>Shims outlive the daemon that started them: what is on the wire today has to stay. These numbers are changed by nobody.</summary>
public sealed class ShimAbiTests
{
    public static TheoryData<Type, string> Layouts => new()
    {
        { typeof(ShimHeader), "16: Size@0 Type@4 Version@6 Sequence@8 Result@12" },
        { typeof(ShimSlotRequest), "24: Header@0 Slot@16 Argument@20" },
        { typeof(ShimSlotReply), "24: Header@0 Slot@16 Value@20" },
        { typeof(ShimFdRequest), "32: Header@0 Slot@16 Fd@20 Argument@24" },
        { typeof(ShimHelloReply), "48: Header@0 Pid@16 Slots@20 StartedAt@24 DroppedLogRecords@32 FailedExitRecords@40" },
        { typeof(ShimRunRequest), "24: Header@0 ProgramFd@16 Reserved@20" },
        { typeof(ShimRunReply), "32: Header@0 OpIndex@16 ReportedCount@20 LastResult@24" },
        { typeof(ShimReportedError), "8: OpIndex@0 Errno@4" },
        {
            typeof(ShimStartRequest),
            "80: Header@0 Slot@16 Flags@20 CloneFlags@24 LogLimit@32 Stdio@40 ProgramFd@44 CgroupFd@48 PidNamespaceFd@52 LogFd@56 StdinFd@60 StdoutFd@64 " +
            "StderrFd@68 Reserved0@72 Reserved1@76"
        },
        { typeof(ShimStartReply), "40: Header@0 Slot@16 Pid@20 OpIndex@24 WaitStatus@28 ReportedCount@32 Reserved@36" },
        { typeof(ShimListReply), "32: Header@0 Count@16 Next@20 Reserved0@24 Reserved1@28" },
        {
            typeof(ShimSlotInfo),
            "64: Slot@0 Pid@4 State@8 Flags@12 WaitStatus@16 Tees@20 StartedAt@24 ExitedAt@32 LogBytes@40 DroppedRecords@48 DroppedTeeBytes@56"
        },
        { typeof(ShimExitEvent), "40: Header@0 Slot@16 Pid@20 WaitStatus@24 Reserved@28 ExitedAt@32" },
        { typeof(ShimLogFullEvent), "32: Header@0 Slot@16 Reserved@20 LogBytes@24" },
        { typeof(ShimReport), "16: Kind@0 OpIndex@4 Value@8 Reserved@12" },
        {
            typeof(SyscallProgramHeader),
            "40: Magic@0 Version@4 Machine@6 Size@8 OpsOffset@12 OpCount@16 RelocationsOffset@20 RelocationCount@24 BlobOffset@28 BlobSize@32 FdCount@36"
        },
        {
            typeof(SyscallOp),
            "72: Kind@0 ResultSlot@1 SkipOnTolerated@2 SkipOnSuccess@3 Number@4 ArgKind0@8 ArgKind1@9 ArgKind2@10 ArgKind3@11 ArgKind4@12 ArgKind5@13 " +
            "Flags@14 Arg0@16 Arg1@24 Arg2@32 Arg3@40 Arg4@48 Arg5@56 Tolerated0@64 Tolerated1@66 Tolerated2@68 Tolerated3@70"
        },
        { typeof(SyscallRelocation), "8: At@0 Target@4" },
    };

    [Theory]
    [MemberData(nameof(Layouts))]
    public void Structs_on_the_wire_keep_their_layout(Type type, string layout)
    {
        IEnumerable<string> fields = type.GetFields(BindingFlags.Instance | BindingFlags.Public)
            .Select(field => $"{field.Name}@{Marshal.OffsetOf(type, field.Name)}");
        Assert.Equal(layout, $"{Marshal.SizeOf(type)}: {string.Join(' ', fields)}");
    }

    [Fact]
    public void Numbers_on_the_wire_keep_their_meaning()
    {
        Assert.Equal(
            "Hello=1 Run=2 Start=3 Kill=4 Subscribe=5 GetFds=6 SetLog=7 AddTee=8 RemoveTee=9 CloseStdin=10 Forget=11 List=12 Shutdown=13 " +
            "ExitEvent=16385 LogFullEvent=16386 EventsLostEvent=16387 Reply=32768",
            Values<ShimMessageType>());
        Assert.Equal("None=0 OpenStdin=1 NoExitRecord=2 SecondClone=4", Values<ShimStartFlags>());
        Assert.Equal("Null=0 LogPipes=1 Passed=2 Terminal=3", Values<ShimStdio>());
        Assert.Equal("None=0 Pidfd=1 Stdin=2 Terminal=4", Values<ShimFds>());
        Assert.Equal("None=0 Stdout=1 Stderr=2", Values<ShimStreams>());
        Assert.Equal("Free=0 Starting=1 Running=2 Exited=3", Values<ShimSlotState>());
        Assert.Equal("Died=-5 Clone=-4 PidNamespace=-3 Stdio=-2 Program=-1", string.Join(' ', Values<ShimStep>().Split(' ').Order(new ByNumber())));
        Assert.Equal("Syscall=0 Poke32=1 Poke64=2 Park=3 Announce=4", Values<SyscallOpKind>());
        Assert.Equal("None=0 Report=1 TolerateAny=2 Exec=4 ExitIfPositive=8", Values<SyscallOpFlags>());
        Assert.Equal("Immediate=0 Blob=1 PassedFd=2 Result=3", Values<SyscallArgKind>());
        Assert.Equal((1, 3, 4, 64, 8), (ShimAbi.Version, ShimAbi.ListenFd, ShimAbi.RecordDirectoryFd, ShimAbi.ResultSlots, ShimAbi.FirstFreeResult));
    }

    private static string Values<T>()
        where T : struct, Enum =>
        string.Join(' ', Enum.GetValues<T>().Select(value => $"{value}={Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)}"));

    private sealed class ByNumber : IComparer<string>
    {
        public int Compare(string? x, string? y) => Number(x!).CompareTo(Number(y!));

        private static int Number(string text) => int.Parse(text[(text.IndexOf('=', StringComparison.Ordinal) + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
