using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.ShimClient;
using Xunit;

namespace NodeAgent.KernelTests.Shim;

/// <summary>A container must not be able to overwrite the shim's program through /proc/PID/exe (CVE-2019-5736).</summary>
public sealed class ShimImageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("podagent-image-").FullName;

    [Fact]
    public async Task The_program_of_a_shim_cannot_be_opened_for_writing_not_even_after_its_end()
    {
        string copy = CopyOfShim();
        using ShimReactor reactor = new();
        using ShimLauncher launcher = new(reactor, copy, NullLogger.Instance);
        int pid = launcher.Spawn(_folder, "image-test");
        using PodShim shim = (await ShimUnderTest.Soon(launcher.ConnectAsync(_folder, "image-test")))!;
        using SafeFileHandle exe = new(Openat2.OpenPath($"/proc/{pid}/exe", Openat2.O_PATH | Openat2.O_CLOEXEC), ownsHandle: true);
        Assert.True(await ShimUnderTest.Soon(shim.ShutdownAsync(force: false)));
        await ShimUnderTest.EventuallyAsync("the shim is reaped", () => !Directory.Exists($"/proc/{pid}"));

        Assert.Equal(Errno.EROFS, OpenForWriting($"/proc/self/fd/{exe.DangerousGetHandle()}"));
        Assert.Equal(0, OpenForWriting(copy));
    }

    [Fact]
    public void An_image_needs_no_place_in_the_mount_table()
    {
        string[] before = File.ReadAllLines("/proc/self/mountinfo");
        using ShimImage image = ShimImage.Open(CopyOfShim());
        Assert.Null(image.Unprotected);
        Assert.StartsWith("/proc/self/fd/", image.ExecPath, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllLines("/proc/self/mountinfo"));
    }

    [Fact]
    public void A_program_that_is_not_there_is_named_in_the_error()
    {
        LinuxException missing = Assert.Throws<LinuxException>(() => ShimImage.Open("/no/such/shim"));
        Assert.Equal((Errno.ENOENT, "/no/such/shim"), (missing.Errno, missing.Target));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string CopyOfShim()
    {
        ZeroShim binary = new();
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        Assert.SkipUnless(File.Exists(binary.File), $"no {binary.File}: {binary.HowToBuild}");
        string copy = Path.Combine(_folder, "podagent-shim");
        File.Copy(binary.File, copy);
        return copy;
    }

    private static int OpenForWriting(string path)
    {
        int fd = Openat2.openat(Openat2.AT_FDCWD, CString.Of(path), Openat2.O_WRONLY | Openat2.O_CLOEXEC);
        if (fd < 0)
            return Marshal.GetLastPInvokeError();
        new SafeFileHandle(fd, ownsHandle: true).Dispose();
        return 0;
    }
}
