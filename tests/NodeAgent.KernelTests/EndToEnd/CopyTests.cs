using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>podctl cp on a real daemon: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class CopyTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    private AgentProcess Agent => fixture.Agent;

    [Fact]
    public async Task Files_go_in_and_out_with_the_owner_the_process_has_and_links_lead_nowhere_else()
    {
        // The container has links that on the host would lead to the host's own files, and a folder that is mounted read-only.
        const string script = "ln -s / /tmp/root; ln -s /etc /tmp/etc; ln -s ../../../../../etc/passwd /tmp/up; mkfifo /tmp/fifo; " + AgentFixture.Serve;
        string yaml = AgentFixture.Pod("copied", "volumes: [{name: data, emptyDir: {}}]", ("main", script))
            + "\n    workingDir: /tmp\n    volumeMounts: [{name: data, mountPath: /fixed, readOnly: true}, {name: data, mountPath: /data}]"
            + "\n    securityContext: {runAsUser: 0, runAsGroup: 33}";
        Agent.Apply("copied.yaml", yaml);
        await fixture.Api.WaitForPodAsync("copied", pod => pod.IsReady(), "ready");
        await ExecAsync("until [ -p /tmp/fifo ]; do sleep 0.1; done");
        string local = Directory.CreateDirectory(Path.Combine(Agent.Root, "local")).FullName;
        byte[] large = new byte[40_000_000];
        new Random(3).NextBytes(large);
        await File.WriteAllBytesAsync(local + "/large", large, Cancel);
        File.SetUnixFileMode(local + "/large", (UnixFileMode)Convert.ToInt32("640", 8));

        await CopyAsync(local + "/large", "copied:/data/large");
        Assert.Equal("640 0 33 40000000\n", await ExecAsync("stat -c '%a %u %g %s' /data/large"));
        await CopyAsync("copied:/data/large", local + "/back");
        Assert.Equal(large, await File.ReadAllBytesAsync(local + "/back", Cancel));

        // In: through a link of the container, which has the container's root; by a relative path; over a link, which is replaced.
        await File.WriteAllTextAsync(local + "/mark", "from outside\n", Cancel);
        await CopyAsync(local + "/mark", "copied:/tmp/root/etc/mark");
        await CopyAsync(local + "/mark", "copied:relative");
        await CopyAsync(local + "/mark", "copied:/tmp/up");
        Assert.Equal("from outside\nfrom outside\nfrom outside\n", await ExecAsync("cat /etc/mark /tmp/relative /tmp/up"));
        Assert.False(File.Exists("/etc/mark"));
        Assert.Contains("web:x:33", await ExecAsync("cat /etc/passwd"));

        // Out: the container's file, not the host's; a folder with its links as links, and what cannot travel told.
        await CopyAsync("copied:/tmp/etc/passwd", local + "/passwd");
        Assert.Contains("web:x:33:33:web:/tmp", await File.ReadAllTextAsync(local + "/passwd", Cancel));
        CommandResult folder = (await Agent.PodctlAsync("cp", "copied:/tmp", local + "/tmp")).Checked();
        Assert.Equal("left out: /tmp/fifo: neither file, folder nor link\n", folder.Error);
        Assert.Equal("/etc", new FileInfo(local + "/tmp/etc").LinkTarget);
        Assert.Equal("from outside\n", await File.ReadAllTextAsync(local + "/tmp/relative", Cancel));

        await RefusedAsync(1, "EROFS", local + "/mark", "copied:/fixed/mark");
        await RefusedAsync(3, "there is no folder /no/such/", local + "/mark", "copied:/no/such/mark");
        await RefusedAsync(3, "no such file or folder", "copied:/nothing", local + "/x");
        // A link of procfs leads to another process's root: those are not followed at all.
        await RefusedAsync(1, "ELOOP", "copied:/proc/1/root/etc/passwd", local + "/x");
        await fixture.DeleteAsync("copied");
        await RefusedAsync(3, "not found", "copied:/etc/passwd", local + "/x");
    }

    private async Task CopyAsync(string from, string to)
    {
        CommandResult copied = await Agent.PodctlAsync("cp", from, to);
        Assert.True(copied is { ExitCode: 0, Error: "", Output: "" }, copied.Output + copied.Error);
    }

    private async Task RefusedAsync(int code, string why, string from, string to)
    {
        CommandResult refused = await Agent.PodctlAsync("cp", from, to);
        Assert.Equal(code, refused.ExitCode);
        Assert.Contains(why, refused.Error);
    }

    private async Task<string> ExecAsync(string script) => (await Agent.PodctlAsync("exec", "copied", "--", "sh", "-c", script)).Checked().Output;
}
