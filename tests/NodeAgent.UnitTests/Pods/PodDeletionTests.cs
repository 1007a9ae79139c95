using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>Pods that clients delete by name, with the folder they come from.</summary>
public sealed class PodDeletionTests
{
    private static readonly string Stubborn = PodWorld.Manifest("web", ["main: ignore-term"], grace: 30);

    [Fact]
    public void A_deleted_pod_loses_its_file_and_ends_and_does_not_come_back()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        PodDeletion? deletion = Delete(world, "web");

        Assert.Equal((DeletionReason.DeletedByApi, TimeSpan.FromSeconds(5)), (deletion!.Reason, deletion.Grace));
        Assert.Null(world.Folder.Stat("web.yaml"));
        world.PassSeconds(120);
        Assert.Null(world.Shown("web"));
        Assert.Equal(1, Starts(world, "web"));
    }

    [Fact]
    public void A_force_deletion_kills_at_once_and_no_listing_in_between_starts_the_pod_anew()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Stubborn);
        world.Put("other.yaml", PodWorld.Manifest("other"));
        // The file is gone and the watcher still waits whether it comes back: another file's change hands out all wishes.
        Delete(world, "web", TimeSpan.Zero);
        world.Put("other.yaml", PodWorld.Manifest("other", ["changed"]));

        Assert.Null(world.Shown("web"));
        Assert.Equal(1, Starts(world, "web"));
        world.PassSeconds(120);
        Assert.Null(world.Shown("web"));
    }

    [Fact]
    public void A_second_deletion_of_a_pod_that_is_ending_can_only_shorten_its_grace()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Stubborn);
        Delete(world, "web");
        world.PassSeconds(2);
        Assert.Equal(TimeSpan.FromSeconds(30), Delete(world, "web", TimeSpan.FromSeconds(300))!.Grace);
        Assert.NotNull(world.Shown("web")!.Metadata!.DeletionTimestamp);

        Assert.Equal(TimeSpan.FromSeconds(7), Delete(world, "web", TimeSpan.FromSeconds(5))!.Grace);
        Assert.Equal(7, world.Shown("web")!.Metadata!.DeletionGracePeriodSeconds);
        world.PassSeconds(5);
        Assert.Null(world.Shown("web"));
    }

    [Fact]
    public void A_pod_whose_file_was_taken_away_by_hand_can_still_be_hurried()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Stubborn);
        world.Remove("web.yaml");
        world.PassSeconds(3);
        Assert.NotNull(world.Shown("web"));
        Assert.Equal(TimeSpan.Zero, Delete(world, "web", TimeSpan.Zero)!.Grace);
        Assert.Null(world.Shown("web"));
    }

    [Fact]
    public void A_file_with_several_pods_is_refused_and_nothing_happens_to_any_of_them()
    {
        using var world = new PodWorld().Start();
        world.Put("both.yaml", PodWorld.Manifest("web") + "---\n" + PodWorld.Manifest("db"));
        var refused = Assert.Throws<PodDeletionRefusedException>(() => Delete(world, "web"));

        Assert.Equal(WithdrawalRefusal.SharedFile, refused.Reason);
        Assert.Contains("/etc/podagent/both.yaml holds other pods as well (default/db)", refused.Message);
        Assert.NotNull(world.Folder.Stat("both.yaml"));
        world.PassSeconds(60);
        Assert.True(world.IsRunning("web") && world.IsRunning("db"));
    }

    [Fact]
    public void A_file_that_is_edited_at_the_very_moment_stays()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Folder.BeforeRemoval = () => world.Folder.Put("web.yaml", PodWorld.Manifest("web", ["newer"]));
        var refused = Assert.Throws<PodDeletionRefusedException>(() => Delete(world, "web"));

        Assert.Equal(WithdrawalRefusal.FileChanged, refused.Reason);
        world.PassSeconds(60);
        Assert.True(world.IsRunning("web", "newer"));
    }

    [Fact]
    public void A_file_that_cannot_be_removed_leaves_the_pod_alone()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.Folder.RemovalProblem = "read-only file system";
        Assert.Throws<IOException>(() => Delete(world, "web"));
        world.PassSeconds(60);
        Assert.True(world.IsRunning("web"));
        Assert.Null(world.Shown("web")!.Metadata!.DeletionTimestamp);
    }

    [Fact]
    public void A_dry_run_decides_and_does_nothing()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        PodUid uid = UidOf(world, "web");
        Assert.Equal(TimeSpan.FromSeconds(3), world.Ask(() => world.Loops.Deletions.DeleteAsync(uid, TimeSpan.FromSeconds(3), dryRun: true, default))!.Grace);
        world.PassSeconds(60);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void The_same_manifest_put_back_while_its_pod_ends_starts_it_anew_afterwards()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Stubborn);
        Delete(world, "web", TimeSpan.FromSeconds(10));
        world.Put("web.yaml", Stubborn);
        world.PassSeconds(20);
        Assert.True(world.IsRunning("web"));
        Assert.Null(world.Shown("web")!.Metadata!.DeletionTimestamp);
        Assert.Equal(2, Starts(world, "web"));
    }

    [Fact]
    public void A_pod_that_is_over_is_deleted_with_its_file()
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", ["main: exit 0"], restart: "Never"));
        world.PassSeconds(30);
        Assert.Equal(PodPhase.Succeeded, world.Status("job").Phase);
        Delete(world, "job");
        Assert.Null(world.Shown("job"));
        Assert.Null(world.Folder.Stat("job.yaml"));
    }

    [Fact]
    public void A_name_that_two_files_claim_goes_to_the_second_when_the_first_ones_pod_is_deleted()
    {
        using var world = new PodWorld().Start();
        world.Put("a.yaml", PodWorld.Manifest("web", ["first"]));
        world.Put("b.yaml", PodWorld.Manifest("web", ["second"]));
        Delete(world, "web");
        world.PassSeconds(10);
        Assert.True(world.IsRunning("web", "second"));
        Assert.Null(world.Folder.Stat("a.yaml"));
        Assert.NotNull(world.Folder.Stat("b.yaml"));
    }

    [Fact]
    public void A_pod_that_there_is_not_is_no_error()
    {
        using var world = new PodWorld().Start();
        Assert.Null(world.Ask(() => world.Loops.Deletions.DeleteAsync(new PodUid("none"), null, dryRun: false, default)));
    }

    private static int Starts(PodWorld world, string pod) =>
        world.Runtime.Calls.Count(call => call.Verb == RuntimeVerb.StartContainer && call.Target.StartsWith(pod + "/", StringComparison.Ordinal));

    private static PodUid UidOf(PodWorld world, string pod) => new(world.Shown(pod)!.Metadata!.Uid!);

    private static PodDeletion? Delete(PodWorld world, string pod, TimeSpan? grace = null)
    {
        PodUid uid = UidOf(world, pod);
        return world.Ask(() => world.Loops.Deletions.DeleteAsync(uid, grace, dryRun: false, default));
    }
}
