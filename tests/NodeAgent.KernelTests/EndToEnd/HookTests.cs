using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>Hooks of real containers. What happens is written down in a folder of the host.</summary>
public sealed class HookTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task Commands_run_after_the_start_and_before_the_stop_signal_in_the_container_itself()
    {
        string notes = Apply("commands", "trap 'echo term >> /out/notes; exit 0' TERM; while :; do sleep 1000 & wait; done", """
            postStart: {exec: {command: [sh, -c, 'hostname > /out/notes']}}
            preStop: {exec: {command: [sh, -c, 'echo stopping >> /out/notes; sleep 1; echo stopped >> /out/notes']}}
            """);
        await Api.WaitForPodAsync("commands", pod => pod.IsReady(), "ready");
        Assert.Equal("commands\n", await File.ReadAllTextAsync(notes));
        await fixture.DeleteAsync("commands");
        Assert.Equal("commands\nstopping\nstopped\nterm\n", await File.ReadAllTextAsync(notes));
    }

    [Fact]
    public async Task A_request_before_the_stop_reaches_the_containers_server()
    {
        string notes = Apply("requests", "exec busybox httpd -f -vv -p 8080 2>> /out/notes", """
            preStop: {httpGet: {path: /bye, port: web}}
            """);
        await Api.WaitForPodAsync("requests", pod => pod.IsReady(), "ready");
        await fixture.DeleteAsync("requests");
        Assert.Contains("url:/bye", await File.ReadAllTextAsync(notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hook_that_fails_after_the_start_ends_the_container_and_says_why()
    {
        Apply("broken", AgentFixture.Serve, "postStart: {exec: {command: [sh, -c, 'echo no such database >&2; exit 7']}}");
        JsonNode pod = await Api.WaitForPodAsync("broken", p => p.WaitingReason("main") == "CrashLoopBackOff", "back-off");
        Assert.Equal(1, pod.Restarts("main"));
        await Api.WaitForEventAsync("broken", "main", "PostStartHook failed: command 'sh -c echo no such database >&2; exit 7' exited with 7: no such database");
        await Api.WaitForEventAsync("broken", "main", "its postStart hook failed");
        await fixture.DeleteAsync("broken");
    }

    [Fact]
    public async Task A_preStop_that_does_not_end_is_cut_off_with_its_container_when_the_grace_is_over()
    {
        Apply("endless", AgentFixture.Serve, "preStop: {exec: {command: [sleep, '1000000']}}");
        JsonNode pod = await Api.WaitForPodAsync("endless", p => p.IsReady(), "ready");
        List<int> before = Agent.ContainerPids(pod.ContainerId("main"));
        await fixture.DeleteAsync("endless");
        Assert.All(before, pid => Assert.False(Directory.Exists($"/proc/{pid}")));
        await Api.WaitForEventAsync("endless", "main", "PreStopHook not completed in grace period");
    }

    /// <returns>The file that the container has as <c>/out/notes</c>.</returns>
    private string Apply(string name, string script, string lifecycle)
    {
        string folder = $"{Agent.Root}/notes-{name}";
        Directory.CreateDirectory(folder);
        Agent.Apply(name + ".yaml", $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}} }
            spec:
              terminationGracePeriodSeconds: 3
              volumes:
              - {name: out, hostPath: {path: "{{folder}}" } }
              containers:
              - name: main
                image: {{AgentFixture.Image}}
                command: [sh, -c, "{{script}}"]
                ports: [{name: web, containerPort: 8080}]
                volumeMounts:
                - {name: out, mountPath: /out}
                lifecycle:
                  {{lifecycle.Replace("\n", "\n      ", StringComparison.Ordinal)}}
            """);
        return folder + "/notes";
    }
}
