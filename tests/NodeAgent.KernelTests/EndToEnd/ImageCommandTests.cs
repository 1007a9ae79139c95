using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.Testing.Images;
using Xunit;
using LayoutFile = NodeAgent.KernelTests.Images.LayoutFile;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>What podctl does with images on a real daemon: needs root, umoci, skopeo, busybox-static and <c>make build</c>.</summary>
public sealed class ImageCommandTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;
    private string Content => Agent.State + "/content";

    private async Task<string> PodctlAsync(params string[] arguments) => (await Agent.PodctlAsync(["image", .. arguments])).Checked().Output;

    [Fact(DisplayName = "damage on the disk: verify finds it and exits with 1, loading the image again heals it, and the pod that runs notices nothing")]
    public async Task VerifyAndHeal()
    {
        Agent.Apply("bystander.yaml", AgentFixture.Pod("bystander", "", ("main", AgentFixture.Serve)));
        JsonNode before = await Api.WaitForPodAsync("bystander", pod => pod.Runs("main"), "running");
        Assert.EndsWith("nothing is wrong\n", await PodctlAsync("verify"));
        JsonNode details = JsonNode.Parse(await PodctlAsync("inspect", AgentFixture.Image))!;
        string layer = (string)details["layers"]![0]!["digest"]!;
        string blob = LayoutFile.Blob(Content, layer);
        byte[] bytes = await File.ReadAllBytesAsync(blob, TestContext.Current.CancellationToken);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(blob, bytes, TestContext.Current.CancellationToken);

        CommandResult damaged = await Agent.PodctlAsync("image", "verify");
        Assert.Equal(1, damaged.ExitCode);
        Assert.StartsWith($"damaged   {AgentFixture.Image}: {layer}: its content has digest sha256:", damaged.Output);
        Assert.EndsWith(": 1 fault\n", damaged.Output);
        CommandResult save = await Agent.PodctlAsync("image", "save", "-o", Agent.Root + "/damaged.tar", AgentFixture.Image);
        Assert.Equal((1, false), (save.ExitCode, File.Exists(Agent.Root + "/damaged.tar")));
        Assert.Contains($"blob {layer} is missing; podctl image verify tells what is damaged", save.Error);

        await PodctlAsync("load", await BusyboxImage.LayoutAsync(), "--name", AgentFixture.Image);

        Assert.EndsWith("nothing is wrong\n", await PodctlAsync("verify"));
        Assert.Equal(before.PodUid(), (await Api.WaitForPodAsync("bystander", pod => pod.Runs("main") && pod.Restarts("main") == 0, "running on")).PodUid());
        await fixture.DeleteAsync("bystander");
    }

    [Fact(DisplayName = "a root filesystem is imported with changes, runs as a pod, cannot be removed under it, and can once the pod is gone")]
    public async Task ImportRunRemove()
    {
        string rootfs = Agent.Root + "/rootfs.tar.gz";
        Tool.Shell($"mkdir -p {Agent.Root}/rootfs/bin; cp /bin/busybox {Agent.Root}/rootfs/bin/; ln -s busybox {Agent.Root}/rootfs/bin/sh; tar -C {Agent.Root}/rootfs -czf {rootfs} .");
        const string name = "localhost/imported:1";
        await PodctlAsync("import", rootfs, name, "--change", "ENTRYPOINT [\"/bin/busybox\"]", "--change", "CMD [\"sh\",\"-c\",\"echo $GREETING; exec busybox sleep 1000\"]",
            "--change", "ENV GREETING=\"hello there\" PATH=/bin", "-m", "for a test");
        Assert.Contains("for a test", await PodctlAsync("history", name));
        await PodctlAsync("tag", name, "localhost/imported:2");
        Agent.Apply("imported.yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: imported}
            spec:
              terminationGracePeriodSeconds: 1
              containers: [{name: main, image: "{{name}}", imagePullPolicy: Never}]
            """);
        JsonNode pod = await Api.WaitForPodAsync("imported", pod => pod.Runs("main"), "running");
        await Api.WaitForPodAsync("imported", _ => Agent.PodctlAsync("logs", "imported").GetAwaiter().GetResult().Output == "hello there\n", "greeting");
        string id = ((string)JsonNode.Parse(await PodctlAsync("inspect", name))!["id"]!)["sha256:".Length..][..12];

        await PodctlAsync("rm", "localhost/imported:2");
        foreach (string reference in new[] { name, id })
        {
            CommandResult refused = await Agent.PodctlAsync("image", "rm", reference);
            Assert.Equal((1, ""), (refused.ExitCode, refused.Output));
            Assert.Equal(
                $"podctl: image rm {reference}: image {name} is used by pod default/imported; delete what uses it first, or remove it with --force\n", refused.Error);
        }
        Assert.True((await Api.WaitForPodAsync("imported", p => p.Runs("main"), "running on")).PodUid() == pod.PodUid());
        await fixture.DeleteAsync("imported");
        Assert.Equal($"removed {id}\n", await PodctlAsync("rm", id));
        Assert.Equal(3, (await Agent.PodctlAsync("image", "rm", name)).ExitCode);
    }

    [Theory(DisplayName = "what is saved through a pipe or into a file is the same, skopeo reads it, and we load it")]
    [InlineData("oci-archive")]
    [InlineData("docker-archive")]
    public async Task SaveAndLoad(string format)
    {
        string name = $"localhost/saved-{format}:1";
        string file = $"{Agent.Root}/{format}.tar";
        await PodctlAsync("tag", AgentFixture.Image, name);
        await PodctlAsync("save", "--format", format, "-o", file, name);
        Tool.Shell($"{AgentProcess.BinFolder}/podctl --socket {Agent.ApiSocket} image save --format {format} {name} > {file}.piped; cmp {file} {file}.piped");
        Tool.Run("skopeo", "copy", "-q", $"{format}:{file}:{name}", $"oci:{Agent.Root}/{format}:1");

        await PodctlAsync("rm", name);
        Assert.StartsWith($"loaded {AgentFixture.Image}", await PodctlAsync("load", file));
        Assert.Equal(0, (await Agent.PodctlAsync("image", "rm", name)).ExitCode);
    }
}
