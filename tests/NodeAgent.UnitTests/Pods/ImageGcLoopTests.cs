using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Model;
using NodeAgent.Pods;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>The loop that removes unused images, with all other loops around it.</summary>
public sealed class ImageGcLoopTests
{
    private const long Gi = 1 << 30;
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(5);

    /// <summary>A disk of 100 GiB for images alone. Nobody is evicted, and the image that pods have by default is pinned and takes no room.</summary>
    private static PodWorld World(ImageGcSettings? settings = null)
    {
        var world = new PodWorld();
        world.Images.Load(PodWorld.Image, 0, pinned: true);
        world.Stats = new FakeNodeStats(world.Runtime, world.Images) { DedicatedImageFs = true };
        world.Stats.Idle[EvictionSignal.ImageFsAvailable] = new SignalReading(100 * Gi, 100 * Gi);
        world.Settings = world.Settings with
        {
            Eviction = EvictionSettings.Of(new Dictionary<EvictionSignal, ThresholdValue>()),
            ImageGc = settings ?? ImageGcSettings.Default,
        };
        return world;
    }

    private static IEnumerable<Event> Told(PodWorld world) => world.Stores.Events.Current.Events.Where(e => e.Reason is ImageGcLoop.FreeDiskSpaceFailed or ImageGcLoop.ImageGcFailed);

    [Fact]
    public void Above_the_high_threshold_the_longest_unused_go_until_the_low_one_is_reached()
    {
        using var world = World();
        foreach (string name in (string[])["c:1", "a:1", "b:1"])
        {
            world.Images.Load(name, 10 * Gi);
            world.Images.Now += TimeSpan.FromDays(1);
        }

        world.Images.Load("web:1", 55 * Gi);
        world.Start();
        world.Put("web.yaml", PodWorld.Manifest("web", image: "web:1"));
        world.Pass(Period);

        Assert.Equal(["c:1"], world.Images.Removals);
        world.Images.Load("d:1", 18 * Gi);
        world.Pass(Period);
        Assert.Equal(["c:1", "a:1", "b:1"], world.Images.Removals);
        Assert.Empty(Told(world));
    }

    [Fact]
    public void Below_the_high_threshold_nothing_goes()
    {
        using var world = World();
        world.Images.Load("old:1", 84 * Gi);
        world.Start();
        world.Pass(3 * Period);
        Assert.Empty(world.Images.Removals);
    }

    [Fact]
    public void What_is_in_use_pinned_or_young_stays_and_that_it_is_not_enough_is_told_once_until_it_is_well_again()
    {
        using var world = World();
        world.Images.Load("kept:1", 30 * Gi, pinned: true);
        world.Images.Load("run:1", 30 * Gi);
        world.Images.Load("done:1", 30 * Gi);
        world.Images.Load("old:1", 1 * Gi);
        world.Folder.Put("run.yaml", PodWorld.Manifest("run", image: "run:1"));
        world.Folder.Put("done.yaml", PodWorld.Manifest("done", image: "done:1", restart: "Never"));
        world.Start();
        world.ExitNow("done", "main", 0);

        Assert.Equal(["old:1"], world.Images.Removals);
        Event told = Assert.Single(Told(world));
        Assert.Equal((EventType.Warning, "FreeDiskSpaceFailed"), (told.Type, told.Reason));
        Assert.Equal(
            $"90 % of the disk of the images is used, 80 % is wanted: {10 * Gi} bytes are missing, and every image left is in use, pinned or too young (removed: 1)",
            told.Message);
        world.Images.Now = world.Time.GetUtcNow() + Period;
        world.Images.Load("young:1", 5 * Gi);
        world.Pass(Period);
        Assert.Equal(["old:1"], world.Images.Removals);
        world.Pass(Period);
        Assert.Equal(["old:1", "young:1"], world.Images.Removals);
        Assert.Equal(1, Assert.Single(Told(world)).Count);

        // The pod that is over goes, and what it used may go.
        world.Remove("done.yaml");
        world.Pass(2 * Period);
        Assert.Equal(["old:1", "young:1", "done:1"], world.Images.Removals);
        world.Images.Load("other:1", 30 * Gi, pinned: true);
        world.Pass(Period);
        Assert.Equal(2, world.Log.Warnings.Count(line => line.Contains("of the disk of the images is used", StringComparison.Ordinal)));
    }

