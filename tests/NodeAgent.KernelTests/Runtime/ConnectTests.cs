using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

public sealed class ConnectTests
{
    [Fact]
    public async Task A_server_of_the_pod_is_reached_on_its_own_loopback_and_reads_the_end_of_what_it_is_sent()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("served", TestNode.Shell("echo hello | nc -l -p 8080 | wc -c"));
        await node.RunSandboxAsync(pod);
        ContainerId id = await node.StartAsync(pod);
        await using IPodConnection connection = await ReachAsync(node, pod, 8080);

        await connection.Stream.WriteAsync(new byte[70_000]);
        connection.CompleteWrites();
        using StreamReader reader = new(connection.Stream, Encoding.ASCII);
        Assert.Equal("hello\n", await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal("70000", TestNode.Log(await node.EndAsync(pod, id)));
    }

    [Fact]
    public async Task Where_nobody_listens_the_connection_fails_and_a_server_of_another_network_is_not_reached()
    {
        await using TestNode node = await TestNode.OpenAsync();
        using System.Net.Sockets.TcpListener host = new(System.Net.IPAddress.Loopback, 0);
        host.Start();
        int port = ((System.Net.IPEndPoint)host.LocalEndpoint).Port;
        Pod pod = node.PodOf("deaf", TestNode.Shell("exec sleep 1000"));
        await node.RunSandboxAsync(pod);

        PodRuntimeException refused = await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.ConnectAsync(TestNode.UidOf("deaf"), port, default));
        Assert.Equal(RuntimeFailure.ConnectionFailed, refused.Failure);
        Assert.Contains($"connect to 127.0.0.1:{port}: connection refused", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_whose_sandbox_is_stopped_has_no_network_and_nothing_holds_it()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Pod pod = node.PodOf("gone", TestNode.Shell("exec sleep 1000"));
        PodSandbox sandbox = await node.RunSandboxAsync(pod);
        string network = File.ResolveLinkTarget($"/proc/{sandbox.ShimPid}/ns/net", false)!.Name;
        await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.ConnectAsync(TestNode.UidOf("gone"), 1, default));
        await node.Runtime.StopPodSandboxAsync(sandbox.Id, default);

        PodRuntimeException gone = await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.ConnectAsync(TestNode.UidOf("gone"), 1, default));
        Assert.Equal(RuntimeFailure.NotRunning, gone.Failure);
        Assert.DoesNotContain(network, Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(fd => File.ResolveLinkTarget(fd, false)?.Name ?? ""));
    }

    private static async Task<IPodConnection> ReachAsync(TestNode node, Pod pod, int port)
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        while (true)
        {
            try
            {
                return await node.Runtime.ConnectAsync(TestNode.UidOf(pod.Metadata!.Name!), port, patience.Token);
            }
            catch (PodRuntimeException e) when (e.Failure == RuntimeFailure.ConnectionFailed && !patience.IsCancellationRequested)
            {
                // Its server has not got so far yet.
                await Task.Yield();
            }
        }
    }
}
