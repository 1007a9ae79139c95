using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Service;

/// <summary>What the other tests take for granted of the machine.</summary>
[Trait("Set", "smoke")]
public sealed class MachineTests(TestMachines machines) : VmTest(machines, Snapshot.Booted)
{
    [Fact]
    public async Task The_machine_runs_systemd_and_the_kernel_that_was_asked_for_on_cgroup_v2_with_the_controllers_that_limits_need()
    {
        Assert.StartsWith(MachineImage.WantedSeries + ".", await Machine.OutputAsync("uname -r"), StringComparison.Ordinal);
        Assert.Equal("systemd", await Machine.OutputAsync("cat /proc/1/comm"));
        Assert.Equal("cgroup2fs", await Machine.OutputAsync("stat -fc %T /sys/fs/cgroup"));
        string[] controllers = (await Machine.OutputAsync("cat /sys/fs/cgroup/cgroup.controllers")).Split(' ');
        Assert.Superset(new HashSet<string> { "cpu", "cpuset", "io", "memory", "pids" }, controllers.ToHashSet());
        Assert.Equal("running", await Machine.OutputAsync("systemctl is-system-running"));
    }

    [Fact]
    public async Task A_restored_machine_is_as_it_was_saved_and_knows_what_time_it_is()
    {
        await Machine.OutputAsync("echo left over >/root/left-over; mkdir -p /run/left-over");
        await Machine.RestoreAsync(nameof(Snapshot.Booted));

        Assert.Equal("", await Machine.OutputAsync("ls -d /root/left-over /run/left-over 2>/dev/null || true"));
        long guest = long.Parse(await Machine.OutputAsync("date +%s"));
        Assert.InRange(guest - DateTimeOffset.UtcNow.ToUnixTimeSeconds(), -60, 60);
    }

    [Fact]
    public async Task Files_come_and_go_byte_for_byte()
    {
        byte[] bytes = new byte[300_000];
        new Random(1).NextBytes(bytes);

        await Machine.PushAsync("/root/some/bytes", bytes);

        Assert.Equal(bytes, (await Machine.PullAsync("/root/some/bytes")).ToArray());
    }
}
