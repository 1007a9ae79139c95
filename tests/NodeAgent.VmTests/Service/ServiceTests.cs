using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Service;

/// <summary>podagent as a service of a real systemd.</summary>
[Trait("Set", "smoke")]
public sealed class ServiceTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    private const string Pair = "pair.yaml";
    private static readonly string s_pair = PodYaml.OfScripts("pair", GuestAgent.Image, "terminationGracePeriodSeconds: 5",
        ("server", "mkdir /tmp/pages && echo served >/tmp/pages/index.html; trap 'exit 0' TERM; httpd -f -p 8080 -h /tmp/pages & wait"), ("client", PodYaml.Serve));

    [Fact]
    public async Task A_pod_of_two_containers_reaches_Running_and_goes_again_without_a_trace_or_an_error_in_the_journal()
    {
        await Agent.ApplyAsync(Pair, s_pair);
        await Agent.WaitForRunningAsync("pair");
        Assert.Equal("served", await Agent.PodctlAsync("exec pair -c client -- wget -qO- http://localhost:8080/"));

        await Agent.DeleteAsync("pair");
        await Machine.OutputAsync("systemctl stop podagent.service");

        Assert.Empty(await Agent.LedgerAsync());
        Assert.Empty(await Agent.PodProcessesAsync());
        Assert.Equal("", await Agent.JournalErrorsAsync());
        Assert.Equal("", await Machine.OutputAsync("ls -A /var/lib/systemd/coredump"));
        Assert.Equal("running", (await Machine.RunAsync("systemctl is-system-running")).Output);
    }

    [Fact]
    public async Task After_a_reboot_the_pods_come_back_on_their_own()
    {
        await Agent.ApplyAsync(Pair, s_pair);
        await Agent.ApplyAsync("single.yaml", PodYaml.OfScripts("single", GuestAgent.Image, "", ("main", PodYaml.Serve)));
        JsonNode before = await Agent.WaitForRunningAsync("pair");
        await Agent.WaitForRunningAsync("single");

        await Machine.RebootAsync();

        JsonNode after = await Agent.WaitForRunningAsync("pair");
        await Agent.WaitForRunningAsync("single");
        Assert.Equal(before.PodUid(), after.PodUid());
        Assert.NotEqual(StartedAt(before), StartedAt(after));
        Assert.Equal("served", await Agent.PodctlAsync("exec pair -c client -- wget -qO- http://localhost:8080/"));
        Assert.Equal("", await Agent.JournalErrorsAsync());
    }

    private static string StartedAt(JsonNode pod) => pod.Container("server")["state"]!["running"]!["startedAt"]!.GetValue<string>();
}
