using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class ApiReadTests(ApiFixture api) : IClassFixture<ApiFixture>
{
    [Fact(DisplayName = "a list is a PodList with the version to watch from, filtered by namespace, label and field")]
    public async Task Lists()
    {
        string ns = nameof(Lists).ToLowerInvariant();
        api.Pods.Publish(api.RunningPod(ns, "web", uid: "l1"), new PodUid("l1"));
        api.Pods.Publish(api.RunningPod(ns, "db", uid: "l2") with { Status = new PodStatus { Phase = "Failed" } }, new PodUid("l2"));
        (HttpStatusCode code, JsonNode list) = await api.GetAsync($"/api/v1/namespaces/{ns}/pods?limit=500");
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(("PodList", "v1"), ((string)list["kind"]!, (string)list["apiVersion"]!));
        Assert.Equal(api.Pods.Current.ResourceVersion.ToString(), (string)list["metadata"]!["resourceVersion"]!);
        Assert.Equal(["db", "web"], Names(list));
        Assert.Equal(["web"], Names((await api.GetAsync($"/api/v1/pods?labelSelector=app%3Dweb&fieldSelector=metadata.namespace%3D{ns}")).Body));
        Assert.Equal(["db"], Names((await api.GetAsync($"/api/v1/namespaces/{ns}/pods?fieldSelector=status.phase!%3DRunning")).Body));
        Assert.Empty(Names((await api.GetAsync("/api/v1/namespaces/elsewhere/pods?resourceVersion=0")).Body));
    }

    [Fact(DisplayName = "one pod carries kind, apiVersion, uid and version; its status path gives the same")]
    public async Task GetsOne()
    {
        api.Pods.Publish(api.RunningPod("getsone", "web", uid: "g1"), new PodUid("g1"));
        (HttpStatusCode code, JsonNode pod) = await api.GetAsync("/api/v1/namespaces/getsone/pods/web", "application/vnd.kubernetes.protobuf,application/json");
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(("Pod", "v1", "g1"), ((string)pod["kind"]!, (string)pod["apiVersion"]!, (string)pod["metadata"]!["uid"]!));
        Assert.True(long.Parse((string)pod["metadata"]!["resourceVersion"]!) > 0);
        Assert.Equal(pod.ToJsonString(), (await api.GetAsync("/api/v1/namespaces/getsone/pods/web/status")).Body.ToJsonString());
    }

    [Theory(DisplayName = "what can't be had is a Status object with code, reason and a message that says why")]
    [InlineData("GET", "/api/v1/namespaces/default/pods/nobody", 404, "NotFound", "pods \"nobody\" not found")]
    [InlineData("GET", "/api/v1/namespaces/default/pods/nobody/log", 404, "NotFound", "pods \"nobody\" not found")]
    [InlineData("GET", "/api/v1/nodes/other", 404, "NotFound", "nodes \"other\" not found")]
    [InlineData("GET", "/apis/apps/v1/deployments", 404, "NotFound", "the server could not find the requested resource: /apis/apps/v1/deployments")]
    [InlineData("POST", "/api/v1/namespaces/default/pods", 405, "MethodNotAllowed", "pods can't be changed through the API (POST): write, change or delete a manifest in /etc/podagent instead")]
    [InlineData("DELETE", "/api/v1/namespaces/default/pods/nobody", 404, "NotFound", "pods \"nobody\" not found")]
    [InlineData("DELETE", "/api/v1/namespaces/default/pods", 405, "MethodNotAllowed", "pods can't be changed through the API (DELETE): write, change or delete a manifest in /etc/podagent instead")]
    [InlineData("PATCH", "/api/v1/namespaces/default/pods/web", 405, "MethodNotAllowed", "pods can't be changed through the API (PATCH): write, change or delete a manifest in /etc/podagent instead")]
    [InlineData("GET", "/api/v1/pods?fieldSelector=spec.colour%3Dred", 400, "BadRequest", "field label not supported: spec.colour")]
    [InlineData("GET", "/api/v1/pods?labelSelector=a+near+(b)", 400, "BadRequest", "unable to parse requirement \"a near (b)\"")]
    [InlineData("GET", "/api/v1/pods?limit=many", 400, "BadRequest", "limit \"many\": expected a number that is not negative")]
    [InlineData("GET", "/api/v1/pods?watch=perhaps", 400, "BadRequest", "watch \"perhaps\": expected true or false")]
    [InlineData("GET", "/api/v1/pods?watch=1&resourceVersion=17", 410, "Expired", "too old resource version: 17")]
    [InlineData("GET", "/api/v1/pods?continue=abc", 410, "Expired", "the provided continue parameter")]
    [InlineData("GET", "/api/v1/nodes?watch=1", 405, "MethodNotAllowed", "nodes can't be watched")]
    public async Task Refusals(string method, string path, int status, string reason, string message)
    {
        (HttpStatusCode code, JsonNode body) = await api.GetAsync(path, method: new HttpMethod(method));
        Assert.Equal(status, (int)code);
        Assert.Equal(("Status", "v1", "Failure", reason), ((string)body["kind"]!, (string)body["apiVersion"]!, (string)body["status"]!, (string)body["reason"]!));
        Assert.Equal(status, (int)body["code"]!);
        Assert.StartsWith(message, (string)body["message"]!);
    }

    [Fact(DisplayName = "an answer in a form that is not spoken here is 406, and protobuf alone is such a form")]
    public async Task NotAcceptable()
    {
        (HttpStatusCode code, JsonNode body) = await api.GetAsync("/api/v1/pods", "application/vnd.kubernetes.protobuf");
        Assert.Equal((HttpStatusCode.NotAcceptable, "NotAcceptable"), (code, (string)body["reason"]!));
    }

    [Fact(DisplayName = "discovery names every group, version and resource with its verbs and short names, as clients that know no aggregated form need it")]
    public async Task Discovery()
    {
        const string Aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        Assert.Equal("v1", (string)(await api.GetAsync("/api", Aggregated)).Body["versions"]![0]!);
        Assert.Equal("podagent.io", (string)(await api.GetAsync("/apis", Aggregated)).Body["groups"]![0]!["name"]!);
        JsonArray core = (await api.GetAsync("/api/v1")).Body["resources"]!.AsArray();
        JsonNode pods = core.Single(resource => (string)resource!["name"]! == "pods")!;
        Assert.Equal(("pod", "po", true), ((string)pods["singularName"]!, (string)pods["shortNames"]![0]!, (bool)pods["namespaced"]!));
        Assert.Equal(["delete", "get", "list", "watch"], pods["verbs"]!.AsArray().Select(verb => (string)verb!));
        Assert.Contains((await api.GetAsync("/apis/podagent.io/v1alpha1")).Body["resources"]!.AsArray(), resource => (string)resource!["name"]! == "images");
        JsonNode version = (await api.GetAsync("/version")).Body;
        Assert.Equal(("1", "36", "v1.36.0-podagent.0.1.0"), ((string)version["major"]!, (string)version["minor"]!, (string)version["gitVersion"]!));
    }

    [Fact(DisplayName = "events are listed for the object a client describes")]
    public async Task Events()
    {
        Pod pod = api.RunningPod("events", "web", uid: "e1");
        api.Events.Record(pod, EventType.Normal, "Started", "started container main", "main");
        api.Events.Record(api.RunningPod("events", "db", uid: "e2"), EventType.Normal, "Pulled", "present");
        JsonNode list = (await api.GetAsync("/api/v1/namespaces/events/events?fieldSelector=involvedObject.name%3Dweb,involvedObject.namespace%3Devents,involvedObject.uid%3De1&limit=500")).Body;
        Assert.Equal("EventList", (string)list["kind"]!);
        JsonNode only = Assert.Single(list["items"]!.AsArray())!;
        Assert.Equal(("Started", "podagent"), ((string)only["reason"]!, (string)only["source"]!["component"]!));
    }

    [Fact(DisplayName = "the health paths say ok, or what is wrong; not ready is not dead")]
    public async Task Health()
    {
        Assert.Equal((HttpStatusCode.OK, "ok"), await TextAsync("/readyz"));
        api.NotReady = "recovery: 3 of 20 pods";
        Assert.Equal((HttpStatusCode.InternalServerError, "recovery: 3 of 20 pods\n"), await TextAsync("/readyz"));
        Assert.Equal((HttpStatusCode.OK, "ok"), await TextAsync("/livez"));
        api.NotReady = null;
        api.NotLive = "the pod workers have not turned for 60s";
        Assert.Equal(HttpStatusCode.InternalServerError, (await TextAsync("/healthz")).Code);
        Assert.Equal(HttpStatusCode.InternalServerError, (await TextAsync("/readyz")).Code);
        api.NotLive = null;
    }

    [Fact(DisplayName = "a broken manifest is listed, and warned of by the header that kubectl prints, when pods are listed")]
    public async Task ManifestErrorsShow()
    {
        api.ManifestErrors.Set("/etc/podagent/web.yaml", [new ManifestFault(3, 5, "spec.containers[0].image", "expected a \"string\"\ngot 7"), new ManifestFault(9, 1, null, "x")]);
        using HttpResponseMessage pods = await api.Client.GetAsync("/api/v1/pods", TestContext.Current.CancellationToken);
        Assert.Equal("299 podagent \"/etc/podagent/web.yaml:3:5: spec.containers[0].image: expected a \\\"string\\\" got 7 (and 1 more)\"",
            Assert.Single(pods.Headers.GetValues("Warning")));
        JsonNode error = Assert.Single((await api.GetAsync("/apis/podagent.io/v1alpha1/manifesterrors")).Body["items"]!.AsArray())!;
        Assert.Equal(("web.yaml", 3, 2), ((string)error["metadata"]!["name"]!, (int)error["faults"]![0]!["line"]!, error["faults"]!.AsArray().Count));
        api.ManifestErrors.Set("/etc/podagent/web.yaml", []);
        using HttpResponseMessage fine = await api.Client.GetAsync("/api/v1/pods", TestContext.Current.CancellationToken);
        Assert.False(fine.Headers.Contains("Warning"));
    }

    [Fact(DisplayName = "an image is loaded from the body or from a path, listed under its name, read and deleted; the spool is empty afterwards")]
    public async Task Images()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        using HttpResponseMessage posted = await api.Client.PostAsync("/apis/podagent.io/v1alpha1/images", new StringContent("localhost/web:1"), cancel);
        Assert.Equal(HttpStatusCode.Created, posted.StatusCode);
        string archive = Path.Combine(api.Root, "db.tar");
        await File.WriteAllTextAsync(archive, "ignored", cancel);
        using HttpResponseMessage byPath = await api.Client.PostAsync($"/apis/podagent.io/v1alpha1/images?path={archive}&name=localhost/db:2", null, cancel);
        Assert.Equal(HttpStatusCode.Created, byPath.StatusCode);
        Assert.Equal(["localhost/db:2", "localhost/web:1"], Names((await api.GetAsync("/apis/podagent.io/v1alpha1/images")).Body));
        Assert.Equal("Image", (string)(await api.GetAsync("/apis/podagent.io/v1alpha1/images/localhost/db:2")).Body["kind"]!);

        using HttpResponseMessage broken = await api.Client.PostAsync("/apis/podagent.io/v1alpha1/images", new StringContent("broken"), cancel);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, broken.StatusCode);
        Assert.Contains("not an image archive", await broken.Content.ReadAsStringAsync(cancel));
        using HttpResponseMessage empty = await api.Client.PostAsync("/apis/podagent.io/v1alpha1/images", null, cancel);
        Assert.Equal(HttpStatusCode.BadRequest, empty.StatusCode);
        Assert.Equal(404, (int)(await api.GetAsync("/apis/podagent.io/v1alpha1/images?path=/no/such", method: HttpMethod.Post)).Code);
        Assert.Empty(Directory.GetFiles(api.Paths.Root + "/uploads"));

        Assert.Equal("Success", (string)(await api.GetAsync("/apis/podagent.io/v1alpha1/images/localhost/db:2", method: HttpMethod.Delete)).Body["status"]!);
        (HttpStatusCode code, JsonNode gone) = await api.GetAsync("/apis/podagent.io/v1alpha1/images/localhost/db:2", method: HttpMethod.Delete);
        Assert.Equal((HttpStatusCode.NotFound, "images \"localhost/db:2\" not found"), (code, (string)gone["message"]!));
    }

    [Fact(DisplayName = "the socket is closed to others, and a second agent on it is refused while the first serves")]
    public async Task SocketMode()
    {
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite, File.GetUnixFileMode(api.Paths.ApiSocket));
        await using NodeAgent.Api.ApiServer second = api.NewServer();
        IOException error = await Assert.ThrowsAsync<IOException>(() => second.StartAsync(TestContext.Current.CancellationToken));
        Assert.Equal($"{api.Paths.ApiSocket}: another agent serves there; stop it, or give this one its own --socket", error.Message);
    }

    internal static IEnumerable<string> Names(JsonNode list) => list["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!);

    private async Task<(HttpStatusCode Code, string Text)> TextAsync(string path)
    {
        using HttpResponseMessage response = await api.Client.GetAsync(path, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}

public sealed class ApiLifeTests
{
    [Fact(DisplayName = "a socket left behind by a killed agent is replaced, and a stop removes the socket and ends open watches")]
    public async Task StartAndStop()
    {
        var api = new ApiFixture();
        Directory.CreateDirectory(Path.GetDirectoryName(api.Paths.ApiSocket)!);
        // Bound and moved, never listened on: what a connect finds after a kill.
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(api.Root + "/dead"));
            File.Move(api.Root + "/dead", api.Paths.ApiSocket);
        }
        await api.InitializeAsync();
        using HttpResponseMessage watch = await api.Client.GetAsync("/api/v1/pods?watch=1", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await api.StopServerAsync();
        // In good order: a connection that is cut off would throw here.
        Assert.Equal("", await watch.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.False(File.Exists(api.Paths.ApiSocket));
        await api.DisposeAsync();
    }
}
