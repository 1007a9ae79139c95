using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

public sealed class DeviceFilterTests
{
    [Fact]
    public async Task A_container_can_make_any_node_but_use_only_its_own()
    {
        DeviceNode fuse = Fuse();
        await using TestPod pod = await TestPod.StartAsync();
        ContainerSpec spec = pod.Shell(
            $"mknod /tmp/disk b 254 0 && mknod /tmp/fuse c {fuse.Major} {fuse.Minor} && echo made; head -c 1 /tmp/disk 2>&1; head -c 0 /tmp/fuse 2>&1 && echo opened; "
            + "head -c 1 /dev/zero | wc -c; echo x > /dev/null && echo written; head -c 1 /dev/urandom | wc -c");
        Assert.Matches("(?s)made\n.*opened\n", await pod.OutputAsync(spec));

        using TestCgroup cgroup = TestCgroup.Create();
        int errno = DeviceFilter.Attach(cgroup.Directory, []);
        Assert.SkipWhen(errno is Errno.ENOSYS or Errno.EINVAL, "the kernel has no device filters for cgroups");
        Assert.Equal(0, errno);
        Assert.Equal(
            "made\nhead: /tmp/disk: Operation not permitted\nhead: /tmp/fuse: Operation not permitted\n1\nwritten\n1",
            await pod.OutputAsync(spec, cgroup: cgroup.Directory));
    }

    [Fact]
    public async Task A_device_that_it_was_given_it_can_use()
    {
        DeviceNode fuse = Fuse();
        await using TestPod pod = await TestPod.StartAsync();
        using TestCgroup cgroup = TestCgroup.Create();
        Assert.SkipUnless(DeviceFilter.Attach(cgroup.Directory, [fuse]) == 0, "the kernel has no device filters for cgroups");
        ContainerSpec spec = pod.Shell("head -c 0 /dev/fuse && echo opened") with { Devices = [fuse] };
        Assert.Equal("opened", await pod.OutputAsync(spec, cgroup: cgroup.Directory));
    }

    // A device that anybody may open, so that only the filter can refuse it.
    private static DeviceNode Fuse()
    {
        string? line = File.ReadLines("/proc/misc").FirstOrDefault(line => line.EndsWith(" fuse", StringComparison.Ordinal));
        Assert.SkipWhen(line is null, "the kernel has no fuse, the device that this test opens");
        return new DeviceNode("/dev/fuse", 'c', 10, uint.Parse(line.Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture), 0x1b6);
    }

    [Fact]
    public async Task A_container_is_born_in_its_cgroup_and_sees_it_as_the_root()
    {
        await using TestPod pod = await TestPod.StartAsync();
        using TestCgroup cgroup = TestCgroup.Create();
        string output = await pod.OutputAsync(pod.Shell("grep ^0: /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs | head -1; grep ' /sys/fs/cgroup ' /proc/self/mountinfo | cut -d' ' -f4"), cgroup: cgroup.Directory);
        Assert.Equal("0::/\n1\n/", output);
    }

    /// <summary>A cgroup of a test's own, without controllers.</summary>
    private sealed class TestCgroup : IDisposable
    {
        private readonly string _path;

        private TestCgroup(string path)
        {
            _path = path;
            Directory = new SafeFileHandle(Openat2.OpenPath(path, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC), ownsHandle: true);
        }

        internal SafeFileHandle Directory { get; }

        internal static TestCgroup Create()
        {
            string? root = CgroupMount.Find();
            Assert.SkipWhen(root is null, "cgroup v2 is not mounted");
            return new TestCgroup(System.IO.Directory.CreateDirectory($"{root}/podagent-test-{Guid.NewGuid():n}").FullName);
        }

        public void Dispose()
        {
            Directory.Dispose();
            System.IO.Directory.Delete(_path);
        }
    }
}
