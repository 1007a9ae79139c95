using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class ApiWatchTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact(DisplayName = "list, then watch from the list's version: each change once, in order, deletions with the last state")]
    public async Task ListThenWatch()
    {
        Publish("web");
        string version = (string)(await _api.GetAsync("/api/v1/pods")).Body["metadata"]!["resourceVersion"]!;
        await using Watch watch = await OpenAsync($"/api/v1/pods?watch=true&resourceVersion={version}");
        Publish("db");
        Publish("web", PodPhase.Failed);
        _api.Pods.Remove(new PodUid("web"));
        Assert.Equal(["ADDED db Running", "MODIFIED web Failed", "DELETED web Failed"], await watch.TakeAsync(3));
    }

    [Fact(DisplayName = "a watch without a version first adds everything there is")]
    public async Task FromNothing()
    {
        Publish("web");
        Publish("db");
        await using Watch watch = await OpenAsync("/api/v1/pods?watch=1");
        Assert.Equal(["ADDED db Running", "ADDED web Running"], await watch.TakeAsync(2));
        Publish("web", PodPhase.Succeeded);
        Assert.Equal(["MODIFIED web Succeeded"], await watch.TakeAsync(1));
    }

    [Fact(DisplayName = "a pod that comes into a selector's view is added there, and deleted when it leaves it")]
    public async Task Selectors()
    {
        Publish("web", PodPhase.Pending);
        await using Watch watch = await OpenAsync($"/api/v1/namespaces/default/pods?watch=1&fieldSelector=status.phase%3DRunning&resourceVersion={_api.Pods.Current.ResourceVersion}");
        Publish("web");
        Publish("other", PodPhase.Pending);
        Publish("web", PodPhase.Succeeded);
        Publish("web", PodPhase.Failed);
        Publish("last");
        Assert.Equal(["ADDED web Running", "DELETED web Succeeded", "ADDED last Running"], await watch.TakeAsync(3));
    }

    [Fact(DisplayName = "a watch list ends its initial events with the bookmark that is marked so")]
    public async Task WatchList()
    {
        Publish("web");
        await using Watch watch = await OpenAsync("/api/v1/pods?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&resourceVersion=");
        Assert.Equal("ADDED", (string)(await watch.NextAsync())!["type"]!);
        JsonNode bookmark = (await watch.NextAsync())!;
        Assert.Equal(("BOOKMARK", "Pod", "true"),
            ((string)bookmark["type"]!, (string)bookmark["object"]!["kind"]!, (string)bookmark["object"]!["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!));
        Assert.Equal(_api.Pods.Current.ResourceVersion.ToString(), (string)bookmark["object"]!["metadata"]!["resourceVersion"]!);
    }

    [Fact(DisplayName = "when its time is over a watch ends with a bookmark to go on from")]
    public async Task Timeout()
    {
        await using Watch watch = await OpenAsync($"/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion={_api.Pods.Current.ResourceVersion}");
        Publish("web");
        Assert.Equal("ADDED", (string)(await watch.NextAsync())!["type"]!);
        JsonNode bookmark = (await watch.NextAsync())!;
        Assert.Equal(("BOOKMARK", _api.Pods.Current.ResourceVersion.ToString()), ((string)bookmark["type"]!, (string)bookmark["object"]!["metadata"]!["resourceVersion"]!));
        Assert.Null(await watch.NextAsync());
    }

    [Fact(DisplayName = "as tables, the first event carries the columns and every one a single row")]
    public async Task Tables()
    {
        Publish("web");
        await using Watch watch = await OpenAsync("/api/v1/pods?watch=true", ApiFixture.TableAccept);
        Publish("db");
        JsonNode first = (await watch.NextAsync())!["object"]!, second = (await watch.NextAsync())!["object"]!;
        Assert.Equal(("Table", "meta.k8s.io/v1"), ((string)first["kind"]!, (string)first["apiVersion"]!));
        Assert.Equal("Name", (string)first["columnDefinitions"]![0]!["name"]!);
        Assert.Empty(second["columnDefinitions"]!.AsArray());
        Assert.Equal("db", (string)Assert.Single(second["rows"]!.AsArray())!["cells"]![0]!);
        Assert.Equal("PartialObjectMetadata", (string)second["rows"]![0]!["object"]!["kind"]!);
    }

    [Fact(DisplayName = "events can be watched; counting up is a modification")]
    public async Task Events()
    {
        await using Watch watch = await OpenAsync($"/api/v1/namespaces/default/events?watch=1&resourceVersion={_api.Events.Current.ResourceVersion}");
        for (int i = 0; i < 2; i++) _api.Events.Record(_api.RunningPod("default", "web"), EventType.Warning, "BackOff", "restarting");
        JsonNode added = (await watch.NextAsync())!, counted = (await watch.NextAsync())!;
        Assert.Equal(("ADDED", 1, "MODIFIED", 2), ((string)added["type"]!, (int)added["object"]!["count"]!, (string)counted["type"]!, (int)counted["object"]!["count"]!));
    }

    private void Publish(string name, string phase = PodPhase.Running) =>
        _api.Pods.Publish(StatusStoreTests.Pod("default", name, phase), new PodUid(name));

    private async Task<Watch> OpenAsync(string path, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        HttpResponseMessage response = await _api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        response.EnsureSuccessStatusCode();
        return new Watch(response, new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken)));
    }

    private sealed class Watch(HttpResponseMessage response, StreamReader lines) : IAsyncDisposable
    {
        public async Task<JsonNode?> NextAsync() =>
            await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line ? JsonNode.Parse(line) : null;

        public async Task<List<string>> TakeAsync(int count)
        {
            var taken = new List<string>();
            while (taken.Count < count)
            {
                JsonNode next = (await NextAsync())!;
                taken.Add($"{next["type"]} {next["object"]!["metadata"]!["name"]} {next["object"]!["status"]!["phase"]}");
            }
            return taken;
        }

        public ValueTask DisposeAsync()
        {
            lines.Dispose();
            response.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
