using System.Diagnostics;
using System.Text.RegularExpressions;
using NodeAgent.Testing.Agent;
using NodeAgent.Testing.Images;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>SIGKILL to the real daemon while it pulls: needs <c>make build</c>. <c>PODAGENT_TEST_SEED</c> repeats a run.</summary>
public sealed partial class RegistryKillTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Kills = 200;

    private readonly AgentProcess _agent = new($"/tmp/podagent-kill-{Environment.ProcessId}");
    private RegistryServer? _registry;

    private string Reference => $"{_registry!.Host}/test/layers12:1";

    private string Content => _agent.State + "/content";

    public async ValueTask InitializeAsync() => _registry = await RegistryImages.ServeAsync();

    public async ValueTask DisposeAsync()
    {
        await _agent.DisposeAsync();
        if (_registry is not null)
            await _registry.DisposeAsync();
        Directory.Delete(_agent.Root, recursive: true);
    }

    [Fact]
    public async Task Two_hundred_kills_at_random_moments_of_pulls_each_leave_a_store_that_verifies_and_the_next_start_finishes_the_pull()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("PODAGENT_TEST_SEED"), out int set) ? set : Random.Shared.Next();
        output.WriteLine($"PODAGENT_TEST_SEED={seed}");
        Random random = new(seed);
        await _agent.StartAsync();
        (string layers, double whole) = await UncutAsync();

        int unfinished = 0;
        for (int kill = 1; kill <= Kills; kill++)
        {
            double moment = random.NextDouble() * whole * 1.1;
            Task<CommandResult> pull = _agent.PodctlAsync("image", "pull", Reference);
            // The moment is what the test is about: nothing is being waited for.
            await Task.Delay(TimeSpan.FromMilliseconds(moment), TestContext.Current.CancellationToken);
            await _agent.KillAsync();
            bool finished = (await pull).ExitCode == 0;

            string where = $"kill {kill} after {moment:F0} ms of {whole:F0}, seed {seed}";
            int names = Check(where, () => StoreCheck.AssertWhole(Content));
            Assert.True(names <= 1 && (names == 1 || !finished), where + ": a pull that was over has gone");
            bool begun = Directory.EnumerateFiles(Content + "/blobs/sha256").Any() || Directory.EnumerateFiles(Content + "/ingest").Any();
            unfinished += names == 0 && begun ? 1 : 0;

            await _agent.StartAsync();
            Check(where, () => StoreCheck.AssertWhole(Content));
            (await _agent.PodctlAsync("image", "pull", Reference)).Checked();
            Assert.Equal(1, Check(where, () => StoreCheck.AssertWhole(Content)));
            Assert.Equal(layers, Check(where, Layers));
            (await _agent.PodctlAsync("image", "rm", Reference)).Checked();
        }

        output.WriteLine($"{unfinished} of {Kills} kills hit a pull that had begun and was not over; a pull takes {whole:F0} ms");
        Assert.True(unfinished >= Kills / 4, $"only {unfinished} of {Kills} kills hit the middle of a pull");
        Assert.Equal(0, await _agent.StopAsync());
    }

    /// <summary>What the unpacked layers are to be, and how many milliseconds a pull takes.</summary>
    private async Task<(string Layers, double Whole)> UncutAsync()
    {
        (await _agent.PodctlAsync("image", "pull", Reference)).Checked();
        string layers = Layers();
        Assert.Contains("/fs/d12/large", layers, StringComparison.Ordinal);
        List<double> times = [];
        for (int i = 0; i < 5; i++)
        {
            (await _agent.PodctlAsync("image", "rm", Reference)).Checked();
            long start = Stopwatch.GetTimestamp();
            (await _agent.PodctlAsync("image", "pull", Reference)).Checked();
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
        Assert.Equal(layers, Layers());
        (await _agent.PodctlAsync("image", "rm", Reference)).Checked();
        return (layers, times.Order().ElementAt(2));
    }

    /// <summary>The trees of all layers, which lie in folders named by what is in them; without what the store notes beside them.</summary>
    private string Layers()
    {
        string listed = Tool.Shell($"cd {_agent.State}/snapshots/layers\n{TreeListing.Script.Replace("find . ", "find */fs ", StringComparison.Ordinal)}");
        return WhiteoutTime().Replace(TreeListing.From(listed), "${whiteout}");
    }

    /// <summary>A whiteout is as old as its unpacking.</summary>
    [GeneratedRegex(@"(?<whiteout> c 0 0:0) [0-9.]+", RegexOptions.None, 1000)]
    private static partial Regex WhiteoutTime();

    private static T Check<T>(string where, Func<T> check)
    {
        try
        {
            return check();
        }
        catch (Exception failed)
        {
            throw new InvalidOperationException($"{where}: {failed.Message}", failed);
        }
    }
}
