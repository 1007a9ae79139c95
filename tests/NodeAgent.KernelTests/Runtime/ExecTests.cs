using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using Xunit;

namespace NodeAgent.KernelTests.Runtime;

public sealed class ExecTests
{
    [Fact]
    public async Task A_command_runs_in_the_containers_namespaces_cgroup_and_environment()
    {
        await using TestNode node = await TestNode.OpenAsync();
        Container container = TestNode.Shell("exec sleep 1000") with
        {
            Env = [new EnvVar { Name = "COLOUR", Value = "blue" }],
            SecurityContext = new SecurityContext { RunAsUser = 1000 },
            WorkingDir = "/tmp",
        };
        (Pod pod, ContainerId id) = await RunningAsync(node, container);
        const string script = "for n in net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$n; done; id -u; id -G; pwd; echo $COLOUR; grep ^0: /proc/self/cgroup; cat /proc/self/oom_score_adj";
        (string output, _, int code) = await ExecAsync(node, id, ["sh", "-c", script]);
        int pid = (await node.RunOfAsync(pod, id)).Pid;
        string[] expected =
        [
            .. new[] { "net", "ipc", "uts", "pid", "mnt", "cgroup" }.Select(name => File.ResolveLinkTarget($"/proc/{pid}/ns/{name}", false)!.Name),
            "1000", "1000 2000", "/tmp", "blue", "0::/", "1000",
        ];
        Assert.Equal(expected, output.TrimEnd('\n').Split('\n'));
        Assert.Equal(0, code);
    }

