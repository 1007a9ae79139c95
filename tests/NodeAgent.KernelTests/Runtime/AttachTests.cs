using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

/// <summary>The real runtime with somebody at a container's own process.</summary>
public sealed class AttachTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Outputs_come_apart_input_goes_in_and_the_end_of_it_is_told_once()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Container container = TestNode.Shell("while read line; do echo out $line; echo err $line >&2; done; echo over; exit 7") with { Stdin = true, StdinOnce = true };
        (_, ContainerId id) = await RunningAsync(node, container);
        await using IExecSession watching = await node.Runtime.AttachAsync(new AttachRequest(id, Stdin: false, Stdout: true, Stderr: true), Cancel);
        await using IExecSession typing = await node.Runtime.AttachAsync(new AttachRequest(id, Stdin: true, Stdout: true, Stderr: false), Cancel);
        await typing.Stdin!.WriteAsync("one\n"u8.ToArray(), Cancel);
        Assert.Equal("out one\n", await ReadAsync(typing.Stdout, 8));
        await typing.Stdin.DisposeAsync();
        Assert.Equal("over\n", await ReadToEndAsync(typing.Stdout));
        Assert.Equal(("out one\nover\n", "err one\n"), (await ReadToEndAsync(watching.Stdout), await ReadToEndAsync(watching.Stderr!)));
        Assert.Equal((7, 7), (await typing.ExitCode.WaitAsync(Cancel), await watching.ExitCode.WaitAsync(Cancel)));
        Assert.Null(watching.Stdin);
    }

    [Fact]
    public async Task Whoever_leaves_lets_it_run_with_its_input_open_for_the_next()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (Pod pod, ContainerId id) = await RunningAsync(node, TestNode.Shell("while read line; do echo out $line; done; echo over") with { Stdin = true });
        for (int i = 0; i < 3; i++)
        {
            await using IExecSession session = await node.Runtime.AttachAsync(new AttachRequest(id, Stdin: true, Stdout: true, Stderr: true), Cancel);
            await session.Stdin!.WriteAsync(Encoding.ASCII.GetBytes($"{i}\n"), Cancel);
            Assert.Equal($"out {i}\n", await ReadAsync(session.Stdout, 6));
            await session.Stdin.DisposeAsync();
        }
        Assert.Equal(ContainerRunState.Running, (await node.RunOfAsync(pod, id)).State);
    }

    [Fact]
    public async Task A_terminal_has_one_output_a_size_and_an_end_of_input_that_is_a_key()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("read x; stty size; cat; echo over; exit 3") with { Stdin = true, Tty = true });
        await using IExecSession session = await node.Runtime.AttachAsync(new AttachRequest(id, Stdin: true, Stdout: true, Stderr: true), Cancel);
        Assert.Null(session.Stderr);
        session.Resize(101, 31);
        await session.Stdin!.WriteAsync("go\n"u8.ToArray(), Cancel);
        Assert.Equal("go\r\n31 101\r\n", await ReadAsync(session.Stdout, 12));
        await session.Stdin.WriteAsync("\u0004"u8.ToArray(), Cancel);
        Assert.EndsWith("over\r\n", await ReadToEndAsync(session.Stdout));
        Assert.Equal(3, await session.ExitCode.WaitAsync(Cancel));
    }

    [Fact]
    public async Task A_container_that_is_over_or_unknown_cannot_be_attached_to()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("read x") with { Stdin = true, StdinOnce = true });
        await using (IExecSession session = await node.Runtime.AttachAsync(new AttachRequest(id, Stdin: true, Stdout: true, Stderr: true), Cancel))
        {
            await session.Stdin!.DisposeAsync();
            Assert.Equal(1, await session.ExitCode.WaitAsync(Cancel));
        }
        PodRuntimeException over = await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.AttachAsync(new AttachRequest(id, false, true, true), Cancel));
        Assert.Equal(RuntimeFailure.NotRunning, over.Failure);
        PodRuntimeException unknown = await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.AttachAsync(new AttachRequest(new ContainerId("none"), false, true, true), Cancel));
        Assert.Equal(RuntimeFailure.NotFound, unknown.Failure);
    }

    private static async Task<string> ReadAsync(Stream stream, int length)
    {
        byte[] buffer = new byte[length];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        int read = 0;
        while (read < length && await stream.ReadAsync(buffer.AsMemory(read), limit.Token) is var more and > 0) read += more;
        return Encoding.ASCII.GetString(buffer, 0, read);
    }

    private static async Task<string> ReadToEndAsync(Stream stream)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        var all = new MemoryStream();
        await stream.CopyToAsync(all, limit.Token);
        return Encoding.ASCII.GetString(all.ToArray());
    }

    private static async Task<(Pod Pod, ContainerId Id)> RunningAsync(TestNode node, Container container)
    {
        Pod pod = node.PodOf("attached", container);
        await node.RunSandboxAsync(pod);
        return (pod, await node.StartAsync(pod));
    }
}
