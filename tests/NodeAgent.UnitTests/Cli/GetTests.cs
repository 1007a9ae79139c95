using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using NodeAgent.UnitTests.Api;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace NodeAgent.UnitTests.Cli;

public sealed class GetTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact(DisplayName = "pods in a table as kubectl prints it")]
    public async Task Table()
    {
        Seed();
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "get", "pods");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            """
            NAME   READY   STATUS             RESTARTS     AGE
            db     0/1     CrashLoopBackOff   3 (6m ago)   5m
            web    1/1     Running            0            5m

            """, run.Out);
    }

    [Fact(DisplayName = "wide adds address, node and gates, and all namespaces add theirs")]
    public async Task Wide()
    {
        Seed();
        Assert.Equal(
            """
            NAME   READY   STATUS             RESTARTS     AGE   IP          NODE    NOMINATED NODE   READINESS GATES
            db     0/1     CrashLoopBackOff   3 (6m ago)   5m    10.88.0.2   node1   <none>           <none>
            web    1/1     Running            0            5m    10.88.0.2   node1   <none>           <none>

            """, (await PodctlRun.AgainstAsync(_api, "get", "po", "-o", "wide")).Out);
        Assert.Equal(
            """
            NAMESPACE   NAME   READY   STATUS             RESTARTS     AGE
            default     db     0/1     CrashLoopBackOff   3 (6m ago)   5m
            default     web    1/1     Running            0            5m
            kube        dns    1/1     Running            0            5m

            """, (await PodctlRun.AgainstAsync(_api, "get", "pod", "-A")).Out);
    }

    [Theory(DisplayName = "one pod by any of the forms, by namespace, label or field")]
    [InlineData("get pods web", "web ")]
    [InlineData("get pod/web", "web ")]
    [InlineData("get po/web", "web ")]
    [InlineData("-n kube get pods", "dns ")]
    [InlineData("get pods -n kube", "dns ")]
    [InlineData("get pods -l app=web", "web ")]
    [InlineData("get pods -A --field-selector metadata.name=dns", "kube ")]
    public async Task One(string line, string start)
    {
        Seed();
        PodctlRun run = await PodctlRun.AgainstAsync(_api, [.. line.Split(' '), "--no-headers"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.StartsWith(start, Assert.Single(run.Out.TrimEnd('\n').Split('\n')));
    }

    [Fact(DisplayName = "a name that there is not exits with 3, after those that there are")]
    public async Task Missing()
    {
        Seed();
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "get", "pods", "nobody", "web", "-o", "name");
        Assert.Equal((3, "pod/web\n"), (run.Code, run.Out));
        Assert.Equal("podctl: get pod/nobody: pods \"nobody\" not found in namespace default; podctl get pods -A shows all\n", run.Error);
    }

    [Fact(DisplayName = "nothing found is said on stderr and is no failure")]
    public async Task None()
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "get", "pods");
        Assert.Equal((0, "", "No resources found in default namespace.\n"), (run.Code, run.Out, run.Error));
        Assert.Equal("No resources found\n", (await PodctlRun.AgainstAsync(_api, "get", "pods", "-A")).Error);
        PodctlRun json = await PodctlRun.AgainstAsync(_api, "get", "pods", "-o", "json");
        Assert.Equal(("", 0), (json.Error, JsonNode.Parse(json.Out)!["items"]!.AsArray().Count));
    }

    [Fact(DisplayName = "json and yaml say the same, with keys in order of their names")]
    public async Task JsonAndYaml()
    {
        Seed();
        string json = (await PodctlRun.AgainstAsync(_api, "get", "pod", "db", "-o", "json")).Out;
        Assert.StartsWith("{\n    \"apiVersion\": \"v1\",\n    \"kind\": \"Pod\",\n    \"metadata\": {\n        \"creationTimestamp\":", json);
        string yaml = (await PodctlRun.AgainstAsync(_api, "get", "pod", "db", "-o", "yaml")).Out;
        Assert.StartsWith("apiVersion: v1\nkind: Pod\nmetadata:\n  creationTimestamp: \"2026-03-01T11:55:00Z\"\n  labels:\n    app: db\n", yaml);
        Assert.Contains("  containers:\n  - image: busybox\n    name: main\n", yaml);
        var document = new YamlStream();
        document.Load(new StringReader(yaml));
        Assert.Equal(JsonNode.Parse(json)!.ToJsonString(), Canonical(document.Documents[0].RootNode).ToJsonString());
        Assert.Equal("PodList", (string)JsonNode.Parse((await PodctlRun.AgainstAsync(_api, "get", "pods", "-o", "json")).Out)!["kind"]!);
    }

    [Fact(DisplayName = "the other kinds have their tables")]
    public async Task OtherKinds()
    {
        _api.Images.Add("docker.io/library/busybox:latest", 2_160_000);
        Assert.Equal(
            """
            NAME                               IMAGE ID       SIZE     AGE
            docker.io/library/busybox:latest   aaaaaaaaaaaa   2.16MB   60m

            """, (await PodctlRun.AgainstAsync(_api, "get", "images")).Out);
        Assert.Equal(
            """
            NAME    STATUS   ROLES    AGE   VERSION
            node1   Ready    <none>   3d    v0.1.0

            """, (await PodctlRun.AgainstAsync(_api, "get", "node")).Out);
        _api.Events.Record(_api.RunningPod("default", "web"), EventType.Warning, "BackOff", "back-off 10s restarting failed container\nmore");
        _api.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(
            """
            LAST SEEN   TYPE      REASON    OBJECT    MESSAGE
            30s         Warning   BackOff   pod/web   back-off 10s restarting failed container...

            """, (await PodctlRun.AgainstAsync(_api, "get", "events")).Out);
    }

    [Fact(DisplayName = "faulty manifests are listed, and warned of when pods are")]
    public async Task ManifestErrors()
    {
        Seed();
        _api.ManifestErrors.Set("/etc/podagent/x.yaml", [new ManifestFault(3, 5, "spec.containers[0].image", "is missing")]);
        PodctlRun pods = await PodctlRun.AgainstAsync(_api, "get", "pods");
        Assert.Equal((0, "Warning: /etc/podagent/x.yaml:3:5: spec.containers[0].image: is missing\n"), (pods.Code, pods.Error));
        Assert.Contains("/etc/podagent/x.yaml   1        0s    /etc/podagent/x.yaml:3:5: spec.containers[0].image: is missing",
            (await PodctlRun.AgainstAsync(_api, "get", "manifesterrors")).Out);
    }

    [Fact(DisplayName = "a terminal is not obeyed: control characters in cells are shown, not sent")]
    public async Task ControlCharacters()
    {
        _api.Events.Record(_api.RunningPod("default", "web"), EventType.Normal, "Odd", "a\u001b[31mred\u0007");
        Assert.Contains("a^[[31mred^G", (await PodctlRun.AgainstAsync(_api, "get", "events")).Out);
    }

    [Fact(DisplayName = "a watch prints the table, then a row per change below the same headers, and ends with 1 when the agent goes")]
    public async Task Watch()
    {
        Seed();
        using var output = new WaitingStream();
        using var error = new MemoryStream();
        using var io = new NodeAgent.Cli.PodctlIo(Stream.Null, output, error) { Time = _api.Time };
        Task<int> watching = PodctlRun.StartAsync(io, "--socket", _api.Paths.ApiSocket, "get", "pods", "-w");
        await output.WaitForAsync("web    1/1     Running            0            5m\n");
        _api.Pods.Remove(new PodUid("db"));
        await output.WaitForAsync("db     0/1     CrashLoopBackOff   3 (6m ago)   5m\n", times: 2);
        _api.Pods.Publish(_api.RunningPod("default", "api", uid: "api"), new PodUid("api"));
        await output.WaitForAsync("api    1/1     Running            0            5m\n");
        await _api.StopServerAsync();
        Assert.Equal(1, await watching);
        Assert.Equal("podctl: watch pods: the agent has closed the watch; is it being stopped?\n", System.Text.Encoding.UTF8.GetString(error.ToArray()));
    }

    private void Seed()
    {
        _api.Pods.Publish(_api.RunningPod("default", "web", uid: "web"), new PodUid("web"));
        Pod db = _api.RunningPod("default", "db", restarts: 3, uid: "db");
        ContainerStatus crashed = db.Status!.ContainerStatuses![0] with { Ready = false, State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = "CrashLoopBackOff" } } };
        _api.Pods.Publish(db with { Status = db.Status with { ContainerStatuses = [crashed] } }, new PodUid("db"));
        _api.Pods.Publish(_api.RunningPod("kube", "dns", uid: "dns"), new PodUid("dns"));
    }

    private static JsonNode Canonical(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, (JsonNode?)Canonical(pair.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Canonical)]),
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } scalar when long.TryParse(scalar.Value, out long number) => JsonValue.Create(number),
        YamlScalarNode { Style: YamlDotNet.Core.ScalarStyle.Plain } scalar when bool.TryParse(scalar.Value, out bool flag) => JsonValue.Create(flag),
        _ => JsonValue.Create(((YamlScalarNode)node).Value)!,
    };
}
