using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Api;

/// <summary>DELETE of a pod: what a client may say, and what it hears.</summary>
public sealed class PodDeleteTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();
    private readonly List<(PodUid Uid, TimeSpan? Grace, bool DryRun)> _asked = [];

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        _api.Pods.Publish(_api.RunningPod("default", "web"), new PodUid("uid-1"));
        _api.OnDelete = (uid, grace, dryRun, _) =>
        {
            _asked.Add((uid, grace, dryRun));
            return Task.FromResult<PodDeletion?>(new PodDeletion(_api.Time.GetUtcNow(), grace ?? TimeSpan.FromSeconds(30), DeletionReason.DeletedByApi));
        };
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory(DisplayName = "the grace comes from the body or the query, and the answer is the pod with its end")]
    [InlineData("", null, null, false, "2026-03-01T12:00:30Z")]
    [InlineData("?gracePeriodSeconds=5", null, 5, false, "2026-03-01T12:00:05Z")]
    [InlineData("", """{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"propagationPolicy":"Background"}""", 0, false, "2026-03-01T12:00:00Z")]
    [InlineData("?gracePeriodSeconds=5", """{"gracePeriodSeconds":7}""", 7, false, "2026-03-01T12:00:07Z")]
    [InlineData("", """{"preconditions":{"uid":"uid-1"}}""", null, false, "2026-03-01T12:00:30Z")]
    [InlineData("", """{"dryRun":["All"]}""", null, true, "2026-03-01T12:00:30Z")]
    [InlineData("?dryRun=All", null, null, true, "2026-03-01T12:00:30Z")]
    public async Task Deletes(string query, string? body, int? grace, bool dryRun, string end)
    {
        (HttpStatusCode code, JsonNode pod) = await DeleteAsync(query, body);
        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal((new PodUid("uid-1"), grace is { } seconds ? TimeSpan.FromSeconds(seconds) : (TimeSpan?)null, dryRun), Assert.Single(_asked));
        Assert.Equal(("Pod", end), ((string)pod["kind"]!, (string)pod["metadata"]!["deletionTimestamp"]!));
    }

    [Theory(DisplayName = "what makes no sense, or is meant for another pod, deletes nothing")]
    [InlineData("?gracePeriodSeconds=-1", null, 400, "gracePeriodSeconds \"-1\"")]
    [InlineData("", """{"gracePeriodSeconds":-1}""", 400, "gracePeriodSeconds -1")]
    [InlineData("", """{"gracePeriodSeconds":"soon"}""", 400, "the body is no DeleteOptions")]
    [InlineData("", """{"kind":"Pod"}""", 400, "the body is a Pod")]
    [InlineData("", "[]", 400, "the body is no DeleteOptions")]
    [InlineData("", "{", 400, "the body is no DeleteOptions")]
    [InlineData("", """{"dryRun":["Some"]}""", 400, "dryRun [Some]: expected All")]
    [InlineData("", """{"preconditions":{"uid":"uid-0"}}""", 409, "the uid in the precondition (uid-0) is not that of the pod (uid-1)")]
    [InlineData("", """{"preconditions":{"resourceVersion":"1"}}""", 409, "the resourceVersion in the precondition")]
    public async Task Refuses(string query, string? body, int status, string message)
    {
        (HttpStatusCode code, JsonNode answer) = await DeleteAsync(query, body);
        Assert.Equal((status, "Failure"), ((int)code, (string)answer["status"]!));
        Assert.Contains(message, (string)answer["message"]!);
        Assert.Empty(_asked);
    }

    [Fact(DisplayName = "a manifest that stands in the way is a conflict that says what to do; a pod that has gone meanwhile is not found")]
    public async Task Conflicts()
    {
        _api.OnDelete = (_, _, _, _) => throw new PodDeletionRefusedException(WithdrawalRefusal.SharedFile, "pod default/web cannot be deleted: do this");
        (HttpStatusCode code, JsonNode answer) = await DeleteAsync("", null);
        Assert.Equal((HttpStatusCode.Conflict, "Conflict", "pod default/web cannot be deleted: do this"), (code, (string)answer["reason"]!, (string)answer["message"]!));
        _api.OnDelete = (_, _, _, _) => Task.FromResult<PodDeletion?>(null);
        Assert.Equal(HttpStatusCode.NotFound, (await DeleteAsync("", null)).Code);
    }

    private async Task<(HttpStatusCode Code, JsonNode Body)> DeleteAsync(string query, string? body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, "/api/v1/namespaces/default/pods/web" + query);
        if (body is not null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _api.Client.SendAsync(request, TestContext.Current.CancellationToken);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }
}
