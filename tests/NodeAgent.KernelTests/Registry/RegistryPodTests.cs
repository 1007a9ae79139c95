using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Pods of the real daemon whose images come from a registry: needs <c>make build</c>.</summary>
public sealed class RegistryPodTests : IAsyncLifetime
{
    private static int s_count;

    private readonly AgentProcess _agent = new($"/tmp/podagent-reg-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");
    private AgentApi? _api;

    private AgentApi Api => _api!;

    public ValueTask InitializeAsync()
    {
        RegistryImages.Require();
        return ValueTask.CompletedTask;
    }

    private async Task StartAsync()
    {
        await _agent.StartAsync();
        _api = new AgentApi(_agent.ApiSocket);
    }

    public async ValueTask DisposeAsync()
    {
        if (_api is not null)
        {
            foreach (string manifest in Directory.EnumerateFiles(_agent.Manifests))
                File.Delete(manifest);
            foreach (JsonNode? pod in (await Api.GetAsync("/api/v1/pods"))["items"]!.AsArray())
                await Api.WaitForPodGoneAsync(pod!["metadata"]!["name"]!.GetValue<string>());
            Api.Dispose();
            Assert.Equal(0, await _agent.StopAsync());
            CommandResult leaks = await _agent.LeaksAsync();
            Assert.True(leaks.ExitCode == 0, leaks.Output + leaks.Error);
        }
        await _agent.DisposeAsync();
        Directory.Delete(_agent.Root, recursive: true);
    }

    [Fact]
    public async Task Fifty_pods_that_want_one_image_at_once_fetch_each_blob_once()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await StartAsync();
        string[] names = [.. Enumerable.Range(0, 50).Select(i => $"pod{i}")];

        foreach (string name in names)
            _agent.Apply(name + ".yaml", PodYaml.OfScripts(name, $"{registry.Host}/test/busybox:1", "restartPolicy: Never", ("main", "cat /etc/added")));
        await Task.WhenAll(names.Select(name => Api.WaitForPodAsync(name, pod => pod.Phase() == "Succeeded", "Succeeded")));

        Dictionary<string, int> fetches = RegistrySharingTests.Fetches(await registry.StopAsync());
        Assert.Equal(3, fetches.Count);
        Assert.All(fetches, fetch => Assert.Equal(1, fetch.Value));
    }

    [Fact]
    public async Task A_pod_whose_image_the_registry_refuses_waits_and_says_why()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync(settings => settings with { Login = ("someone", "secret") });
        await StartAsync();

        _agent.Apply("denied.yaml", PodYaml.OfScripts("denied", $"{registry.Host}/test/busybox:1", "restartPolicy: Never", ("main", "true")));

        JsonNode pod = await Api.WaitForPodAsync(
            "denied", pod => Waiting(pod)?["reason"]?.GetValue<string>() is "ErrImagePull" or "ImagePullBackOff", "an image that cannot be pulled");
        Assert.Contains("401", Waiting(pod)!["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    private static JsonNode? Waiting(JsonNode pod) => pod["status"]?["containerStatuses"]?[0]?["state"]?["waiting"];

    [Fact]
    public async Task Always_asks_the_registry_at_every_start_and_fetches_nothing_twice_and_waits_when_nobody_answers()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await File.WriteAllTextAsync(_agent.Root + "/registries.yaml", $$"""
            apiVersion: podagent.io/v1alpha1
            kind: RegistryConfiguration
            registries:
            - host: registry.example
              url: {{registry.Url}}
            """, TestContext.Current.CancellationToken);
        await StartAsync();
        string Pod(string name) => PodYaml.OfScripts(name, "registry.example/test/busybox:1", "restartPolicy: Never", ("main", "true")).Replace(
            "command:", "imagePullPolicy: Always\n    command:", StringComparison.Ordinal);

        _agent.Apply("first.yaml", Pod("first"));
        await Api.WaitForPodAsync("first", pod => pod.Phase() == "Succeeded", "Succeeded");
        int blobs = registry.Requests.Count(request => request.Blob is not null);
        int manifests = registry.Requests.Count(request => request.Manifest is not null);
        _agent.Apply("second.yaml", Pod("second"));
        await Api.WaitForPodAsync("second", pod => pod.Phase() == "Succeeded", "Succeeded");
        IReadOnlyList<RegistryRequest> all = await registry.StopAsync();
        Assert.True(all.Count(request => request.Manifest is not null) > manifests, "the registry was not asked for the second pod");
        Assert.Equal(blobs, all.Count(request => request.Blob is not null));

        _agent.Apply("third.yaml", Pod("third"));
        JsonNode waiting = await Api.WaitForPodAsync(
            "third", pod => Waiting(pod)?["reason"]?.GetValue<string>() is "RegistryUnavailable" or "ImagePullBackOff", "a registry that cannot be reached");
        Assert.Contains("registry.example/test/busybox:1", Waiting(waiting)!["message"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_proxy_of_the_environment_is_used_but_not_for_hosts_that_are_excepted()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await using FaultyProxy proxy = await FaultyProxy.StartAsync(registry.Url);
        _agent.Environment["HTTP_PROXY"] = proxy.Url.ToString();
        _agent.Environment["http_proxy"] = proxy.Url.ToString();
        _agent.Environment["NO_PROXY"] = "127.0.0.1,localhost";
        await File.WriteAllTextAsync(_agent.Root + "/registries.yaml", """
            apiVersion: podagent.io/v1alpha1
            kind: RegistryConfiguration
            registries:
            - host: registry.example
              url: http://registry.example
            """, TestContext.Current.CancellationToken);
        await StartAsync();

        (await _agent.PodctlAsync("image", "pull", $"{registry.Host}/test/many-platforms:1")).Checked();
        Assert.Empty(proxy.Requests);
        (await _agent.PodctlAsync("image", "pull", "registry.example/test/busybox:1")).Checked();
        Assert.NotEmpty(proxy.Requests);
    }

    [Fact]
    public async Task A_pull_by_hand_prints_what_came_and_a_failed_one_says_why()
    {
        await using RegistryServer registry = await RegistryImages.ServeAsync();
        await StartAsync();

        CommandResult pulled = (await _agent.PodctlAsync("image", "pull", $"{registry.Host}/test/busybox:1")).Checked();
        CommandResult missing = await _agent.PodctlAsync("image", "pull", $"{registry.Host}/test/busybox:none");

        Assert.Contains($"{registry.Host}/test/busybox:1", pulled.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', pulled.Output);
        Assert.NotEqual(0, missing.ExitCode);
        Assert.Contains($"{registry.Host}/test/busybox:none", missing.Error, StringComparison.Ordinal);
        Assert.Contains("busybox", (await _agent.PodctlAsync("image", "ls")).Checked().Output, StringComparison.Ordinal);
    }
}
