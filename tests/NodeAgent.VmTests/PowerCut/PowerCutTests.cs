using System.Diagnostics;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.PowerCut;

/// <summary>The plug is pulled while images load and pods start: what was half done is finished or gone after the next boot, and nothing is damaged.</summary>
public sealed class PowerCutTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    private static readonly int s_cuts = Rounds.Of(ChurnImages.Count - 1);

    // Every blob is what its name says, and nothing is half-way in. Not while an image is loading.
    private const string VerifyStore = """
        (
        cd /var/lib/podagent/content
        for blob in blobs/sha256/*; do echo "${blob##*/}  $blob"; done | sha256sum -c --quiet --strict || exit 1
        left=$(find ingest -type f); [ -z "$left" ] || { echo "left on the way in: $left"; exit 1; }
        ) || exit 1

        """;

    // A start of podctl takes seconds under emulation, which is most of a burst. shut-none: a client that hangs up is not answered.
    private const string Api = """
        api() {
          answer=$(printf '%s /apis/podagent.io/v1alpha1/images%s HTTP/1.1\r\nHost: podagent\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" "$2" |
            socat -t 300 - UNIX-CONNECT:/run/podagent/podagent.sock,shut-none)
          case $answer in "HTTP/1.1 "$3*) ;; *) echo "$1 $2: $answer"; return 1 ;; esac
        }

        """;

    protected override Task<VirtualMachine> OpenAsync(TestMachines machines) => machines.ForPowerCutsAsync();

    [Fact]
    public async Task Twenty_power_cuts_while_images_load_and_pods_start_lose_nothing_that_was_there_and_all_pods_run_afterwards()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable("PODAGENT_TEST_SEED"), out int set) ? set : Random.Shared.Next();
        Console.WriteLine($"         power cuts: PODAGENT_TEST_SEED={seed}");
        var random = new Random(seed);
        await Machine.OutputAsync(Script(ManifestOf("steady-0", GuestAgent.Image), ManifestOf("steady-1", GuestAgent.Image)));
        await AllRunAsync(Machine, Agent, "steady-0", "steady-1");

        // Uncut, to know how long it takes.
        var clock = Stopwatch.StartNew();
        await Machine.OutputAsync(Burst(0));
        await AllRunAsync(Machine, Agent, "churn-0-0", "churn-0-1");
        double whole = clock.Elapsed.TotalMilliseconds;
        Console.WriteLine($"         a load with its pods takes {whole:F0} ms");

        for (int round = 1; round <= s_cuts; round++)
        {
            TimeSpan moment = TimeSpan.FromMilliseconds(random.NextDouble() * whole * 1.2);
            await CutAsync(round, moment);
            clock.Restart();
            await Machine.StartAsync(settled: false);
            using var agent = new GuestAgent(Machine);
            await RoundAsync(agent, round, moment);
            Console.WriteLine($"         cut {round} after {moment.TotalMilliseconds:F0} ms: all well {clock.Elapsed.TotalSeconds:F1} s later");
        }
    }

    private async Task CutAsync(int round, TimeSpan moment)
    {
        Task<GuestResult> burst = Machine.RunAsync(Burst(round));
        // The moment is what the test is about: nothing is being waited for.
        await Task.Delay(moment, TestContext.Current.CancellationToken);
        await Machine.CutPowerAsync();
        try
        {
            await burst;
        }
        catch (GuestUnreachableException)
        {
            // Cut off in the middle, as intended.
        }
    }

    private async Task RoundAsync(GuestAgent agent, int round, TimeSpan moment)
    {
        string when = $"cut {round} after {moment.TotalMilliseconds:F0} ms: ";
        // What the cut has kept from being done is done now; what was done is not done again. The start of the unit returns when the agent is ready.
        GuestResult again = await Machine.RunAsync($"systemctl start podagent.service || exit 1\n{VerifyStore}{Burst(round)}");
        Assert.True(again.ExitCode == 0, when + again.Output);
        await AllRunAsync(Machine, agent, "steady-0", "steady-1", $"churn-{round}-0", $"churn-{round}-1");
        GuestResult verified = await Machine.RunAsync(VerifyStore);
        Assert.True(verified.ExitCode == 0, when + verified.Output);
        Assert.Equal("", await agent.JournalErrorsAsync());
        Assert.Equal("running", await Machine.OutputAsync("systemctl is-system-running --wait"));
    }

    private static async Task AllRunAsync(VirtualMachine machine, GuestAgent agent, params string[] pods)
    {
        foreach (string pod in pods)
            await agent.WaitForRunningAsync(pod);
        // One that finds its image damaged ends before it says so, again and again.
        await machine.WaitAsync(
            string.Join(" && ", pods.Select(pod => $"grep -qs \"whole, in boot $(cat /proc/sys/kernel/random/boot_id)\" /var/log/pods/default_{pod}_*/main/*.log")),
            "all find their images whole");
    }

    /// <summary>The image of a round is loaded, its pods appear, those of the round before go. Fails when the load does.</summary>
    private static string Burst(int round) => $"""
        {Api}{Script(ManifestOf($"churn-{round}-0", ChurnImages.Name(round)))}
        api POST '?path={ChurnImages.Path(round)}&name={ChurnImages.Name(round)}' 201 || exit 1
        {Script(ManifestOf($"churn-{round}-1", ChurnImages.Name(round)))}
        rm -f /etc/podagent/churn-{round - 1}-*.yaml
        api DELETE '/{ChurnImages.Name(round - 1)}' '' || true
        """;

    // Put in place so that it survives: what the user has not synced is not the agent's to keep.
    private static string Script(params (string Name, string Yaml)[] manifests) => string.Join('\n', manifests.Select(manifest =>
        $"cat >/etc/.{manifest.Name} <<'END'\n{manifest.Yaml}\nEND\nsync /etc/.{manifest.Name}; mv /etc/.{manifest.Name} /etc/podagent/{manifest.Name}.yaml; sync /etc/podagent"));

    private static (string Name, string Yaml) ManifestOf(string name, string image)
    {
        string check = image == GuestAgent.Image
            ? ""
            : $"({ChurnImages.Check}) || exit 1; ";
        string script = check + "echo whole, in boot $(cat /proc/sys/kernel/random/boot_id); " + PodYaml.Serve;
        return (name, PodYaml.OfScripts(name, image, "terminationGracePeriodSeconds: 1", ("main", script)));
    }
}