    [Fact]
    public void One_that_cannot_be_removed_is_named_and_the_next_goes_instead()
    {
        using var world = World();
        world.Images.Load("stuck:1", 10 * Gi);
        world.Images.Now += TimeSpan.FromDays(1);
        world.Images.Load("next:1", 76 * Gi);
        world.Images.Stuck = "stuck:1";
        world.Start();
        world.Pass(3 * Period);
        Assert.Equal(["next:1"], world.Images.Removals);

        world.Images.Load("kept:1", 80 * Gi, pinned: true);
        world.Pass(2 * Period);
        Event told = Assert.Single(Told(world));
        Assert.EndsWith("(removed: 0); stuck:1: device or resource busy", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_unused_for_longer_than_the_maximum_age_goes_whatever_the_disk()
    {
        using var world = World(ImageGcSettings.Default with { MaximumAge = TimeSpan.FromHours(1) });
        world.Images.Load("old:1", 1);
        world.Images.Load("kept:1", 1, pinned: true);
        world.Images.Load(PodWorld.Image, 0);
        world.Folder.Put("web.yaml", PodWorld.Manifest("web"));
        world.Start();
        world.Pass(TimeSpan.FromHours(1));
        Assert.Empty(world.Images.Removals);
        world.Pass(Period);
        Assert.Equal(["old:1"], world.Images.Removals);

        world.Remove("web.yaml");
        world.Pass(TimeSpan.FromMinutes(50));
        Assert.True(world.Images.Has(PodWorld.Image));
        world.Pass(TimeSpan.FromMinutes(30));
        Assert.False(world.Images.Has(PodWorld.Image));
    }

    [Fact]
    public void Before_it_is_known_which_pods_are_wanted_nothing_goes()
    {
        using var world = World();
        world.Images.Load("web:1", 90 * Gi);
        world.Folder.Put("web.yaml", PodWorld.Manifest("web", image: "web:1"));
        world.Folder.Problem = "input/output error";
        world.Start();
        world.Pass(4 * Period);
        Assert.Empty(world.Images.Removals);

        world.Folder.Problem = null;
        world.Pass(2 * Period);
        Assert.True(world.IsRunning("web"));
        Assert.Empty(world.Images.Removals);
    }

    [Fact]
    public void A_disk_that_cannot_be_measured_is_told_once()
    {
        using var world = World();
        world.Stats!.Idle.Clear();
        world.Start();
        world.Pass(4 * Period);
        Event told = Assert.Single(Told(world));
        Assert.Equal(("ImageGCFailed", "the disk of the images cannot be measured", 1), (told.Reason, told.Message, told.Count));
    }

    [Fact]
    public void Eviction_spares_pinned_images_and_knows_what_the_collection_saw_in_use()
    {
        using var world = World();
        world.Settings = world.Settings with { Eviction = EvictionSettings.Default };
        world.Images.Load("kept:1", 40 * Gi, pinned: true);
        world.Images.Load("lately:1", 20 * Gi);
        world.Images.Load("long:1", 20 * Gi);
        world.Start();
        world.Put("web.yaml", PodWorld.Manifest("web", image: "lately:1"));
        world.Pass(Period);
        world.Remove("web.yaml");
        world.Pass(TimeSpan.FromMinutes(4));
        world.Images.Load("last:1", 10 * Gi, pinned: true);
        world.PassSeconds(10);
        Assert.Equal(["long:1"], world.Images.Removals);
    }

    [Fact]
    public void A_prune_takes_what_it_is_asked_for_and_tells_the_bytes()
    {
        using var world = World();
        world.Images.Load("bare", 7);
        world.Images.Load("tagged:1", 11);
        world.Images.Load("kept:1", 13, pinned: true);
        world.Images.Load(PodWorld.Image, 17);
        world.Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));

        var plan = world.Ask(() => world.Loops.Images.PruneAsync(all: true, dryRun: true, CancellationToken.None));
        Assert.Equal(["sha256:bare", "sha256:tagged:1"], plan.Removals.Removed.Select(image => image.Id));
        Assert.Equal(0, plan.FreedBytes);
        Assert.Empty(world.Images.Removals);
        var bare = world.Ask(() => world.Loops.Images.PruneAsync(all: false, dryRun: false, CancellationToken.None));
        Assert.Equal(["bare"], world.Images.Removals);
        Assert.Equal(7, bare.FreedBytes);
        world.Images.Stuck = "tagged:1";
        var stuck = world.Ask(() => world.Loops.Images.PruneAsync(all: true, dryRun: false, CancellationToken.None));
        Assert.Empty(stuck.Removals.Removed);
        Assert.Equal(["tagged:1: device or resource busy"], stuck.Removals.Failures);
        Assert.Equal(0, stuck.FreedBytes);
        world.Images.Stuck = null;
        var all = world.Ask(() => world.Loops.Images.PruneAsync(all: true, dryRun: false, CancellationToken.None));
        Assert.Equal(11, all.FreedBytes);
        Assert.True(world.Images.Has("kept:1"));
        Assert.True(world.Images.Has(PodWorld.Image));
    }

    [Fact]
    public void The_loop_s_heart_beats()
    {
        using var world = World();
        world.Start();
        world.Pass(10 * Period);
        Assert.True(world.Loops.Heartbeats.Single(loop => loop.Name == "image-gc").Turns >= 10);
    }
}
