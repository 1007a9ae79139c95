using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>Who uses which image: asked before any image goes.</summary>
public sealed class ImageUseTests
{
    [Fact]
    public void Each_image_tells_the_pods_that_name_it_and_one_that_nobody_names_is_absent()
    {
        using var world = new PodWorld().Start();
        world.Images.Load("web:1", "spare:1");
        world.Put("b.yaml", PodWorld.Manifest("b"));
        world.Put("a.yaml", PodWorld.Manifest("a"));
        world.Put("w.yaml", PodWorld.Manifest("w", image: "web:1"));

        Assert.Equal(["sha256:busybox:1 default/a default/b", "sha256:web:1 default/w"], Read(world));
    }

    [Fact]
    public void A_pod_that_waits_for_its_image_uses_it_as_soon_as_it_is_there()
    {
        using var world = new PodWorld().Start();
        world.Put("w.yaml", PodWorld.Manifest("w", image: "late:1"));
        Assert.Empty(Read(world));
        world.Images.Load("late:1");
        Assert.Equal(["sha256:late:1 default/w"], Read(world));
    }

    [Fact]
    public void What_a_dead_container_has_is_in_use_until_its_pod_is_gone()
    {
        using var world = new PodWorld().Start();
        world.Put("once.yaml", PodWorld.Manifest("once", restart: "Never"));
        world.ExitNow("once", "main", 0);
        Assert.False(world.IsRunning("once"));
        Assert.Equal(["sha256:busybox:1 default/once"], Read(world));
        world.Remove("once.yaml");
        world.PassSeconds(30);
        Assert.Empty(Read(world));
    }

    private static IEnumerable<string> Read(PodWorld world)
    {
        var use = world.Ask(() => world.Loops.ImageUse.ReadAsync(CancellationToken.None));
        return use.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {string.Join(' ', pair.Value)}");
    }
}
