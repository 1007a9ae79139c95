using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Cgroups.Systemd;
using NodeAgent.Testing.Contracts;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.KernelTests.Cgroups;

/// <summary>The contract of cgroup drivers, kept by the agent's own.</summary>
public sealed class CgroupfsDriverTests : CgroupDriverContract
{
    private readonly string _name = TestRoot.NewName();

    protected override ICgroupDriver Open(CgroupSettings settings) => CgroupfsDriver.Open($"{TestRoot.Mount}/{_name}", TestRoot.Mount, settings);
}

/// <summary>Kept by systemd's, over a manager that is a fake: who lives where, without values.</summary>
public sealed class FakedSystemdDriverTests : CgroupDriverContract
{
    private readonly string _name = TestRoot.NewName();
    private FakeSystemd? _systemd;

    protected override bool WritesValues => false;

    private string Root => $"{TestRoot.Mount}/{SliceTree.FolderOf(_name)}";

    protected override void RemoveRoot() => Cgroupfs.Remove(Root);

    protected override ICgroupDriver Open(CgroupSettings settings) =>
        new SystemdDriver(Root, TestRoot.Mount, _systemd ??= new FakeSystemd(Root), settings, "podagent.service", NullLogger.Instance);
}

/// <summary>Kept by systemd's, on a machine that systemd runs.</summary>
public sealed class SystemdDriverTests : CgroupDriverContract
{
    private readonly string _name = TestRoot.NewName();

    protected override ICgroupDriver Open(CgroupSettings settings)
    {
        Assert.SkipUnless(SystemdBus.IsBooted, "systemd does not run this machine");
        string root = $"{TestRoot.Mount}/{SliceTree.FolderOf(_name)}";
        return new SystemdDriver(root, TestRoot.Mount, new SystemdBus(TimeProvider.System, TimeSpan.FromSeconds(30)), settings, null, NullLogger.Instance);
    }
}

internal static class TestRoot
{
    public static string Mount
    {
        get
        {
            Assert.SkipUnless(Environment.UserName == "root", "making cgroups takes root");
            string? mount = CgroupMount.Find();
            Assert.SkipWhen(mount is null, "no cgroup2 filesystem is mounted");
            return mount;
        }
    }

    public static string NewName() => $"podagenttest{Guid.NewGuid():n}"[..24];
}
