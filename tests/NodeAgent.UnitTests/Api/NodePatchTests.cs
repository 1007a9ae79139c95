using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using NodeAgent.Api;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.UnitTests.Cli;
using Xunit;

namespace NodeAgent.UnitTests.Api;

/// <summary>Opening and closing the node through the API, and podctl drain, cordon and uncordon above it.</summary>
public sealed class NodePatchTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    private const string DrainTaint = """{"key":"podagent.io/drain","effect":"NoExecute"}""";

    [Theory]
    [InlineData("kubectl cordon", NodeScheduling.Open, """{"spec":{"unschedulable":true}}""", NodeScheduling.Cordoned)]
    [InlineData("kubectl uncordon", NodeScheduling.Cordoned, """{"spec":{"unschedulable":null}}""", NodeScheduling.Open)]
    [InlineData("kubectl uncordon opens a drained node too", NodeScheduling.Drained, """{"spec":{"unschedulable":null}}""", NodeScheduling.Open)]
    [InlineData("a cordon does not weaken a drain", NodeScheduling.Drained, """{"spec":{"unschedulable":true}}""", NodeScheduling.Drained)]
    [InlineData("taints taken away leave a cordon", NodeScheduling.Drained, """{"spec":{"taints":[]}}""", NodeScheduling.Cordoned)]
    [InlineData("the drain taint drains", NodeScheduling.Open, """{"spec":{"taints":[""" + DrainTaint + "]}}", NodeScheduling.Drained)]
    [InlineData("an empty patch changes nothing", NodeScheduling.Drained, "{}", NodeScheduling.Drained)]
    public void A_patch_means(string what, NodeScheduling before, string patch, NodeScheduling after)
    {
        using JsonDocument document = JsonDocument.Parse(patch);
        Assert.True(after == NodePatch.Apply(before, document.RootElement), what);
    }

    [Theory]
    [InlineData("""{"metadata":{"labels":{"a":"b"}}}""", "metadata: only spec.unschedulable and spec.taints of a node can be changed")]
    [InlineData("""{"spec":{"podCIDR":"10.0.0.0/8"}}""", "spec.podCIDR: only spec.unschedulable and spec.taints of a node can be changed")]
    [InlineData("""{"spec":{"unschedulable":"yes"}}""", "spec.unschedulable: expected true, false or null")]
    [InlineData("""{"spec":{"taints":[{"key":"gpu","effect":"NoSchedule"}]}}""", "spec.taints: a node here has no taints but podagent.io/drain:NoExecute, not gpu:NoSchedule")]
    [InlineData("""{"spec":{"unschedulable":false,"taints":[""" + DrainTaint + "]}}", "spec.unschedulable: a drained node cannot be schedulable")]
    public void A_patch_of_anything_else_is_refused_with_its_field(string patch, string message)
    {
        using JsonDocument document = JsonDocument.Parse(patch);
        ApiException refused = Assert.Throws<ApiException>(() => NodePatch.Apply(NodeScheduling.Open, document.RootElement));
        Assert.Equal((422, message), (refused.Code, refused.Message));
    }

    [Fact]
    public async Task A_patch_over_the_socket_answers_with_the_changed_node_and_a_dry_run_changes_nothing()
    {
        api.Scheduling = NodeScheduling.Open;
        (HttpStatusCode code, JsonNode node) = await PatchAsync("/api/v1/nodes/node1?dryRun=All", "application/merge-patch+json", """{"spec":{"unschedulable":true}}""");
        Assert.Equal((HttpStatusCode.OK, NodeScheduling.Open), (code, api.Scheduling));
        (code, node) = await PatchAsync("/api/v1/nodes/node1", "application/strategic-merge-patch+json", """{"spec":{"unschedulable":true}}""");
        Assert.Equal((HttpStatusCode.OK, NodeScheduling.Cordoned), (code, api.Scheduling));
        Assert.True(node["spec"]!["unschedulable"]!.GetValue<bool>());
        Assert.Equal("Ready,SchedulingDisabled", (await PodctlRun.AgainstAsync(api, "get", "nodes", "--no-headers")).Out.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);

        (code, _) = await PatchAsync("/api/v1/nodes/other", "application/merge-patch+json", "{}");
        Assert.Equal(HttpStatusCode.NotFound, code);
        (code, _) = await PatchAsync("/api/v1/nodes/node1", "application/json-patch+json", "[]");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, code);
        (code, _) = await PatchAsync("/api/v1/nodes/node1", "application/merge-patch+json", "{");
        Assert.Equal(HttpStatusCode.BadRequest, code);
    }

    [Fact]
    public async Task Drain_waits_until_no_pod_runs_and_names_what_ended()
    {
        api.Pods.Publish(api.RunningPod("default", "web", uid: "u-web"), new("u-web"));
        api.Pods.Publish(api.RunningPod("system", "dns", uid: "u-dns"), new("u-dns"));
        api.Pods.Publish(Over(api.RunningPod("default", "job", uid: "u-job")), new("u-job"));
        api.SchedulingSet = scheduling =>
        {
            Assert.Equal(NodeScheduling.Drained, scheduling);
            _ = Task.Run(() =>
            {
                api.Pods.Publish(Held(api.RunningPod("default", "web", uid: "u-web")), new("u-web"));
                api.Pods.Remove(new("u-dns"));
            });
        };
        api.Scheduling = NodeScheduling.Open;
        PodctlRun run = await PodctlRun.AgainstAsync(api, "drain");
        Forget();

        Assert.Equal(("node/node1 cordoned\npod/default/web ended\npod/system/dns ended\nno pod runs\n", "", 0), (run.Out, run.Error, run.Code));
        run = await PodctlRun.AgainstAsync(api, "uncordon");
        Assert.Equal(("node/node1 uncordoned\n", 0, NodeScheduling.Open), (run.Out, run.Code, api.Scheduling));
    }

    [Fact]
    public async Task Drain_that_takes_too_long_fails_with_the_names_of_what_still_runs()
    {
        api.Pods.Publish(api.RunningPod("default", "web", uid: "u-web"), new("u-web"));
        api.Pods.Publish(api.RunningPod("default", "db", uid: "u-db"), new("u-db"));
        api.SchedulingSet = _ => api.Pods.Publish(Held(api.RunningPod("default", "web", uid: "u-web")), new("u-web"));
        PodctlRun run = await PodctlRun.AgainstAsync(api, "drain", "--timeout", "500ms");
        Forget();

        Assert.Equal(1, run.Code);
        Assert.Equal("podctl: drain: after 0.5 s still running: default/db; they go on ending, and none is started before podctl uncordon\n", run.Error);
    }

    private static Pod Over(Pod pod) => pod with { Status = pod.Status! with { Phase = PodPhase.Succeeded, ContainerStatuses = [] } };

    private static Pod Held(Pod pod) => pod with
    {
        Status = pod.Status! with
        {
            Phase = PodPhase.Pending,
            ContainerStatuses = [],
            Conditions = [new PodCondition { Type = PodConditionType.PodScheduled, Status = ConditionStatus.False }],
        },
    };

    private void Forget()
    {
        api.SchedulingSet = _ => { };
        foreach (string uid in (string[])["u-web", "u-dns", "u-job", "u-db"])
            api.Pods.Remove(new(uid));
    }

    private async Task<(HttpStatusCode Code, JsonNode Body)> PatchAsync(string path, string type, string patch)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, path) { Content = new StringContent(patch, Encoding.UTF8, type) };
        using HttpResponseMessage response = await api.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }
}
