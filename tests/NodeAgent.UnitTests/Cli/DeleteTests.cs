using NodeAgent.Cli;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;
using NodeAgent.UnitTests.Api;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class DeleteTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();
    private readonly List<(string Uid, double? Grace)> _asked = [];

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        Publish("web", "uid-web");
        Publish("db", "uid-db");
        _api.OnDelete = (uid, grace, dryRun, _) =>
        {
            _asked.Add((uid.Value, grace?.TotalSeconds));
            if (!dryRun) _api.Pods.Remove(uid);
            return Task.FromResult<PodDeletion?>(new PodDeletion(_api.Time.GetUtcNow(), grace ?? TimeSpan.FromSeconds(30), DeletionReason.DeletedByApi));
        };
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory(DisplayName = "the grace is the one that kubectl would ask for")]
    [InlineData("", null, "deleted")]
    [InlineData("--grace-period=7", 7.0, "deleted")]
    [InlineData("--grace-period=-1", null, "deleted")]
    [InlineData("--grace-period=0", 1.0, "deleted")]
    [InlineData("--now", 1.0, "deleted")]
    [InlineData("--force", 0.0, "force deleted")]
    [InlineData("--force --grace-period=0", 0.0, "force deleted")]
    [InlineData("--dry-run", null, "deleted (dry run)")]
    public async Task Graces(string options, double? grace, string how)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, ["delete", "pod", "web", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal((0, $"pod \"web\" {how}\n", ""), (run.Code, run.Out, run.Error));
        Assert.Equal(("uid-web", grace), Assert.Single(_asked));
    }

    [Theory(DisplayName = "several pods go by name, by label, or all")]
    [InlineData("pod/web pod/db", "pod \"web\" deleted\npod \"db\" deleted\n")]
    [InlineData("pods -l app=db", "pod \"db\" deleted\n")]
    [InlineData("pods --all", "pod \"db\" deleted\npod \"web\" deleted\n")]
    [InlineData("pods --all -A", "pod \"db\" deleted\npod \"web\" deleted\n")]
    [InlineData("pods -l app=none", "No resources found\n")]
    public async Task Several(string words, string output)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, ["delete", .. words.Split(' ')]);
        Assert.Equal((0, output, ""), (run.Code, run.Out, run.Error));
    }

    [Theory(DisplayName = "a pod that there is not exits with 3, the others go all the same; it can be ignored")]
    [InlineData("pods nobody web", 3, "pod \"web\" deleted\n", "podctl: delete pod/nobody: pods \"nobody\" not found\n")]
    [InlineData("pods nobody web --ignore-not-found", 0, "pod \"web\" deleted\n", "")]
    public async Task Absent(string words, int code, string output, string error)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, ["delete", .. words.Split(' ')]);
        Assert.Equal((code, output, error), (run.Code, run.Out, run.Error));
    }

    [Theory(DisplayName = "a command line that makes no sense deletes nothing")]
    [InlineData("pod web --now --force")]
    [InlineData("pod web --now --grace-period=3")]
    [InlineData("pod web --force --grace-period=3")]
    [InlineData("pod web --grace-period=-2")]
    [InlineData("pods")]
    [InlineData("pods web --all")]
    public async Task Senseless(string words)
    {
        PodctlRun run = await PodctlRun.AgainstAsync(_api, ["delete", .. words.Split(' ')]);
        Assert.Equal(2, run.Code);
        Assert.Empty(_asked);
    }

    [Fact(DisplayName = "what the agent refuses is the error, with the file that stands in the way")]
    public async Task Refused()
    {
        _api.OnDelete = (_, _, _, _) => throw new PodDeletionRefusedException(WithdrawalRefusal.SharedFile, "pod default/web cannot be deleted: its manifest /etc/podagent/x.yaml …");
        PodctlRun run = await PodctlRun.AgainstAsync(_api, "delete", "pod", "web");
        Assert.Equal((1, "podctl: delete pod/web: pod default/web cannot be deleted: its manifest /etc/podagent/x.yaml …\n"), (run.Code, run.Error));
    }

    [Fact(DisplayName = "it returns when the pod is gone, also if another of its name follows; in vain it says so; it need not wait")]
    public async Task Waits()
    {
        _api.OnDelete = (_, _, _, _) => Task.FromResult<PodDeletion?>(new PodDeletion(_api.Time.GetUtcNow(), TimeSpan.FromSeconds(30), DeletionReason.DeletedByApi));
        Assert.Equal(0, (await PodctlRun.AgainstAsync(_api, "delete", "pod", "web", "--wait=false")).Code);
        PodctlRun late = await PodctlRun.AgainstAsync(_api, "delete", "pod", "web", "--timeout=50ms");
        Assert.Equal((1, "pod \"web\" deleted\n"), (late.Code, late.Out));
        Assert.Equal("podctl: delete: pod/web: not gone within 50ms; deleting goes on, and a shorter --grace-period shortens it\n", late.Error);

        using var output = new WaitingStream();
        using var io = new PodctlIo(Stream.Null, output, new MemoryStream()) { Time = _api.Time };
        Task<int> run = PodctlRun.StartAsync(io, "--socket", _api.Paths.ApiSocket, "delete", "pod", "web");
        await output.WaitForAsync("deleted\n");
        Publish("web", "uid-next");
        Assert.False(run.IsCompleted);
        _api.Pods.Remove(new PodUid("uid-web"));
        Assert.Equal(0, await run);
    }

    private void Publish(string name, string uid) => _api.Pods.Publish(_api.RunningPod("default", name, uid: uid), new PodUid(uid));
}
