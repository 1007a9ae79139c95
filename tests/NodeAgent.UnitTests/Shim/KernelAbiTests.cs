using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NodeAgent.Linux;
using NodeAgent.Shim;
using Xunit;

namespace NodeAgent.UnitTests.Shim;

/// <summary>Numbers and layouts of the kernel's, against the C headers of the machine the tests run on.</summary>
public sealed partial class KernelAbiTests
{
    private static readonly string[] Headers =
    [
        "errno.h", "fcntl.h", "signal.h", "sched.h", "linux/sched.h", "sys/epoll.h", "sys/eventfd.h", "sys/mman.h", "sys/prctl.h", "sys/socket.h", "sys/stat.h", "sys/syscall.h",
        "sys/uio.h", "sys/wait.h", "time.h",
    ];

    [Fact]
    public void Constants_have_the_values_of_the_headers()
    {
        (string Name, long Value)[] ours = [.. ConstantsOf(typeof(Kernel)), .. ConstantsOf(typeof(Sockets)), .. ConstantsOf(typeof(Epoll)), .. ConstantsOf(typeof(Memfd)), .. ConstantsOf(typeof(Errno))];
        (string Name, long Value)[] named = [.. ours.Where(constant => constant.Name == constant.Name.ToUpperInvariant()).Distinct()];
        Dictionary<string, long?> theirs = CCompiler.Evaluate(Headers, named.Select(constant => (constant.Name, HeaderName(constant.Name), (string?)null)));
        Assert.True(named.Length > 120, $"only {named.Length} constants found");
        Assert.Equal(named.Select(constant => (constant.Name, (long?)constant.Value)), named.Select(constant => (constant.Name, theirs[constant.Name])));
    }

