using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>Volumes as a container finds them.</summary>
public sealed class VolumeMountTests
{
    [Fact]
    public async Task An_empty_dir_is_writable_by_everybody_and_its_group_is_the_fs_group()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (string output, _) = await RunAsync(
            node, "stat -c '%a %g' /v; touch /v/f && stat -c '%u %g' /v/f", [EmptyDir("v")], [Mount("v", "/v")],
            container => container with { SecurityContext = new SecurityContext { RunAsUser = 1234 } },
            spec => spec with { SecurityContext = new PodSecurityContext { FsGroup = 4321 } });
        Assert.Equal("2777 4321\n1234 4321", output);
    }

    [Fact]
    public async Task A_memory_volume_is_a_tmpfs_of_its_size_and_shared_by_the_pods_containers()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Volume memory = new() { Name = "v", EmptyDir = new EmptyDirVolumeSource { Medium = "Memory", SizeLimit = Quantity.Parse("1Mi") } };
        Container writer = TestNode.Shell("dd if=/dev/zero of=/v/big bs=1024 count=2000 2>/dev/null || echo full; grep ' /v ' /proc/mounts | cut -d' ' -f3", "writer") with { VolumeMounts = [Mount("v", "/v")] };
        Container reader = TestNode.Shell("stat -c %s /v/big", "reader") with { VolumeMounts = [Mount("v", "/v")] };
        Pod pod = node.PodOf("memory", writer, reader);
        pod = pod with { Spec = pod.Spec! with { Volumes = [memory] } };
        Assert.Equal("full\ntmpfs", (await node.RunToEndAsync(pod, "writer")).Output);
        Assert.Equal("1048576", (await node.RunToEndAsync(pod, "reader")).Output);
    }

    [Fact]
    public async Task Read_only_means_the_volume_itself_and_recursive_everything_in_it()
    {
        await using TestNode node = await TestNode.OpenAsync();
        string outer = node.Scratch + "/outer";
        Directory.CreateDirectory(outer + "/inner");
        Assert.Equal(0, Mounts.mount("t\0"u8, CString.Of(outer + "/inner"), "tmpfs\0"u8, 0, "\0"u8));
        try
        {
            const string script = "for d in top rec; do touch /$d/a 2>/dev/null && echo $d; touch /$d/inner/a 2>/dev/null && echo $d/inner; done; true";
            (string output, _) = await RunAsync(
                node, script, [HostPath("h", outer)],
                [Mount("h", "/top") with { ReadOnly = true }, Mount("h", "/rec") with { ReadOnly = true, RecursiveReadOnly = "Enabled" }]);
            Assert.Equal("top/inner", output);
        }
        finally
        {
            Assert.Equal(0, Mounts.umount2(CString.Of(outer + "/inner"), Mounts.MNT_DETACH));
        }
    }

    [Fact]
    public async Task Sub_paths_are_made_expanded_and_kept_inside_their_volume()
    {
        await using TestNode node = await TestNode.OpenAsync();
        string volume = node.Scratch + "/volume";
        Directory.CreateDirectory(volume + "/etc");
        File.CreateSymbolicLink(volume + "/escape", "/etc");
        File.WriteAllText(volume + "/etc/inside", "");
        (string output, _) = await RunAsync(
            node, "echo x > /one/f; echo y > /two/f; ls /three", [HostPath("h", volume)],
            [
                Mount("h", "/one") with { SubPath = "made/for/one" }, Mount("h", "/two") with { SubPathExpr = "by/$(NAME)" },
                Mount("h", "/three") with { SubPath = "escape" },
            ],
            container => container with { Env = [new EnvVar { Name = "NAME", Value = "name" }] });
        Assert.Equal("inside", output);
        Assert.True(File.Exists(volume + "/made/for/one/f") && File.Exists(volume + "/by/name/f"));
    }

    [Fact]
    public async Task A_sub_path_with_an_unknown_variable_is_a_config_error()
    {
        await using TestNode node = await TestNode.OpenAsync();
        PodRuntimeException error = await Assert.ThrowsAsync<PodRuntimeException>(
            () => RunAsync(node, "true", [EmptyDir("v")], [Mount("v", "/v") with { SubPathExpr = "$(NOPE)" }]));
        Assert.Equal((RuntimeFailure.CreateContainerConfigError, "container main: subPathExpr $(NOPE): variable NOPE is not set"), (error.Failure, error.Message));
    }

    [Fact]
    public async Task Volumes_inside_volumes_files_over_files_and_targets_behind_the_images_links()
    {
        await using TestNode node = await TestNode.OpenAsync();
        File.WriteAllText(node.Scratch + "/passwd", "from the host\n");
        (string output, _) = await RunAsync(
            node, "echo deep > /a/b/c/f; cat /etc/passwd /etc/hosts; ls /a/b; readlink /link 2>/dev/null; ls /dev/mine",
            [EmptyDir("outer"), EmptyDir("inner"), HostPath("file", node.Scratch + "/passwd"), EmptyDir("dev")],
            [Mount("inner", "/a/b/c"), Mount("outer", "/a"), Mount("file", "/etc/passwd"), Mount("file", "/etc/hosts"), Mount("dev", "/dev/mine")]);
        Assert.Equal("from the host\nfrom the host\nc", output);
        string volumes = $"{node.Paths.PodVolumes(TestNode.UidOf("volumes").Value)}/volumes/emptydir";
        Assert.Equal("deep\n", await File.ReadAllTextAsync(volumes + "/inner/f"));
        Assert.True(Directory.Exists(volumes + "/outer/b/c"), "the mount point was not made in the outer volume");
    }

    [Fact]
    public async Task What_the_host_mounts_later_arrives_where_propagation_asks_for_it_only()
    {
        await using TestNode node = await TestNode.OpenAsync();
        string shared = node.Scratch + "/shared";
        Directory.CreateDirectory(shared);
        Assert.Equal(0, Mounts.mount(CString.Of(shared), CString.Of(shared), "\0"u8, (ulong)Mounts.MS_BIND, "\0"u8));
        Assert.Equal(0, Mounts.mount("\0"u8, CString.Of(shared), "\0"u8, (ulong)Mounts.MS_SHARED, "\0"u8));
        Directory.CreateDirectory(shared + "/later");
        try
        {
            const string script = "until [ -e /slave/later/f ]; do sleep 0.02; done; ls /slave/later /private/later";
            Pod pod = PodWith(
                node, script, [HostPath("h", shared)], [Mount("h", "/slave") with { MountPropagation = "HostToContainer" }, Mount("h", "/private")]);
            await node.RunSandboxAsync(pod);
            ContainerId id = await node.StartAsync(pod);
            Assert.Equal(0, Mounts.mount("t\0"u8, CString.Of(shared + "/later"), "tmpfs\0"u8, 0, "\0"u8));
            File.WriteAllText(shared + "/later/f", "");
            Assert.Equal("/private/later:\n\n/slave/later:\nf", TestNode.Log(await node.EndAsync(pod, id)));
        }
        finally
        {
            Mounts.umount2(CString.Of(shared + "/later"), Mounts.MNT_DETACH);
            Assert.Equal(0, Mounts.umount2(CString.Of(shared), Mounts.MNT_DETACH));
        }
    }

    [Fact]
    public async Task Propagation_from_a_mount_that_is_not_shared_is_refused()
    {
        await using TestNode node = await TestNode.OpenAsync();
        string folder = node.Scratch + "/private";
        Directory.CreateDirectory(folder);
        Assert.Equal(0, Mounts.mount(CString.Of(folder), CString.Of(folder), "\0"u8, (ulong)Mounts.MS_BIND, "\0"u8));
        Assert.Equal(0, Mounts.mount("\0"u8, CString.Of(folder), "\0"u8, (ulong)Mounts.MS_PRIVATE, "\0"u8));
        try
        {
            PodRuntimeException error = await Assert.ThrowsAsync<PodRuntimeException>(
                () => RunAsync(node, "true", [HostPath("h", folder)], [Mount("h", "/v") with { MountPropagation = "Bidirectional" }]));
            Assert.Equal($"volumeMount /v: mountPropagation Bidirectional needs a shared mount, but {folder} on the host is private", error.Message);
        }
        finally
        {
            Assert.Equal(0, Mounts.umount2(CString.Of(folder), Mounts.MNT_DETACH));
        }
    }

    [Fact]
    public async Task The_volumes_of_an_image_stay_writable_when_the_root_is_not()
    {
        await using TestNode node = await TestNode.OpenAsync();
        node.Image = node.Image with { Config = node.Image.Config with { Volumes = ["/home/web", "/made"] } };
        (string output, _) = await RunAsync(
            node, "touch /tmp/f 2>/dev/null && echo root; touch /home/web/f && echo volume; touch /made/f && echo made; ls -d /home/web", [], [],
            container => container with { SecurityContext = new SecurityContext { ReadOnlyRootFilesystem = true } });
        Assert.Equal("volume\nmade\n/home/web", output);
    }

    [Theory]
    [InlineData("echo said > /dev/termination-log; exit 1", null, null, "said\n")]
    [InlineData("echo said > /words; exit 0", "/words", null, "said\n")]
    [InlineData("echo from the log; exit 1", null, "FallbackToLogsOnError", "from the log\n")]
    [InlineData("echo from the log; exit 0", null, "FallbackToLogsOnError", null)]
    public async Task The_termination_message_is_what_the_container_left(string script, string? path, string? policy, string? message)
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("words", TestNode.Shell(script) with { TerminationMessagePath = path, TerminationMessagePolicy = policy });
        Assert.Equal(message, (await node.RunToEndAsync(pod)).Run.Message);
    }

    private static Volume EmptyDir(string name) => new() { Name = name, EmptyDir = new EmptyDirVolumeSource() };

    private static Volume HostPath(string name, string path) => new() { Name = name, HostPath = new HostPathVolumeSource { Path = path } };

    private static VolumeMount Mount(string name, string path) => new() { Name = name, MountPath = path };

    private static Pod PodWith(
        TestNode node, string script, Volume[] volumes, VolumeMount[] mounts, Func<Container, Container>? container = null, Func<PodSpec, PodSpec>? spec = null)
    {
        Container main = TestNode.Shell(script) with { VolumeMounts = mounts };
        Pod pod = node.PodOf("volumes", container?.Invoke(main) ?? main);
        PodSpec filled = pod.Spec! with { Volumes = volumes };
        return pod with { Spec = spec?.Invoke(filled) ?? filled };
    }

    private static Task<(string Output, ContainerRun Run)> RunAsync(
        TestNode node, string script, Volume[] volumes, VolumeMount[] mounts, Func<Container, Container>? container = null, Func<PodSpec, PodSpec>? spec = null) =>
        node.RunToEndAsync(PodWith(node, script, volumes, mounts, container, spec));
}
