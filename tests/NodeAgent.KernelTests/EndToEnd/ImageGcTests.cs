using System.Text.Json.Nodes;
using NodeAgent.Linux;
using NodeAgent.Testing.Agent;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>
/// The agent's state on a small ext4 of its own that fills up: needs root, a loop device, umoci, busybox-static and <c>make build</c>. The collection has its
/// first turn right after the start of the agent, so each restart is one.
/// </summary>
public sealed class ImageGcTests : IAsyncLifetime
{
    private const string Pinned = "localhost/pinned:1", Old = "localhost/old:1", Young = "localhost/young:1", Youngest = "localhost/youngest:1";
    private readonly string _root = $"/tmp/podagent-gc-{Environment.ProcessId}";
    private readonly TemporaryFolder _folder = new();
    private AgentProcess? _agent;
    private bool _mounted;

    private AgentProcess Agent => _agent!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        Assert.SkipUnless(Tool.Exists("mkfs.ext4") && Path.Exists("/dev/loop-control"), "needs mkfs.ext4 and loop devices");
        string disk = _folder["disk.img"];
        Directory.CreateDirectory(_root + "/lib");
        Tool.Shell($"truncate -s 96M {disk}; mkfs.ext4 -q -F -m 0 {disk}; mount -o loop {disk} {_root}/lib");
        _mounted = true;
        _agent = new AgentProcess(_root)
        {
            Configuration = "evictionHard: {}\nimageMinimumGCAge: 0s\npinnedImages: [\"localhost/pin*\"]\n",
        };
        await Agent.StartAsync();
        (await Agent.PodctlAsync("image", "load", await BusyboxImage.LayoutAsync(), "--name", AgentFixture.Image)).Checked();
    }

    public async ValueTask DisposeAsync()
    {
        if (_agent is not null)
        {
            Agent.Delete("web.yaml");
            using (var api = new AgentApi(Agent.ApiSocket))
                await api.WaitForPodGoneAsync("web");
            await Agent.StopAsync();
            CommandResult leaks = await Agent.LeaksAsync();
            await Agent.DisposeAsync();
            Assert.True(leaks.ExitCode == 0, leaks.Output + leaks.Error);
        }

        if (_mounted)
            Tool.Run("umount", _root + "/lib");
        if (Directory.Exists(_root))
            Directory.Delete(_root, recursive: true);
        _folder.Dispose();
    }

    [Fact]
    public async Task The_oldest_unused_images_go_while_the_disk_is_too_full_and_used_and_pinned_ones_stay()
    {
        using var api = new AgentApi(Agent.ApiSocket);
        foreach (string name in (string[])[Pinned, Old, Young, Youngest])
            await LoadAsync(name);
        Agent.Apply("web.yaml", AgentFixture.Pod("web", "", ("main", AgentFixture.Serve)));
        await api.WaitForPodAsync("web", pod => pod.Runs("main"), "running");

        Fill(87);
        await RestartAsync();
        await RemovedAsync(Old);
        Assert.Equal([AgentFixture.Image, Pinned, Young, Youngest], await NamesAsync(api));
        Assert.InRange(UsedPercent(), 74, 80);

        Fill(94);
        await RestartAsync();
        await RemovedAsync(Youngest);
        Assert.Equal([AgentFixture.Image, Pinned], await NamesAsync(api));

        Fill(95);
        await RestartAsync();
        await Agent.WaitForLogAsync("every image left is in use, pinned or too young");
        Assert.Contains("FreeDiskSpaceFailed", (await Agent.PodctlAsync("get", "events")).Checked().Output, StringComparison.Ordinal);
        Assert.Equal([AgentFixture.Image, Pinned], await NamesAsync(api));
        await api.WaitForPodAsync("web", pod => pod.Runs("main"), "running");
    }

    [Fact]
    public async Task A_prune_frees_the_bytes_that_it_says_and_the_wide_list_tells_what_is_pinned()
    {
        using var api = new AgentApi(Agent.ApiSocket);
        foreach (string name in (string[])[Pinned, Old])
            await LoadAsync(name);
        Agent.Apply("web.yaml", AgentFixture.Pod("web", "", ("main", AgentFixture.Serve)));
        await api.WaitForPodAsync("web", pod => pod.Runs("main"), "running");
        string wide = (await Agent.PodctlAsync("image", "ls", "-o", "wide")).Checked().Output;
        Assert.Matches($@"{Old} +[0-9a-f]+ +4\.\d\dMB +\d+s +4\.\d\dMB +1 +linux/amd64 +false +sha256", wide);
        Assert.Matches($@"{Pinned} .* true ", wide);
        Assert.Matches(@"\n[\d.]+MB compressed, [\d.]+MB unpacked on disk, ", wide);

        long before = Free();
        string pruned = (await Agent.PodctlAsync("image", "prune", "--all", "--force")).Checked().Output;
        Assert.Matches($@"^removed {Old} \(sha256:[0-9a-f]+\)\nTotal reclaimed space: 8\.\d+MB\n$", pruned);
        Assert.InRange(Free() - before, 8_000_000, 9_000_000);
        Assert.Equal([AgentFixture.Image, Pinned], await NamesAsync(api));
        Assert.Equal("Total reclaimed space: 0B\n", (await Agent.PodctlAsync("image", "prune")).Checked().Output);
    }

    /// <summary>An image of 4 MiB that cannot be compressed, which lies there packed and unpacked.</summary>
    private async Task LoadAsync(string name)
    {
        byte[] data = new byte[4 << 20];
        Random.Shared.NextBytes(data);
        string archive = _folder["image.tar"];
        File.WriteAllBytes(archive, DockerArchiveBuilder.Build(name, [new TarBuilder().Add('0', "data", data: data).Build()]));
        (await Agent.PodctlAsync("image", "load", archive)).Checked();
    }

    /// <summary>Waits until this image is removed, and until the collection that has done it is over: a prune waits for its turn.</summary>
    private async Task RemovedAsync(string name)
    {
        await Agent.WaitForLogAsync($"image {name} (sha256");
        (await Agent.PodctlAsync("image", "prune", "--force")).Checked();
    }

    private async Task RestartAsync()
    {
        await Agent.KillAsync();
        await Agent.StartAsync();
    }

    private static async Task<IEnumerable<string>> NamesAsync(AgentApi api) =>
        from JsonNode? image in (await api.GetAsync("/apis/podagent.io/v1alpha1/images"))["items"]!.AsArray() select image!["metadata"]!["name"]!.GetValue<string>();

    /// <summary>Lets other files take the disk until this much of it is in use.</summary>
    private void Fill(int percent)
    {
        Statfs.statfs_t disk = Statfs.Of(Agent.State);
        long bytes = disk.AvailableBytes - (disk.CapacityBytes * (100 - percent) / 100);
        Assert.True(bytes > 0, $"{UsedPercent()} % is used already");
        Tool.Run("fallocate", "-l", bytes.ToString(), $"{Agent.State}/ballast{percent}");
    }

    private long Free() => Statfs.Of(Agent.State).AvailableBytes;

    private int UsedPercent()
    {
        Statfs.statfs_t disk = Statfs.Of(Agent.State);
        return 100 - (int)(disk.AvailableBytes * 100 / disk.CapacityBytes);
    }
}
