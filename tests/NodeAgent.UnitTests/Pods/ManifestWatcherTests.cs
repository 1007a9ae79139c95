using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>What happens in the folder of manifests, and what of it reaches the pods.</summary>
public sealed class ManifestWatcherTests
{
    private static readonly string Web = PodWorld.Manifest("web");

    [Fact]
    public void Half_a_manifest_is_not_taken_before_its_writer_closes_it()
    {
        using var world = new PodWorld().Start();
        world.Do(() => world.Folder.Write("web.yaml", PodWorld.Manifest("web", ["main"])));
        world.PassSeconds(45);
        Assert.Null(world.Shown("web"));

        world.Do(() => world.Folder.Write("web.yaml", PodWorld.Manifest("web", ["main", "side"])));
        world.Do(() => world.Folder.Close("web.yaml"));
        Assert.True(world.IsRunning("web", "side"));
        Assert.Equal(1, world.Folder.Reads);
    }

    [Fact]
    public void A_manifest_that_is_being_rewritten_keeps_its_pod_until_it_is_closed()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Do(() => world.Folder.Write("web.yaml", ""));
        world.PassSeconds(30);
        Assert.True(world.IsRunning("web"));
        Assert.Empty(world.Stores.Manifests.Current);

        world.Do(() => world.Folder.Write("web.yaml", PodWorld.Manifest("web", ["other"])));
        world.Do(() => world.Folder.Close("web.yaml"));
        Assert.True(world.IsRunning("web", "other"));
    }

    [Fact]
    public void A_writer_that_is_never_seen_closing_is_given_up_after_a_while()
    {
        using var world = new PodWorld().Start();
        world.Do(() => world.Folder.Write("web.yaml", Web));
        world.PassSeconds(100);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void A_broken_edit_keeps_the_pod_and_is_told_once_and_a_good_one_heals_it()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Put("web.yaml", Web.Replace("containers:", "contaners:", StringComparison.Ordinal));
        world.PassSeconds(120);

        Assert.True(world.IsRunning("web"));
        var faulty = Assert.Single(world.Stores.Manifests.Current);
        Assert.Equal("/etc/podagent/web.yaml", faulty.File);
        Assert.Contains(faulty.Faults, fault => fault is { FieldPath: "spec.contaners", Line: > 0 });
        Assert.Contains("FailedManifest", world.ReasonsOf("web"));
        Assert.Single(world.Log.Warnings, line => line.Contains("spec.contaners", StringComparison.Ordinal));

        world.Put("web.yaml", Web);
        Assert.Empty(world.Stores.Manifests.Current);
        Assert.Equal(0, world.Container("web").RestartCount);
    }

    [Fact]
    public void Of_two_files_with_one_name_the_first_runs_and_the_second_takes_over_when_it_goes()
    {
        using var world = new PodWorld().Start();
        world.Put("a.yaml", PodWorld.Manifest("web", ["first"]));
        world.Put("b.yaml", PodWorld.Manifest("web", ["second"]));
        Assert.True(world.IsRunning("web", "first"));
        Assert.Contains("already defined by /etc/podagent/a.yaml", Assert.Single(world.Stores.Manifests.Current).Faults[0].Message, StringComparison.Ordinal);

        world.Remove("a.yaml");
        Assert.True(world.IsRunning("web", "second"));
        Assert.Empty(world.Stores.Manifests.Current);
        Assert.Empty(world.Runtime.Violations);
    }

    [Fact]
    public void Several_documents_in_a_file_are_several_pods()
    {
        using var world = new PodWorld().Start();
        world.Put("all.yaml", PodWorld.Manifest("one") + "---\n" + PodWorld.Manifest("two"));
        Assert.True(world.IsRunning("one") && world.IsRunning("two"));

        world.Put("all.yaml", PodWorld.Manifest("two"));
        Assert.Null(world.Shown("one"));
        Assert.True(world.IsRunning("two"));
        Assert.Equal(2, world.Runtime.Calls.Count(call => call.Verb == Testing.Fakes.RuntimeVerb.RunPodSandbox));
    }

    [Theory]
    [InlineData("web.yaml~")]
    [InlineData(".web.yaml.swp")]
    [InlineData("web.yaml.backup")]
    [InlineData("README")]
    public void Files_that_are_no_manifests_are_not_read(string name)
    {
        using var world = new PodWorld().Start();
        world.Put(name, Web);
        world.PassSeconds(60);
        Assert.Equal(0, world.Folder.Reads);
    }

    [Fact]
    public void A_file_that_goes_and_comes_back_at_once_does_not_end_its_pod()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Runtime.ForgetCalls();
        world.Do(() => world.Folder.Delete("web.yaml"));
        world.Pass(TimeSpan.FromMilliseconds(150));
        world.Do(() => world.Folder.Write("web.yaml", Web));
        world.PassSeconds(5);
        world.Do(() => world.Folder.Close("web.yaml"));
        world.PassSeconds(60);

        Assert.Empty(world.Runtime.Changes());
        Assert.Empty(world.Stores.Manifests.Current);
    }

    [Fact]
    public void A_file_saved_by_renaming_it_to_a_backup_and_writing_anew_does_not_end_its_pod()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Runtime.ForgetCalls();
        world.Do(() => world.Folder.Rename("web.yaml", "web.yaml~"));
        world.Do(() => world.Folder.Write("web.yaml", Web));
        world.Do(() => world.Folder.Close("web.yaml"));
        world.Do(() => world.Folder.Delete("web.yaml~"));
        world.PassSeconds(60);

        Assert.Empty(world.Runtime.Changes());
    }

    [Fact]
    public void A_file_renamed_within_the_folder_hands_its_name_over_without_a_clash()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Do(() => world.Folder.Rename("web.yaml", "site.yaml"));
        world.PassSeconds(1);

        Assert.True(world.IsRunning("web"));
        Assert.Empty(world.Stores.Manifests.Current);
        Assert.DoesNotContain(world.Log.Warnings, line => line.Contains("already defined", StringComparison.Ordinal));
        Assert.Equal("/etc/podagent/site.yaml", Assert.Single(world.Runtime.Snapshot()).Source);
    }

    [Fact]
    public void Lost_hints_are_healed_by_the_listing_when_the_file_has_stood_still()
    {
        using var world = new PodWorld().Start();
        world.Folder.LosesHints = true;
        world.Put("web.yaml", Web);
        world.PassSeconds(20);
        Assert.Null(world.Shown("web"));
        world.PassSeconds(0.5);
        Assert.True(world.IsRunning("web"));

        world.Do(() => world.Folder.Delete("web.yaml"));
        world.PassSeconds(25);
        Assert.Null(world.Shown("web"));
    }

    [Fact]
    public void An_overflow_of_hints_lists_the_folder_at_once()
    {
        using var world = new PodWorld().Start();
        world.Folder.LosesHints = true;
        world.Put("web.yaml", Web);
        world.Folder.LosesHints = false;
        world.Do(world.Folder.SayLost);
        world.PassSeconds(0.5);
        Assert.True(world.IsRunning("web"));
    }

    [Fact]
    public void Without_hints_the_folder_is_listed_every_second()
    {
        using var world = new PodWorld();
        world.Folder.WatchProblem = "inotify_add_watch: ENOSPC";
        world.Start();
        world.Put("web.yaml", Web);
        world.PassSeconds(1.5);

        Assert.True(world.IsRunning("web"));
        Assert.Single(world.Log.Warnings, line => line.Contains("ENOSPC", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_that_goes_changes_nothing_and_when_it_is_back_its_changes_count()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Put("old.yaml", PodWorld.Manifest("old"));
        world.Folder.Problem = "it does not exist";
        world.Do(world.Folder.SayLost);
        world.PassSeconds(300);
        Assert.True(world.IsRunning("web") && world.IsRunning("old"));
        Assert.Equal("/etc/podagent", Assert.Single(world.Stores.Manifests.Current).File);
        Assert.Single(world.Log.Warnings, line => line.Contains("cannot be listed", StringComparison.Ordinal));

        world.Folder.Delete("old.yaml");
        world.Folder.Problem = null;
        world.PassSeconds(2);
        Assert.Null(world.Shown("old"));
        Assert.True(world.IsRunning("web"));
        world.Put("new.yaml", PodWorld.Manifest("new"));
        Assert.True(world.IsRunning("new"));
    }

    [Fact]
    public void What_is_no_regular_file_is_told_and_a_file_in_its_place_runs()
    {
        using var world = new PodWorld().Start();
        world.Do(() => world.Folder.PutFault("web.yaml", ManifestError.NotARegularFile("/etc/podagent/web.yaml", "FIFO")));
        Assert.Contains("FIFO", Assert.Single(world.Stores.Manifests.Current).Faults[0].Message, StringComparison.Ordinal);

        world.Put("web.yaml", Web);
        Assert.True(world.IsRunning("web"));
        Assert.Empty(world.Stores.Manifests.Current);
    }

    [Fact]
    public void A_faulty_file_that_is_removed_leaves_no_fault()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", "nonsense");
        Assert.Single(world.Stores.Manifests.Current);
        world.Remove("web.yaml");
        Assert.Empty(world.Stores.Manifests.Current);
    }

    [Fact]
    public void Content_that_is_written_again_unchanged_does_nothing()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", Web);
        world.Runtime.ForgetCalls();
        world.Put("web.yaml", Web);
        world.Put("web.yaml", "# a comment\n" + Web);
        world.PassSeconds(10);
        Assert.Empty(world.Runtime.Changes());
    }
}
