using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Service;

/// <summary>The service comes and goes; its pods do not notice.</summary>
public sealed class RestartTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    private const int Pods = 10;

    // reset-failed takes back systemd's count of starts: a quick machine would reach its limit.
    private static readonly string s_restarts = $$"""
        processes() { {{GuestAgent.PodProcesses}}
        }
        before=$(processes)
        for i in $(seq {{Rounds.Of(50)}}); do
          systemctl reset-failed podagent.service
          systemctl restart podagent.service || { echo "restart $i failed"; systemctl --no-pager status podagent.service; exit 1; }
          after=$(processes)
          [ "$after" = "$before" ] || { printf 'after restart %s, processes were\n%s\nand are\n%s\n' $i "$before" "$after"; exit 1; }
        done
        """;

    [Fact]
    public async Task Fifty_restarts_of_the_service_under_ten_pods_change_no_process_and_leave_nothing_behind()
    {
        for (int pod = 0; pod < Pods; pod++)
            await Agent.ApplyAsync($"pod-{pod}.yaml", PodYaml.OfScripts($"pod-{pod}", GuestAgent.Image, "terminationGracePeriodSeconds: 2", ("main", PodYaml.Serve)));
        for (int pod = 0; pod < Pods; pod++)
            await Agent.WaitForRunningAsync($"pod-{pod}");
        // A shim, a shell and its sleep for each pod; were there fewer, the comparisons below would compare little.
        Assert.Equal(3 * Pods, (await Agent.PodProcessesAsync()).Length);
        string[] held = await HeldAsync();

        GuestResult restarts = await Machine.RunAsync(s_restarts, TimeSpan.FromHours(2));
        Assert.True(restarts.ExitCode == 0, restarts.Output);

        Assert.Equal(held, await HeldAsync());
        for (int pod = 0; pod < Pods; pod++)
            Assert.Equal(0, (await Agent.WaitForRunningAsync($"pod-{pod}")).Restarts("main"));
        Assert.Equal("", await Agent.JournalErrorsAsync());

        await Machine.OutputAsync("rm /etc/podagent/*.yaml");
        for (int pod = 0; pod < Pods; pod++)
            await Agent.Api.WaitForPodGoneAsync($"pod-{pod}");
        await Machine.OutputAsync("systemctl stop podagent.service");
        Assert.Empty(await Agent.LedgerAsync());
    }

    /// <summary>All that the pods hold, seen with the service stopped: the agent's ledger, mounts, cgroups, network namespaces, run files.</summary>
    private async Task<string[]> HeldAsync()
    {
        await Machine.OutputAsync("systemctl stop podagent.service");
        string[] ledger = await Agent.LedgerAsync();
        string kernel = await Machine.OutputAsync("""
            cut -d' ' -f5- /proc/1/mountinfo | grep -i pod | sort
            find /sys/fs/cgroup -type d -name '*pod*' | sort
            find /proc -maxdepth 3 -path '*/ns/net' -exec readlink {} + 2>/dev/null | sort -u
            find /run/podagent /var/lib/podagent/snapshots -maxdepth 3 | sort
            """);
        await Machine.OutputAsync("systemctl start podagent.service");
        return [.. ledger, .. kernel.Split('\n')];
    }
}
