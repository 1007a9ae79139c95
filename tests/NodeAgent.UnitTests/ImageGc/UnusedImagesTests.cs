using NodeAgent.Core.Cri;
using NodeAgent.Core.ImageGc;
using Xunit;

namespace NodeAgent.UnitTests.ImageGc;

/// <summary>Which images may go, and which first.</summary>
public sealed class UnusedImagesTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Minimum = TimeSpan.FromMinutes(2);

    [Fact]
    public void Those_that_nobody_uses_go_longest_unused_first_and_a_fresh_one_stays()
    {
        ImageRecord[] images = [Image("used", 60), Image("old", 50), Image("seen", 55), Image("fresh", 1)];
        ImageHistory history = ImageHistory.Empty.Observe(images, Ids("seen"), Now.AddMinutes(-10));
        Assert.Equal(["old", "seen"], ForRoom(images, Ids("used"), history));
    }

    [Fact]
    public void A_pinned_one_never_goes()
    {
        ImageRecord[] images = [Image("kept", 5000) with { Pinned = true }, Image("old", 50)];
        ImageHistory history = ImageHistory.Empty.Observe(images, Ids(), Now.AddDays(-3));
        Assert.Equal(["old"], ForRoom(images, Ids(), history));
        Assert.Equal(["old"], Expired(images, Ids(), history, TimeSpan.FromDays(1)));
        Assert.Equal(["old"], UnusedImages.ForPrune(images, Ids(), all: true).Select(image => image.Id));
    }

    [Fact]
    public void One_whose_pod_has_just_gone_is_as_fresh_as_one_that_has_just_come()
    {
        ImageRecord[] images = [Image("web", 5000)];
        ImageHistory history = ImageHistory.Empty.Observe(images, Ids("web"), Now.AddSeconds(-119));
        Assert.Empty(ForRoom(images, Ids(), history));
        Assert.Equal(["web"], ForRoom(images, Ids(), history, Now.AddSeconds(1)));
    }

    [Fact]
    public void After_a_restart_of_the_agent_room_can_be_made_at_once_but_ages_begin_anew()
    {
        ImageRecord[] images = [Image("old", 5000), Image("older", 6000)];
        ImageHistory history = ImageHistory.Empty.Observe(images, Ids(), Now);
        Assert.Equal(["older", "old"], ForRoom(images, Ids(), history));
        Assert.Empty(Expired(images, Ids(), history, TimeSpan.FromHours(1), Now.AddHours(1)));
        Assert.Equal(["older", "old"], Expired(images, Ids(), history, TimeSpan.FromHours(1), Now.AddHours(1).AddSeconds(1)));
    }

    [Fact]
    public void A_wall_clock_that_was_set_back_keeps_no_image_young_for_ever()
    {
        ImageRecord[] images = [Image("future", -100_000)];
        ImageHistory history = ImageHistory.Empty.Observe(images, Ids(), Now);
        Assert.Empty(ForRoom(images, Ids(), history, Now.AddSeconds(119)));
        Assert.Equal(["future"], ForRoom(images, Ids(), history, Now.AddSeconds(120)));
    }

    [Fact]
    public void Age_counts_from_the_last_use_and_not_at_all_when_no_age_is_set()
    {
        ImageRecord[] images = [Image("never", 100), Image("lately", 100)];
        ImageHistory history = ImageHistory.Empty.Observe(images, Ids(), Now.AddHours(-3)).Observe(images, Ids("lately"), Now.AddHours(-1));
        Assert.Equal(["never"], Expired(images, Ids(), history, TimeSpan.FromHours(2)));
        Assert.Empty(Expired(images, Ids("never"), history, TimeSpan.FromHours(2)));
        Assert.Empty(Expired(images, Ids(), history, TimeSpan.Zero));
    }

    [Fact]
    public void What_has_gone_and_come_back_is_new()
    {
        ImageRecord image = Image("web", 100);
        ImageHistory history = ImageHistory.Empty.Observe([image], Ids(), Now.AddHours(-3)).Observe([], Ids(), Now.AddHours(-2)).Observe([image], Ids(), Now.AddHours(-1));
        Assert.Equal(TimeSpan.FromHours(1), history.SeenUnusedFor(image, Now));
    }

    [Fact]
    public void A_prune_takes_what_has_no_tag_or_all_and_never_what_is_in_use()
    {
        ImageRecord[] images = [Image("tagged", 1), Image("bare", 1) with { Names = [] }, Image("run", 1) with { Names = [] }];
        Assert.Equal(["bare"], UnusedImages.ForPrune(images, Ids("run"), all: false).Select(image => image.Id));
        Assert.Equal(["tagged", "bare"], UnusedImages.ForPrune(images, Ids("run"), all: true).Select(image => image.Id));
    }

    private static ImageRecord Image(string id, int minutes) => new(id, [id + ":1"], "", 1, [], new ImageConfig(), Now.AddMinutes(-minutes));

    private static HashSet<string> Ids(params string[] ids) => [.. ids];

    private static IEnumerable<string> ForRoom(ImageRecord[] images, HashSet<string> inUse, ImageHistory history, DateTimeOffset? now = null) =>
        UnusedImages.ForRoom(images, inUse, history, Minimum, now ?? Now).Select(image => image.Id);

    private static IEnumerable<string> Expired(ImageRecord[] images, HashSet<string> inUse, ImageHistory history, TimeSpan age, DateTimeOffset? now = null) =>
        UnusedImages.Expired(images, inUse, history, age, now ?? Now).Select(image => image.Id);
}
