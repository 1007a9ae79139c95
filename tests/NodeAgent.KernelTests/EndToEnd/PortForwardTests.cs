using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using NodeAgent.Testing.Agent;
using Xunit;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>podctl port-forward on a real daemon, to a server on a pod's loopback: needs root, umoci, busybox-static and <c>make build</c>.</summary>
public sealed class PortForwardTests(AgentFixture fixture) : IClassFixture<AgentFixture>
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    private AgentProcess Agent => fixture.Agent;

    [Fact]
    public async Task A_local_port_leads_to_a_server_that_listens_on_the_pods_loopback_only()
    {
        const string script = "mkdir /www; echo heard >/www/page; httpd -p 127.0.0.1:8080 -h /www; " + AgentFixture.Serve;
        string yaml = AgentFixture.Pod("served", "", ("main", script)) + "\n    ports: [{name: talk, containerPort: 8080}]";
        Agent.Apply("served.yaml", yaml);
        await fixture.Api.WaitForPodAsync("served", pod => pod.IsReady(), "ready");
        (await Agent.PodctlAsync("exec", "served", "--", "sh", "-c", "i=0; until grep -q :1F90 /proc/net/tcp; do sleep 0.1; i=$((i+1)); [ $i -lt 100 ] || exit 1; done")).Checked();

        var info = new ProcessStartInfo(AgentProcess.BinFolder + "/podctl") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["--socket", Agent.ApiSocket, "port-forward", "pod/served", ":talk", ":9", "--address", "127.0.0.1"]) info.ArgumentList.Add(argument);
        using Process podctl = Process.Start(info)!;
        try
        {
            int talk = await PortAsync(podctl), nobody = await PortAsync(podctl);
            await Assert.ThrowsAsync<IOException>(() => AskAsync(nobody, "x"));
            Assert.Contains("connect to 127.0.0.1:9: connection refused", await podctl.StandardError.ReadLineAsync(Cancel));
            Assert.EndsWith("\r\n\r\nheard\n", await AskAsync(talk, "GET /page HTTP/1.0\r\n\r\n"));
            Assert.False(podctl.HasExited);
        }
        finally
        {
            podctl.Kill();
            await podctl.WaitForExitAsync(Cancel);
        }
        await fixture.DeleteAsync("served");
    }

    private static async Task<int> PortAsync(Process podctl)
    {
        string line = await podctl.StandardOutput.ReadLineAsync(Cancel) ?? "";
        Assert.StartsWith("Forwarding from 127.0.0.1:", line);
        return int.Parse(line.Split(' ')[2].Split(':')[1]);
    }

    private static async Task<string> AskAsync(int port, string question)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, Cancel);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(question), Cancel);
        client.Client.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await reader.ReadToEndAsync(Cancel);
    }
}
