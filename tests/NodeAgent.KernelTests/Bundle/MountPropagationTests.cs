using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using Xunit;

namespace NodeAgent.KernelTests.Bundle;

/// <summary>Which mounts, made later on one side, show on the other.</summary>
public sealed class MountPropagationTests : IDisposable
{
    private readonly ScratchDirectory _scratch = new();
    private readonly string _volume;
    private bool _mounted;

    public MountPropagationTests()
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounting takes root");
        _volume = _scratch.Make("volume");
        Directory.CreateDirectory(_volume + "/sub");
        Directory.CreateDirectory(_volume + "/inner");
        byte[] path = CString.Of(_volume);
        LinuxException.Check(Mounts.mount(path, path, "none\0"u8, Mounts.MS_BIND, "\0"u8), "mount", _volume);
        _mounted = true;
        LinuxException.Check(Mounts.mount("none\0"u8, path, "none\0"u8, Mounts.MS_SHARED, "\0"u8), "mount", _volume);
    }

    public void Dispose()
    {
        if (_mounted) LinuxException.Check(Mounts.umount2(CString.Of(_volume), Mounts.MNT_DETACH), "umount", _volume);
        _scratch.Dispose();
    }

    [Theory]
    [InlineData(MountPropagation.Private, false, false)]
    [InlineData(MountPropagation.Slave, true, false)]
    [InlineData(MountPropagation.Shared, true, true)]
    public async Task A_volume_passes_mounts_on_as_it_was_told(MountPropagation propagation, bool intoContainer, bool ontoHost)
    {
        await using TestPod pod = await TestPod.StartAsync();
        using SafeFileHandle tree = BindMounter.Open(_volume, new BindOptions { Recursive = true, Propagation = propagation });
        ContainerSpec spec = pod.Shell("mount -t tmpfs inside /vol/inner && touch /vol/inner/made && exec sleep 100") with
        {
            Mounts = [new BundleMount("/vol", true, "volume")],
        };
        spec = spec with { Process = spec.Process with { Capabilities = new CapabilitySets(TestPod.Available), Seccomp = default } };
        TestPod.Run container = await pod.StartAsync(spec, [tree]);
        Assert.Equal("", container.Failure);

        LinuxException.Check(Mounts.mount("outside\0"u8, CString.Of(_volume + "/sub"), "tmpfs\0"u8, 0, "\0"u8), "mount", "sub");
        File.WriteAllText(_volume + "/sub/made", "");
        // It waits for the container's own mount too: its file stands in it.
        TestPod.Run exec = await pod.ExecAsync(
            container.Slot, spec.Process with { Argv = ["sh", "-c", "until [ -e /vol/inner/made ]; do sleep 0.01; done; ls /vol/sub"] });
        Assert.Equal(intoContainer ? "made\n" : "", exec.Output);
        Assert.Equal(ontoHost, File.Exists(_volume + "/inner/made"));

        LinuxException.Check(Mounts.umount2(CString.Of(_volume + "/sub"), Mounts.MNT_DETACH), "umount", "sub");
        if (ontoHost) LinuxException.Check(Mounts.umount2(CString.Of(_volume + "/inner"), Mounts.MNT_DETACH), "umount", "inner");
    }
}
