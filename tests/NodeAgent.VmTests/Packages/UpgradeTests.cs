using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Packages;

/// <summary>Another version takes over; the pods do not notice.</summary>
public sealed class UpgradeTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    private const int Pods = 10, Upgrades = 5;

    private static readonly string s_upgrades = $$"""
        processes() { {{GuestAgent.PodProcesses}}
        }
        before=$(processes)
        for i in $(seq {{Upgrades}}); do
          daemon=$(systemctl show -P MainPID podagent.service)
          # Up, down, up: dpkg does the same for both.
          if [ $((i % 2)) = 1 ]; then file=podagent-next.deb; else file=podagent.deb; fi
          dpkg -i /mnt/payload/$file || { echo "upgrade $i failed"; systemctl --no-pager status podagent.service; exit 1; }
          [ "$(dpkg-deb -f /mnt/payload/$file Version)" = "$(dpkg-query -W -f '${Version}' podagent)" ] || { echo "upgrade $i: another version"; exit 1; }
          [ "$(systemctl is-active podagent.service podagent-pods.service | tr '\n' ' ')" = 'active active ' ] || { echo "upgrade $i: units are not active"; exit 1; }
          [ "$(systemctl show -P MainPID podagent.service)" != "$daemon" ] || { echo "upgrade $i: the daemon is still the old one"; exit 1; }
          after=$(processes)
          [ "$after" = "$before" ] || { printf 'after upgrade %s, processes were\n%s\nand are\n%s\n' $i "$before" "$after"; exit 1; }
        done
        """;

    [Fact]
    public async Task Five_upgrades_under_ten_pods_change_no_process_and_leave_nothing_behind()
    {
        for (int pod = 0; pod < Pods; pod++)
            await Agent.ApplyAsync($"pod-{pod}.yaml", PodYaml.OfScripts($"pod-{pod}", GuestAgent.Image, "terminationGracePeriodSeconds: 2", ("main", PodYaml.Serve)));
        for (int pod = 0; pod < Pods; pod++)
            await Agent.WaitForRunningAsync($"pod-{pod}");
        Assert.Equal(3 * Pods, (await Agent.PodProcessesAsync()).Length);

        GuestResult upgrades = await Machine.RunAsync(s_upgrades, TimeSpan.FromMinutes(30));
        Assert.True(upgrades.ExitCode == 0, upgrades.Output);

        for (int pod = 0; pod < Pods; pod++)
            Assert.Equal(0, (await Agent.WaitForRunningAsync($"pod-{pod}")).Restarts("main"));
        Assert.Equal("", await Agent.JournalErrorsAsync());
        Assert.Equal("", await Machine.OutputAsync("find /tmp /usr/lib/podagent /etc/podagent -name 'dotnet-diagnostic*' -o -name 'clr-debug*' -o -name '*.dpkg-*'"));

        await Machine.OutputAsync("rm /etc/podagent/*.yaml");
        for (int pod = 0; pod < Pods; pod++)
            await Agent.Api.WaitForPodGoneAsync($"pod-{pod}");
        await Machine.OutputAsync("systemctl stop podagent.service");
        Assert.Empty(await Agent.LedgerAsync());
        Assert.Empty(await Agent.PodProcessesAsync());
        Assert.Equal("", await Machine.OutputAsync("find /sys/fs/cgroup -type d -name '*pod*.scope'"));
    }

    [Fact]
    public async Task An_upgrade_starts_neither_a_daemon_that_was_stopped_nor_pods_that_were_drained()
    {
        await Agent.ApplyAsync("graceful.yaml", GracefulPod.Yaml);
        await Agent.WaitForRunningAsync("graceful");
        await Machine.OutputAsync("systemctl stop podagent-pods.service podagent.service && dpkg -i /mnt/payload/podagent-next.deb");
        Assert.Equal("inactive\ninactive", (await Machine.RunAsync("systemctl is-active podagent.service podagent-pods.service")).Output);
        Assert.Equal("enabled\nenabled", await Machine.OutputAsync("systemctl is-enabled podagent.service podagent-pods.service"));

        await Machine.OutputAsync("systemctl start podagent-pods.service");

        await Agent.WaitForRunningAsync("graceful");
        Assert.Equal("active", await Machine.OutputAsync("systemctl is-active podagent.service"));
    }
}