    [Fact]
    public void System_calls_have_this_machine_s_numbers()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the table's x86_64 column is checked on x86_64");
        Compare(
            CCompiler.Evaluate(["sys/syscall.h"], Syscalls.All.Select(call => (call.Name, "__NR_" + call.Name, (string?)("__NR_" + call.Name)))),
            call => call.X86_64);
    }

    [Fact]
    public void System_calls_have_arm64_s_numbers_by_the_generic_table()
    {
        // What arch/arm64/include/uapi/asm/unistd.h sets before it includes the generic table; newfstatat is fstatat there.
        string[] headers =
        [
            "#undef __BITS_PER_LONG", "#define __ARCH_WANT_RENAMEAT", "#define __ARCH_WANT_NEW_STAT", "#define __ARCH_WANT_SET_GET_RLIMIT",
            "#define __ARCH_WANT_SYS_CLONE3", "#define __ARCH_WANT_MEMFD_SECRET", "asm-generic/unistd.h",
        ];
        Compare(
            CCompiler.Evaluate(headers, Syscalls.All.Where(call => call.Arm64 >= 0 || call.Name != "newfstatat").Select(call => (call.Name, "__NR_" + call.Name, (string?)("__NR_" + call.Name)))),
            call => call.Arm64);
    }

    [Fact]
    public void The_shim_s_own_numbers_are_those_of_the_table_on_both_architectures()
    {
        string source = File.ReadAllText(Path.Combine(Repository(), "src", "NodeAgent.Shim", "Kernel.Numbers.cs"));
        string[] halves = source.Split("#else", 2);
        Dictionary<string, int> arm64 = Numbers(halves[0]);
        Dictionary<string, int> x86_64 = Numbers(halves[1].Split("#endif", 2)[0]);
        Assert.Equal(x86_64.Keys.Order(StringComparer.Ordinal), arm64.Keys.Order(StringComparer.Ordinal));
        Assert.True(x86_64.Count > 40);
        Assert.All(x86_64, number => Assert.Equal((number.Key, Syscalls.Find(number.Key)!.X86_64), (number.Key, number.Value)));
        Assert.All(arm64, number => Assert.Equal((number.Key, Syscalls.Find(number.Key)!.Arm64), (number.Key, number.Value)));
    }

    [Fact]
    public void Structs_have_the_layout_of_the_headers()
    {
        (string Name, string Expression, long Ours)[] facts =
        [
            ("iovec", "sizeof(struct iovec)", Unsafe.SizeOf<IoVector>()),
            ("iov_len", "offsetof(struct iovec, iov_len)", Offset<IoVector>("Length")),
            ("msghdr", "sizeof(struct msghdr)", Unsafe.SizeOf<MessageHeader>()),
            ("msg_iov", "offsetof(struct msghdr, msg_iov)", Offset<MessageHeader>("Vectors")),
            ("msg_iovlen", "offsetof(struct msghdr, msg_iovlen)", Offset<MessageHeader>("VectorCount")),
            ("msg_control", "offsetof(struct msghdr, msg_control)", Offset<MessageHeader>("Control")),
            ("msg_controllen", "offsetof(struct msghdr, msg_controllen)", Offset<MessageHeader>("ControlLength")),
            ("msg_flags", "offsetof(struct msghdr, msg_flags)", Offset<MessageHeader>("Flags")),
            ("cmsghdr", "sizeof(struct cmsghdr)", Unsafe.SizeOf<ControlHeader>()),
            ("cmsg_level", "offsetof(struct cmsghdr, cmsg_level)", Offset<ControlHeader>("Level")),
            ("cmsg_type", "offsetof(struct cmsghdr, cmsg_type)", Offset<ControlHeader>("Type")),
            ("cmsg_data", "CMSG_LEN(0)", Unsafe.SizeOf<ControlHeader>()),
            ("clone_args", "sizeof(struct clone_args)", Unsafe.SizeOf<CloneArgs>()),
            ("clone_args.pidfd", "offsetof(struct clone_args, pidfd)", Offset<CloneArgs>("Pidfd")),
            ("clone_args.exit_signal", "offsetof(struct clone_args, exit_signal)", Offset<CloneArgs>("ExitSignal")),
            ("clone_args.cgroup", "offsetof(struct clone_args, cgroup)", Offset<CloneArgs>("Cgroup")),
            ("ucred", "sizeof(struct ucred)", Unsafe.SizeOf<PeerCredentials>()),
            ("ucred.uid", "offsetof(struct ucred, uid)", Offset<PeerCredentials>("Uid")),
            ("timespec", "sizeof(struct timespec)", Unsafe.SizeOf<Timespec>()),
            ("st_size", "offsetof(struct stat, st_size)", 48),
            ("epoll_event", "sizeof(struct epoll_event)", Machine.EpollEventSize),
            ("epoll_event.data", "offsetof(struct epoll_event, data)", Machine.EpollDataOffset),
        ];
        Dictionary<string, long?> theirs = CCompiler.Evaluate(Headers, facts.Select(fact => (fact.Name, fact.Expression, (string?)null)));
        Assert.Equal(facts.Select(fact => (fact.Name, (long?)fact.Ours)), facts.Select(fact => (fact.Name, theirs[fact.Name])));
        Assert.Equal(48, Offset<FileStatus>("Size"));
        Assert.Equal(32, Unsafe.SizeOf<KernelSigaction>());
        Dictionary<string, long?> stat = CCompiler.Evaluate(Headers, [("size", "sizeof(struct stat)", null)]);
        Assert.True(Unsafe.SizeOf<FileStatus>() >= stat["size"]);
    }

    [Theory]
    [InlineData(Errno.EPERM, "EPERM")]
    [InlineData(Errno.EROFS, "EROFS")]
    [InlineData(133, "EHWPOISON")]
    [InlineData(41, "errno 41")]
    [InlineData(0, "errno 0")]
    [InlineData(-1, "errno -1")]
    [InlineData(4000, "errno 4000")]
    public void Error_numbers_have_names(int errno, string name) => Assert.Equal(name, Errno.Name(errno));

    [Fact]
    public void An_exception_names_call_target_and_error()
    {
        Assert.Equal("mount /proc: EPERM (Operation not permitted)", new LinuxException("mount", "/proc", Errno.EPERM).Message);
        Assert.Equal("fork: EAGAIN (Resource temporarily unavailable)", new LinuxException("fork", null, Errno.EAGAIN).Message);
    }

    /// <summary>Headers older than a call do not know it: those rows rest on the kernel's own tables.</summary>
    private static void Compare(Dictionary<string, long?> theirs, Func<Syscall, int> ours)
    {
        Syscall[] known = [.. Syscalls.All.Where(call => theirs.GetValueOrDefault(call.Name) is not null)];
        Assert.True(known.Length > 280, $"only {known.Length} calls in the headers");
        Assert.Equal(known.Select(call => (call.Name, theirs[call.Name])), known.Select(call => (call.Name, (long?)ours(call))));
    }

    private static string HeaderName(string constant) => constant switch
    {
        "WALL" => "__WALL",
        // These three are enumerators or need a C library newer than the kernel's headers.
        "SOCK_CLOEXEC" or "SOCK_NONBLOCK" => constant,
        _ => constant,
    };

    private static IEnumerable<(string Name, long Value)> ConstantsOf(Type type) =>
        type.GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.IsLiteral)
            .Select(field => (field.Name, unchecked((long)Convert.ToDecimal(field.GetRawConstantValue(), CultureInfo.InvariantCulture))));

    private static long Offset<T>(string field) => (long)Marshal.OffsetOf<T>(field);

    private static Dictionary<string, int> Numbers(string source) =>
        Assignment().Matches(source).ToDictionary(match => match.Groups["name"].Value, match => int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture), StringComparer.Ordinal);

    private static string Repository() => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", ".."));

    [GeneratedRegex(@"(?<name>[a-z_0-9]+) = (?<number>-?\d+)", RegexOptions.None, 1000)]
    private static partial Regex Assignment();
}
