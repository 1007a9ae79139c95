using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Resize;

/// <summary>What a machine of two processors takes, and what it does not.</summary>
public sealed class AdmissionTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    [Fact]
    public async Task What_the_reservations_leave_is_given_to_pods_and_what_ran_before_stays()
    {
        await Agent.ApplyAsync("first.yaml", Pod("first", "1800m"));
        JsonNode first = await Agent.WaitForRunningAsync("first");
        await Agent.ApplyAsync("second.yaml", Pod("second", "300m"));
        JsonNode second = await Agent.Api.WaitForPodAsync("second", pod => pod.Phase() == "Failed", "refused");
        Assert.Equal("OutOfcpu", second["status"]!["reason"]!.GetValue<string>());
        Assert.Equal(
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 300, used: 1800, capacity: 2000", second["status"]!["message"]!.GetValue<string>());

        // The wait on the API breaks with the restart: the restarted agent is a new one to ask.
        await Machine.OutputAsync("""
            printf 'systemReserved: {cpu: 1500m, memory: 512Mi}\nmaxPods: 7\n' >>/etc/podagent/config/podagent.yaml
            systemctl restart podagent.service
            """);
        JsonNode node = JsonNode.Parse(await Agent.PodctlAsync("get node -o json"))!;
        JsonNode status = (node["items"]?[0] ?? node)["status"]!;
        Assert.Equal(("2", "500m", "7"), ((string)status["capacity"]!["cpu"]!, (string)status["allocatable"]!["cpu"]!, (string)status["allocatable"]!["pods"]!));
        JsonNode stays = await Agent.WaitForRunningAsync("first");
        Assert.Equal(first.ContainerId("main"), stays.ContainerId("main"));

        await Agent.ApplyAsync("third.yaml", Pod("third", "100m"));
        JsonNode third = await Agent.Api.WaitForPodAsync("third", pod => pod.Phase() == "Failed", "refused");
        Assert.Equal(
            "Pod was rejected: Node didn't have enough resource: cpu, requested: 100, used: 1800, capacity: 500", third["status"]!["message"]!.GetValue<string>());
    }

    private static string Pod(string name, string cpu) =>
        PodYaml.OfScripts(name, GuestAgent.Image, "terminationGracePeriodSeconds: 2", ("main", PodYaml.Serve)) + $"\n    resources: {{requests: {{cpu: {cpu}}}}}";
}
