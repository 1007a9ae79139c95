using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Packages;

/// <summary>The two units: podagent.service is the daemon and never touches a pod, podagent-pods.service is the pods.</summary>
public sealed class UnitTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    [Fact]
    public async Task Stopping_podagent_pods_ends_the_pods_with_their_grace_until_it_is_started_again()
    {
        await ApplyGracefulAsync();
        await Machine.OutputAsync("systemctl stop podagent-pods.service");
        Assert.Equal("ended with grace", await Machine.OutputAsync($"cat {GracefulPod.Witness}"));
        Assert.DoesNotContain(await Agent.PodProcessesAsync(), process => process.EndsWith(" sh", StringComparison.Ordinal));
        Assert.Equal("active", await Machine.OutputAsync("systemctl is-active podagent.service"));

        // Neither a restart nor a crash of the daemon brings them back.
        await Machine.OutputAsync("systemctl restart podagent.service");
        await KillDaemonAsync();
        Assert.DoesNotContain(await Agent.PodProcessesAsync(), process => process.EndsWith(" sh", StringComparison.Ordinal));
        Assert.Equal("inactive", (await Machine.RunAsync("systemctl is-active podagent-pods.service")).Output);

        await Machine.OutputAsync("systemctl start podagent-pods.service");
        await Agent.WaitForRunningAsync("graceful");
    }

    [Fact]
    public async Task A_crash_a_hang_and_a_reload_of_units_leave_pods_alone_and_the_daemon_running()
    {
        await ApplyGracefulAsync();
        string[] before = await Agent.PodProcessesAsync();

        await KillDaemonAsync();
        Assert.Equal(before, await Agent.PodProcessesAsync());

        // Stopped, it tells nothing to the watchdog, as when it hangs.
        await Machine.OutputAsync("""
            mkdir -p /run/systemd/system/podagent.service.d
            printf '[Service]\nWatchdogSec=10s\n' >/run/systemd/system/podagent.service.d/quick.conf
            systemctl daemon-reload && systemctl restart podagent.service
            """);
        Assert.Equal(before, await Agent.PodProcessesAsync());
        string hung = await Machine.OutputAsync("pid=$(systemctl show -P MainPID podagent.service); kill -STOP $pid; echo $pid");
        await WaitForAnotherDaemonAsync(hung);
        Assert.Equal(before, await Agent.PodProcessesAsync());

        Assert.Equal(0, (await Agent.WaitForRunningAsync("graceful")).Restarts("main"));
        Assert.Equal("active", await Machine.OutputAsync("systemctl is-active podagent-pods.service"));
        Assert.Equal("", await Machine.OutputAsync("ls -A /tmp | grep -E '^(clr-debug|dotnet)' || true"));
    }

    [Fact]
    public async Task When_the_machine_shuts_down_pods_end_with_their_grace_before_the_daemon_and_come_back_after_the_boot()
    {
        await ApplyGracefulAsync();

        await Machine.RebootAsync();

        // The pod removes its witness when it starts, so the journal tells of the end. Its scope is gone as soon as its processes are, during the drain.
        await Agent.WaitForRunningAsync("graceful");
        string[] order = (await Machine.OutputAsync("""
            journalctl -b -1 -q --no-pager -o cat _PID=1 | grep -E '^(Stopped|Stopping) podagent(-pods)?\.service|podagent.*(timed out|Killing|SIGKILL)' || true
            """)).Split('\n');
        Assert.Equal(
            ["Stopping podagent-pods.service", "Stopped podagent-pods.service", "Stopping podagent.service", "Stopped podagent.service"],
            order.Select(line => line.Split(" - ")[0]));
        Assert.Contains("ended in its time", await Machine.OutputAsync("cat /var/log/pods/default_graceful_*/main/*.log"), StringComparison.Ordinal);
    }

    private async Task ApplyGracefulAsync()
    {
        await Agent.ApplyAsync("graceful.yaml", GracefulPod.Yaml);
        await Agent.WaitForRunningAsync("graceful");
    }

    private async Task KillDaemonAsync()
    {
        string killed = await Machine.OutputAsync("pid=$(systemctl show -P MainPID podagent.service); kill -KILL $pid; echo $pid");
        await WaitForAnotherDaemonAsync(killed);
    }

    private Task WaitForAnotherDaemonAsync(string pid) => Machine.WaitAsync(
        $"systemctl is-active podagent.service && case $(systemctl show -P MainPID podagent.service) in 0|{pid}) false ;; esac", "systemd has started the daemon again");
}