    [Fact]
    public async Task Output_error_and_exit_code_come_back_apart()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        Assert.Equal(("out\n", "err\n", 5), await ExecAsync(node, id, ["sh", "-c", "echo out; echo err >&2; exit 5"]));
        Assert.Equal(("", "", 143), await ExecAsync(node, id, ["sh", "-c", "kill -TERM $$; sleep 1"]));
    }

    [Fact]
    public async Task Input_reaches_the_command_and_ends_with_its_stream()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        await using IExecSession session = await node.Runtime.ExecAsync(new ExecRequest(id, ["wc", "-c"], Tty: false, Stdin: true), default);
        Task<string> output = ReadAsync(session.Stdout);
        byte[] block = new byte[100_000];
        for (int i = 0; i < 10; i++) await session.Stdin!.WriteAsync(block);
        await session.Stdin!.DisposeAsync();
        Assert.Equal("1000000\n", await output);
        Assert.Equal(0, await session.ExitCode.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task A_megabyte_of_output_arrives_whole()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        (string output, _, _) = await ExecAsync(node, id, ["seq", "1", "150000"]);
        Assert.Equal(Enumerable.Range(1, 150000).Sum(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture).Length + 1), output.Length);
    }

    [Fact]
    public async Task Standard_output_can_be_opened_again_by_name()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        Assert.Equal(("again\n", "", 0), await ExecAsync(node, id, ["sh", "-c", "echo again > /dev/stdout"]));
    }

    [Fact]
    public async Task A_terminal_is_the_commands_own_and_can_be_resized()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        await using IExecSession session = await node.Runtime.ExecAsync(
            new ExecRequest(id, ["sh", "-c", "read line; tty; stty size; echo $line $TERM"], Tty: true, Stdin: true), default);
        Assert.Null(session.Stderr);
        session.Resize(120, 40);
        Task<string> output = ReadAsync(session.Stdout);
        await session.Stdin!.WriteAsync(Encoding.ASCII.GetBytes("typed\n"));
        Assert.Equal("typed\r\n/dev/pts/0\r\n40 120\r\ntyped xterm\r\n", await output);
        Assert.Equal(0, await session.ExitCode.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task What_a_quick_command_says_on_its_terminal_is_not_lost()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        for (int i = 0; i < 20; i++)
        {
            await using IExecSession session = await node.Runtime.ExecAsync(new ExecRequest(id, ["echo", "quick"], Tty: true, Stdin: false), default);
            Assert.Equal("quick\r\n", await ReadAsync(session.Stdout));
        }
    }

    [Fact]
    public async Task Disposing_a_session_kills_its_command()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        IExecSession session = await node.Runtime.ExecAsync(new ExecRequest(id, ["sleep", "2000"], Tty: false, Stdin: false), default);
        await session.DisposeAsync();
        Assert.Equal(137, await session.ExitCode.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task Disposing_a_session_kills_what_its_command_has_started_as_well()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        string child;
        await using (IExecSession session = await node.Runtime.ExecAsync(new ExecRequest(id, ["sh", "-c", "sleep 1000 & echo $!; wait"], Tty: false, Stdin: false), default))
        {
            using StreamReader reader = new(session.Stdout, leaveOpen: true);
            child = (await reader.ReadLineAsync())!;
        }
        // The container's first process does not reap: what is dead stays as a zombie.
        string script = $"for i in $(seq 100); do case \"$(cut -d' ' -f3 /proc/{child}/stat 2>/dev/null)\" in ''|Z) exit 0;; esac; usleep 100000; done; exit 1";
        Assert.Equal(0, (await ExecAsync(node, id, ["sh", "-c", script])).Item3);
    }

    [Fact]
    public async Task A_command_ends_with_its_container()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        await using IExecSession session = await node.Runtime.ExecAsync(new ExecRequest(id, ["sleep", "2000"], Tty: false, Stdin: false), default);
        await node.Runtime.StopContainerAsync(id, TimeSpan.Zero, null, default);
        Assert.Equal(137, await session.ExitCode.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task A_command_that_is_not_there_or_a_container_that_does_not_run_is_an_error()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (Pod pod, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        PodRuntimeException missing = await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.ExecAsync(new ExecRequest(id, ["nope"], false, false), default));
        Assert.Equal("container default/execs/main: exec: \"nope\": executable file not found in $PATH", missing.Message);
        await node.Runtime.StopContainerAsync(id, TimeSpan.Zero, null, default);
        PodRuntimeException ended = await Assert.ThrowsAsync<PodRuntimeException>(() => node.Runtime.ExecAsync(new ExecRequest(id, ["true"], false, false), default));
        Assert.Equal(RuntimeFailure.NotRunning, ended.Failure);
        Assert.NotNull(pod);
    }

    [Fact]
    public async Task Commands_work_after_a_restart_of_the_agent()
    {
        await using TestNode node = await TestNode.OpenAsync();
        (_, ContainerId id) = await RunningAsync(node, TestNode.Shell("exec sleep 1000"));
        IExecSession left = await node.Runtime.ExecAsync(new ExecRequest(id, ["sleep", "3000"], Tty: false, Stdin: false), default);
        await node.RestartAsync();
        Assert.Equal(("hi\n", "", 0), await ExecAsync(node, id, ["echo", "hi"]));
        await TestNode.UntilAsync(() => !Directory.EnumerateDirectories("/proc").Any(IsLeftover));
        await left.DisposeAsync();
    }

    private static bool IsLeftover(string folder)
    {
        try
        {
            return File.ReadAllText(folder + "/cmdline") == "sleep\0" + "3000\0";
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task<(Pod Pod, ContainerId Id)> RunningAsync(TestNode node, Container container)
    {
        Pod pod = node.PodOf("execs", container);
        await node.RunSandboxAsync(pod);
        return (pod, await node.StartAsync(pod));
    }

    private static async Task<(string Output, string Error, int Code)> ExecAsync(TestNode node, ContainerId id, IReadOnlyList<string> command)
    {
        await using IExecSession session = await node.Runtime.ExecAsync(new ExecRequest(id, command, Tty: false, Stdin: false), default);
        Task<string> error = ReadAsync(session.Stderr!);
        string output = await ReadAsync(session.Stdout);
        return (output, await error, await session.ExitCode.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    private static async Task<string> ReadAsync(Stream stream)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(20));
        using MemoryStream all = new();
        await stream.CopyToAsync(all, deadline.Token);
        return Encoding.UTF8.GetString(all.ToArray());
    }
}
