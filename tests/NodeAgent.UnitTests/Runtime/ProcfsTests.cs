using System.Text;
using NodeAgent.Linux;
using Xunit;

namespace NodeAgent.UnitTests.Runtime;

public sealed class ProcfsTests
{
    [Fact]
    public void A_process_name_may_hold_parentheses_and_spaces()
    {
        ProcessStat? stat = Procfs.ParseStat(Encoding.ASCII.GetBytes("42 (a) b (c) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3\n"));
        Assert.Equal(new ProcessStat(42, "a) b (c", 'S', 7, 98765), stat);
    }

    [Theory]
    [InlineData("")]
    [InlineData("42 (sh")]
    [InlineData("42 (sh) S 1 2")]
    [InlineData("x (sh) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3")]
    public void Garbage_is_no_process(string stat) => Assert.Null(Procfs.ParseStat(Encoding.ASCII.GetBytes(stat)));

    [Fact]
    public void This_process_is_alive_and_its_pid_with_another_start_time_is_not()
    {
        ProcessIdentity self = Assert.NotNull(Procfs.Identify(Environment.ProcessId));
        Assert.True(self.IsAlive());
        Assert.False((self with { StartTime = self.StartTime + 1 }).IsAlive());
        Assert.False(new ProcessIdentity(int.MaxValue, 1).IsAlive());
    }

    [Fact]
    public void Mountinfo_names_are_unescaped_and_optional_fields_skipped()
    {
        MountInfoEntry entry = Assert.Single(MountInfo.Parse(
            [@"36 35 98:0 /mnt\0401 /mnt/a\134b rw,noatime master:1 shared:9 - ext3 /dev/root rw,errors=continue", "nonsense"]));
        Assert.Equal(("/mnt 1", @"/mnt/a\b", "master:1 shared:9", "ext3"), (entry.Root, entry.MountPoint, entry.Propagation, entry.FileSystem));
    }

    [Fact]
    public void The_cgroup2_mount_is_found_on_unified_and_on_hybrid_machines()
    {
        string[] hybrid =
        [
            "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755", "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu",
            "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
        ];
        Assert.Equal("/sys/fs/cgroup/unified", CgroupMount.Find(MountInfo.Parse(hybrid)));
        Assert.Equal("/sys/fs/cgroup", CgroupMount.Find(MountInfo.Parse(["31 23 0:28 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw"])));
        Assert.Null(CgroupMount.Find(MountInfo.Parse(hybrid[..2])));
    }
}
