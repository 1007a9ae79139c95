using NodeAgent.Core.Planning;
using NodeAgent.Hosting;
using NodeAgent.Testing.Images;
using NodeAgent.UnitTests.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Hosting;

public sealed class NodeScheduleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly PodWorld _world = new PodWorld().Start();

    private string File => _folder.Path + "/scheduling";

    private NodeSchedule Open() =>
        new(File, "node", _world.Loops.Workers, _world.Stores.Events, new Microsoft.Extensions.Logging.Logger<NodeSchedule>(_world.Log));

    public void Dispose()
    {
        _world.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_was_set_is_found_by_the_next_agent_and_an_open_node_leaves_no_file()
    {
        NodeSchedule first = Open();
        Assert.Equal(NodeScheduling.Open, first.Current);
        _world.Do(() => first.Set(NodeScheduling.Drained));
        Assert.Equal(NodeScheduling.Drained, Open().Current);
        _world.Put("web.yaml", PodWorld.Manifest("web"));
        Assert.Equal("NodeDrained", _world.Status("web").Reason);

        _world.Do(() => first.Set(NodeScheduling.Open));
        Assert.False(System.IO.File.Exists(File));
        Assert.True(_world.IsRunning("web"));
        Assert.Equal(["NodeNotSchedulable", "NodeSchedulable"], _world.Stores.Events.Current.Events.Where(e => e.InvolvedObject.Kind == "Node").Select(e => e.Reason!));
    }

    [Fact]
    public void A_damaged_file_starts_nothing_new_and_ends_nothing()
    {
        _world.Put("web.yaml", PodWorld.Manifest("web"));
        System.IO.File.WriteAllText(File, "Drai");
        _world.Do(() => Assert.Equal(NodeScheduling.Cordoned, Open().Current));
        _world.Put("new.yaml", PodWorld.Manifest("new"));

        Assert.True(_world.IsRunning("web"));
        Assert.Equal("NodeCordoned", _world.Status("new").Reason);
        Assert.Contains(_world.Log.Warnings, line => line.Contains(File, StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_kept_does_not_happen()
    {
        NodeSchedule schedule = Open();
        Directory.CreateDirectory(File);
        Directory.CreateDirectory(File + "/child");
        _world.Put("web.yaml", PodWorld.Manifest("web"));

        Assert.ThrowsAny<IOException>(() => schedule.Set(NodeScheduling.Drained));
        Assert.Equal(NodeScheduling.Open, schedule.Current);
        Assert.True(_world.IsRunning("web"));
    }
}
