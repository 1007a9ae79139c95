using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Limits;

/// <summary>That systemd knows the pods, keeps their values, and stops them when and only when it should.</summary>
[Trait("Set", "limits")]
public sealed class SystemdUnitTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    private static readonly string s_web = PodYaml.OfScripts("web", GuestAgent.Image, "terminationGracePeriodSeconds: 5", ("main", PodYaml.Serve))
        .Replace("  - name: main\n", "  - name: main\n    resources: {requests: {cpu: 100m}, limits: {cpu: 500m, memory: 64Mi}}\n", StringComparison.Ordinal);

    [Fact]
    public async Task A_pod_is_a_delegated_scope_in_the_slice_of_its_class()
    {
        string unit = await StartAsync();
        Assert.Equal(
            [
                "Delegate=yes", "Slice=podagent-burstable.slice", "CollectMode=inactive-or-failed", "KillMode=control-group", "TimeoutStopUSec=10s", "ActiveState=active",
                "Description=pod default/web", "MemoryMax=67108864", "CPUWeight=4", "CPUQuotaPerSecUSec=500ms", "TasksMax=infinity", "MemorySwapMax=0",
            ],
            (await Machine.OutputAsync(
                $"for p in Delegate Slice CollectMode KillMode TimeoutStopUSec ActiveState Description MemoryMax CPUWeight CPUQuotaPerSecUSec TasksMax MemorySwapMax; do systemctl show -p $p {unit}; done"))
                .Split('\n'));
        Assert.Contains("podagent.service", await Machine.OutputAsync($"systemctl show -p Before --value {unit}"), StringComparison.Ordinal);
        Assert.Contains("podagent-shim", await Machine.OutputAsync("systemd-cgls --no-pager /podagent.slice"), StringComparison.Ordinal);
        Assert.DoesNotContain("podagent-shim", await Machine.OutputAsync("cat $(systemctl show -p ControlGroup --value podagent.service | sed 's,^,/sys/fs/cgroup,;s,$,/cgroup.procs,') | xargs -I{} cat /proc/{}/comm"), StringComparison.Ordinal);

        await Agent.DeleteAsync("web");
        await Machine.WaitAsync($"[ \"$(systemctl show -p LoadState --value {unit})\" = not-found ]", "the scope is gone");
        Assert.Equal("0 loaded units listed.", (await Machine.OutputAsync("systemctl --failed --no-pager")).Split('\n')[^1].Trim());
    }

    [Fact]
    public async Task Reloading_and_reexecuting_systemd_keeps_pods_and_values_and_new_pods_can_be_made()
    {
        string unit = await StartAsync();
        string values = $"cd /sys/fs/cgroup$(systemctl show -p ControlGroup --value {unit}); grep -r . cpu.weight cpu.max memory.max memory.swap.max pids.max */cpu.max */memory.max cgroup.subtree_control ../cpu.weight";
        string before = await Machine.OutputAsync(values);
        string[] processes = await Agent.PodProcessesAsync();
        await Machine.OutputAsync("systemctl daemon-reload && systemctl daemon-reexec && systemctl daemon-reload");

        Assert.Equal(before, await Machine.OutputAsync(values));
        Assert.Equal(processes, await Agent.PodProcessesAsync());
        await Agent.ApplyAsync("next.yaml", s_web.Replace("name: web", "name: next", StringComparison.Ordinal));
        await Agent.WaitForRunningAsync("next");
        Assert.Equal("", await Agent.JournalErrorsAsync());
    }

    [Fact]
    public async Task Stopping_the_agent_stops_no_scope_and_stopping_a_scope_ends_its_pod()
    {
        string unit = await StartAsync();
        string[] processes = await Agent.PodProcessesAsync();
        await Machine.OutputAsync("systemctl stop podagent.service");
        Assert.Equal("active", await Machine.OutputAsync($"systemctl is-active {unit}"));
        Assert.Equal(processes, await Agent.PodProcessesAsync());

        await Machine.OutputAsync($"systemctl stop {unit}");
        Assert.Empty(await Agent.PodProcessesAsync());
        await Machine.OutputAsync("systemctl start podagent.service");
        JsonNode again = await Agent.Api.WaitForPodAsync("web", pod => pod.IsReady(), "running again");
        Assert.Equal("Running", again.Phase());
    }

    private async Task<string> StartAsync()
    {
        await Agent.ApplyAsync("web.yaml", s_web);
        return $"podagent-pod{(await Agent.WaitForRunningAsync("web")).PodUid()}.scope";
    }
}
