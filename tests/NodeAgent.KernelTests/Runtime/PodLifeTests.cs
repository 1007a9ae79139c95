using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

public sealed class PodLifeTests
{
    [Fact]
    public async Task A_container_runs_logs_and_ends_with_its_code()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (string output, ContainerRun run) = await node.RunToEndAsync("echo hello; echo oops >&2; exit 3");
        Assert.Equal("hello", output);
        Assert.Equal("oops", TestNode.Log(run, "stderr"));
        Assert.Equal((ContainerRunState.Exited, 3, "Error"), (run.State, run.ExitCode, run.Reason));
        Assert.EndsWith("/main/0.log", run.LogPath, StringComparison.Ordinal);
    }
}
