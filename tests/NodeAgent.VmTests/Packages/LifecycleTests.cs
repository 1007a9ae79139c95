using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Packages;

/// <summary>The package from its installation to its purge, on a machine that never saw it before.</summary>
public sealed class LifecycleTests(TestMachines machines) : VmTest(machines, Snapshot.Booted)
{
    /// <summary>
    /// All that a package could leave: files, units, mounts, cgroups, accounts, processes. Not: what dpkg, the journal and systemd write about any package,
    /// and the file of this test's own waiting.
    /// </summary>
    private const string Inventory = """
        find / -xdev \( -path /var/log/journal -o -path /var/lib/dpkg -o -path /var/cache -o -path /var/log/dpkg.log -o -path /tmp/condition -o -path /var/lib/systemd/random-seed \) -prune -o -print
        find /run \( -path /run/systemd -o -path /run/udev -o -path /run/log -o -path /run/credentials \) -prune -o -print
        find /run/systemd -name '*podagent*'
        find /tmp -mindepth 1 -not -path /tmp/condition
        systemctl list-unit-files --no-legend 'podagent*'; systemctl list-units --all --no-legend --plain 'podagent*'; systemctl --failed --no-legend --plain
        cut -d' ' -f5 /proc/self/mountinfo
        find /sys/fs/cgroup -type d -name '*pod*' -not -path '*vm-*'
        getent passwd; getent group
        cat /proc/[0-9]*/comm 2>/dev/null | grep -i pod
        """;

    [Fact]
    public async Task A_purged_package_leaves_nothing_but_the_manifests_of_the_user()
    {
        await Machine.WaitAsync("mountpoint -q /mnt/payload", "the payload is mounted");
        string[] before = await InventoryAsync();

        await Agent.InstallAsync();
        Assert.Equal("enabled\nenabled", await Machine.OutputAsync("systemctl is-enabled podagent.service podagent-pods.service"));
        Assert.Equal("active\nactive", await Machine.OutputAsync("systemctl is-active podagent.service podagent-pods.service"));
        Assert.Equal("0", await Machine.OutputAsync("systemctl show -P NRestarts podagent.service"));
        await Agent.ApplyAsync("graceful.yaml", GracefulPod.Yaml);
        await Agent.WaitForRunningAsync("graceful");

        await Machine.OutputAsync("dpkg --remove podagent");
        Assert.Equal("ended with grace", await Machine.OutputAsync($"cat {GracefulPod.Witness}"));
        Assert.Empty(await Agent.PodProcessesAsync());
        Assert.Equal("podagent.yaml\ngraceful.yaml", await Machine.OutputAsync("ls /etc/podagent/config; cd /etc/podagent; ls *.yaml"));
        Assert.Equal("", await Machine.OutputAsync("systemctl --failed --no-legend --plain"));

        // Removed and installed again, it runs again, and so does the pod.
        await Machine.OutputAsync("dpkg -i /mnt/payload/podagent.deb && systemctl is-active podagent.service podagent-pods.service");
        await Agent.WaitForRunningAsync("graceful");

        await Machine.OutputAsync($"dpkg --purge podagent; rm -r {GracefulPod.Folder}");
        Assert.Equal("/etc/podagent\n/etc/podagent/graceful.yaml", await Machine.OutputAsync("find /etc/podagent"));
        await Machine.OutputAsync("rm -r /etc/podagent");
        string[] after = await InventoryAsync();
        Assert.Equal("", string.Join('\n', [.. after.Except(before).Select(line => "+ " + line), .. before.Except(after).Select(line => "- " + line)]));
    }

    private async Task<string[]> InventoryAsync() => (await Machine.RunAsync(Inventory)).Output.Split('\n');
}
