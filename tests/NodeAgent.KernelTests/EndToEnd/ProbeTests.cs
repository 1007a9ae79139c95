using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>Probes of real containers, against real servers. Needs what the class's fixture needs, and python3-grpcio.</summary>
public sealed class ProbeTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private const string Ready = "";

    /// <summary>Name, readiness probe, and what an event says of it; nothing where the container just becomes ready.</summary>
    private static readonly (string Name, string Probe, bool IsReady, string Says)[] Cases =
    [
        ("http", "httpGet: {path: /ok, port: 8001}", true, Ready),
        ("named-port", "httpGet: {path: /ok, port: web}", true, Ready),
        ("chunked", "httpGet: {path: /chunked, port: 8001}", true, Ready),
        ("early-hints", "httpGet: {path: /early-hints, port: 8001}", true, Ready),
        ("gigabyte", "httpGet: {path: /gigabyte, port: 8001}", true, Ready),
        ("headers", "httpGet: {path: '/asks?for=headers', port: 8001, httpHeaders: [{name: Host, value: web.example}, {name: X-Probe, value: 'yes'}, {name: Accept, value: ''}]}", true, Ready),
        ("moved-here", "httpGet: {path: /moved-here, port: 8001}", true, Ready),
        ("moved-port", "httpGet: {path: /moved-port, port: 8001}", true, Ready),
        ("moved-away", "httpGet: {path: /moved-away, port: 8001}", true, "Readiness probe warning: Probe terminated redirects: http://127.0.0.1:8001/moved-away leads to http://elsewhere.invalid:80/ok"),
        ("https", "httpGet: {path: /ok, port: 8443, scheme: HTTPS}", true, Ready),
        ("tcp", "tcpSocket: {port: 8001}", true, Ready),
        ("tcp-hangs", "tcpSocket: {port: 8002}", true, Ready),
        ("grpc", "grpc: {port: 8004}", true, Ready),
        ("exec", "exec: {command: [sh, -c, 'test -d /proc/1']}", true, Ready),
        ("fails", "httpGet: {path: /fails, port: 8001}", false, "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("stalls", "httpGet: {path: /stalls, port: 8001}", false, "Get \"http://127.0.0.1:8001/stalls\": no answer within 1 s"),
        ("stalls-in-body", "httpGet: {path: /stalls-in-body, port: 8001}", false, "no answer within 1 s"),
        ("http-hangs", "httpGet: {port: 8002}", false, "no answer within 1 s"),
        ("cut", "httpGet: {path: /cut, port: 8001}", false, "the server closed the connection in the middle of the header"),
        ("no-http", "httpGet: {path: /no-http, port: 8001}", false, "malformed HTTP response \"SSH-2.0-OpenSSH_9.2\""),
        ("round", "httpGet: {path: /round, port: 8001}", false, "stopped after 10 redirects"),
        ("refused", "httpGet: {path: /ok, port: 8003}", false, "Get \"http://127.0.0.1:8003/ok\": connection refused"),
        ("http-to-tls", "httpGet: {path: /ok, port: 8443}", false, "Get \"http://127.0.0.1:8443/ok\": "),
        ("tls-to-http", "httpGet: {path: /ok, port: 8001, scheme: HTTPS}", false, "Get \"https://127.0.0.1:8001/ok\": "),
        ("no-port", "httpGet: {path: /ok, port: nowhere}", false, "Readiness probe errored: the container has no port 'nowhere'"),
        ("tcp-refused", "tcpSocket: {port: 8003}", false, "dial tcp 127.0.0.1:8003: connection refused"),
        ("grpc-ill", "grpc: {port: 8004, service: ill}", false, "service unhealthy (responded with \"NOT_SERVING\" for ill)"),
        ("grpc-none", "grpc: {port: 8005}", false, "this server does not implement the grpc health protocol"),
        ("grpc-refused", "grpc: {port: 8003}", false, "health rpc probe failed: 127.0.0.1:8003: connection refused"),
        ("grpc-hangs", "grpc: {port: 8002}", false, "no answer within 1 s"),
        ("exec-fails", "exec: {command: [sh, -c, 'echo it is broken >&2; exit 3']}", false, "Readiness probe failed: it is broken"),
        ("exec-hangs", "exec: {command: [sleep, '1000']}", false, "command timed out: \"sleep 1000\" within 1 s"),
        ("exec-missing", "exec: {command: [/no/such/command]}", false, "Readiness probe errored: "),
    ];

    private AgentProcess Agent => fixture.Agent;
    private AgentApi Api => fixture.Api;

    [Fact]
    public async Task Every_kind_of_server_is_judged_as_it_deserves()
    {
        string folder = Agent.Root + "/probed";
        ProbeServer.Prepare(folder);
        (string server, string volumes) = ProbeServer.Of(AgentFixture.Image, folder);
        string probed = string.Join('\n', Cases.Select(c => $$$"""
            - name: {{{c.Name}}}
              image: {{{AgentFixture.Image}}}
              command: [sleep, '1000000']
              ports: [{name: "web{{{(c.Name == "named-port" ? "" : "-" + Array.IndexOf(Cases, c))}}}", containerPort: 8001}]
              readinessProbe: {periodSeconds: 1, failureThreshold: 1, {{{c.Probe}}} }
            """));
        Agent.Apply("probed.yaml", Manifest("probed", $"terminationGracePeriodSeconds: 0\n{volumes}\ncontainers:\n{server}\n{probed}"));

        string[] ready = [.. Cases.Where(c => c.IsReady).Select(c => c.Name)];
        await Api.WaitForPodAsync("probed", pod => ready.All(name => IsReady(pod, name)), string.Join(", ", ready) + " ready");
        foreach ((string name, _, _, string says) in Cases.Where(c => c.Says.Length > 0))
            await Api.WaitForEventAsync("probed", name, says);
        JsonNode pod = (await Api.GetAsync("/api/v1/namespaces/default/pods/probed"))!;
        Assert.Equal(
            Cases.Select(c => (c.Name, c.IsReady)),
            Cases.Select(c => (c.Name, pod.Container(c.Name)["ready"]!.GetValue<bool>())));
        Assert.All(Cases, c => Assert.Equal(0, pod.Restarts(c.Name)));
        await fixture.DeleteAsync("probed");
    }

    [Fact]
    public async Task A_failed_liveness_probe_ends_its_container_within_the_probes_own_grace_and_no_other()
    {
        Agent.Apply("ill.yaml", Manifest("ill", $$$"""
            terminationGracePeriodSeconds: 3600
            containers:
            - name: ill
              image: {{{AgentFixture.Image}}}
              command: [sh, -c, "trap '' TERM; while :; do sleep 1000 & wait; done"]
              livenessProbe: {periodSeconds: 1, failureThreshold: 2, terminationGracePeriodSeconds: 1, exec: {command: [sh, -c, 'echo ill; exit 1']}}
            - name: well
              image: {{{AgentFixture.Image}}}
              command: [sleep, '1000000']
              livenessProbe: {periodSeconds: 1, failureThreshold: 1, exec: {command: ['true']}}
            """));
        JsonNode pod = await Api.WaitForPodAsync("ill", p => p.Restarts("ill") == 1 && p.Runs("ill"), "one restart");
        Assert.Equal(137, pod.Terminated("ill")!["exitCode"]!.GetValue<int>());
        Assert.Equal(0, pod.Restarts("well"));
        await Api.WaitForEventAsync("ill", "ill", "Liveness probe failed: ill");
        await Api.WaitForEventAsync("ill", "ill", "stopping container ill: it failed its liveness probe");
        await KillAsync("ill");
    }

    [Fact]
    public async Task Until_the_startup_probe_has_passed_nothing_else_is_asked_and_afterwards_it_is_asked_no_more()
    {
        // Each probe leaves a mark; the startup probe passes when it is asked the third time.
        const string startup = "echo s >> /tmp/marks; test $(grep -c s /tmp/marks) -ge 3";
        Agent.Apply("starting.yaml", Manifest("starting", $$$"""
            terminationGracePeriodSeconds: 0
            containers:
            - name: main
              image: {{{AgentFixture.Image}}}
              command: [sleep, '1000000']
              startupProbe: {periodSeconds: 1, failureThreshold: 30, exec: {command: [sh, -c, '{{{startup}}}']}}
              livenessProbe: {periodSeconds: 1, exec: {command: [sh, -c, 'echo l >> /tmp/marks']}}
              readinessProbe: {periodSeconds: 1, successThreshold: 2, exec: {command: [sh, -c, 'echo r >> /tmp/marks']}}
            """));
        JsonNode unready = await Api.WaitForPodAsync("starting", pod => pod.Runs("main"), "running");
        Assert.False(unready.Container("main")["started"]!.GetValue<bool>());
        await Api.WaitForPodAsync("starting", pod => pod.IsReady(), "ready");

        string marks = (await Agent.PodctlAsync("exec", "starting", "--", "cat", "/tmp/marks")).Checked().Output.Replace("\n", "", StringComparison.Ordinal);
        Assert.StartsWith("sss", marks, StringComparison.Ordinal);
        Assert.Equal(3, marks.Count(mark => mark == 's'));
        Assert.InRange(marks.Count(mark => mark == 'r'), 2, int.MaxValue);
        await fixture.DeleteAsync("starting");
    }

    [Fact]
    public async Task A_restart_of_the_agent_moves_no_readiness_and_restarts_nothing()
    {
        Agent.Apply("steady.yaml", Manifest("steady", $$$"""
            terminationGracePeriodSeconds: 0
            containers:
            - name: ready
              image: {{{AgentFixture.Image}}}
              command: [sleep, '1000000']
              startupProbe: {periodSeconds: 1, exec: {command: ['true']}}
              livenessProbe: {periodSeconds: 1, exec: {command: ['true']}}
              readinessProbe: {periodSeconds: 1, exec: {command: ['true']}}
            - name: unready
              image: {{{AgentFixture.Image}}}
              command: [sleep, '1000000']
              readinessProbe: {periodSeconds: 1, exec: {command: ['false']}}
            """));
        JsonNode before = await Api.WaitForPodAsync("steady", pod => IsReady(pod, "ready") && pod.Runs("unready"), "ready");
        await Agent.StopAsync();
        await Agent.StartAsync();

        JsonNode after = await Api.GetAsync("/api/v1/namespaces/default/pods/steady");
        Assert.Equal(before.Container("ready").ToJsonString(), after.Container("ready").ToJsonString());
        Assert.Equal(before["status"]!["conditions"]!.ToJsonString(), after["status"]!["conditions"]!.ToJsonString());
        Assert.False(after.Container("unready")["ready"]!.GetValue<bool>());
        await fixture.DeleteAsync("steady");
    }

    private async Task KillAsync(string name)
    {
        Agent.Delete(name + ".yaml");
        await Api.WaitForPodAsync(name, pod => pod["metadata"]!["deletionTimestamp"] is not null, "being ended");
        foreach (string container in new[] { "ill", "well" })
        {
            JsonNode pod = await Api.GetAsync($"/api/v1/namespaces/default/pods/{name}");
            foreach (int pid in Agent.ContainerPids(pod.ContainerId(container)))
                System.Diagnostics.Process.GetProcessById(pid).Kill();
        }
        await Api.WaitForPodGoneAsync(name);
    }

    private static bool IsReady(JsonNode pod, string container) => pod.TryContainer(container)?["ready"]?.GetValue<bool>() == true;

    private static string Manifest(string name, string spec) => $"""
        apiVersion: v1
        kind: Pod
        metadata: {"{"}name: {name}{"}"}
        spec:
          {spec.Replace("\n", "\n  ", StringComparison.Ordinal)}
        """;
}
