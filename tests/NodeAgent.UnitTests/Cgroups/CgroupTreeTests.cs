using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Cgroups;
using Xunit;

namespace NodeAgent.UnitTests.Cgroups;

/// <summary>Where pods lie, and what their units are called.</summary>
public sealed class CgroupTreeTests
{
    private static readonly PodUid Uid = new("5d1c0a3e-0000-8000-8000-000000000001");

    [Theory]
    [InlineData("/cg/podagent", PodQosClass.Guaranteed, "/cg/podagent/pod5d1c0a3e-0000-8000-8000-000000000001")]
    [InlineData("/cg/podagent", PodQosClass.Burstable, "/cg/podagent/burstable/pod5d1c0a3e-0000-8000-8000-000000000001")]
    [InlineData("/cg/podagent", PodQosClass.BestEffort, "/cg/podagent/besteffort/pod5d1c0a3e-0000-8000-8000-000000000001")]
    [InlineData("/cg/podagent.slice", PodQosClass.Guaranteed, "/cg/podagent.slice/podagent-pod5d1c0a3e-0000-8000-8000-000000000001.scope")]
    [InlineData("/cg/podagent.slice", PodQosClass.Burstable, "/cg/podagent.slice/podagent-burstable.slice/podagent-pod5d1c0a3e-0000-8000-8000-000000000001.scope")]
    [InlineData("/cg/a.slice/a-b.slice", PodQosClass.BestEffort, "/cg/a.slice/a-b.slice/a-b-besteffort.slice/a-b-pod5d1c0a3e-0000-8000-8000-000000000001.scope")]
    public void A_pod_lies_in_the_folder_of_its_class(string root, string qos, string path) => Assert.Equal(path, CgroupTree.At(root).PodPath(Uid, qos));

    [Theory]
    [InlineData("podagent", "podagent.slice")]
    [InlineData("/podagent.slice/", "podagent.slice")]
    [InlineData("my-agent", "my_agent.slice")]
    [InlineData("a/b/c", "a.slice/a-b.slice/a-b-c.slice")]
    public void A_root_is_a_slice_for_systemd(string root, string folder) => Assert.Equal(folder, SliceTree.FolderOf(root));

    [Theory]
    [InlineData("5d1c0a3e-0000", "5d1c0a3e-0000")]
    [InlineData("a b/c", @"a\x20b\x2fc")]
    [InlineData(".hidden", @"\x2ehidden")]
    [InlineData("a.b:c_d", "a.b:c_d")]
    [InlineData("ü\\x", @"\xc3\xbc\x5cx")]
    public void Any_text_becomes_part_of_a_units_name_and_comes_back(string text, string name)
    {
        Assert.Equal(name, UnitName.Escape(text));
        Assert.Equal(text, UnitName.Unescape(name));
    }
}
