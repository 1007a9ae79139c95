using System.Text;
using NodeAgent.Core.Configuration;
using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Manifests;
using NodeAgent.Images.References;
using Xunit;

namespace NodeAgent.UnitTests.Configuration;

/// <summary>What the configuration file may say of images that nobody uses.</summary>
public sealed class ImageGcReaderTests
{
    [Fact]
    public void Nothing_written_leaves_the_defaults()
    {
        AgentConfiguration configuration = ConfigurationText.Parse("").Configuration!;
        Assert.Null(configuration.ImageGc);
        Assert.Null(configuration.PinnedImages);
        Assert.Equal(new ImageGcSettings(85, 80, TimeSpan.FromMinutes(2), TimeSpan.Zero), ImageGcSettings.Default);
    }

    [Theory]
    [InlineData("imageGCHighThresholdPercent: 90", 90, 80, 120, 0)]
    [InlineData("imageGCLowThresholdPercent: 0", 85, 0, 120, 0)]
    [InlineData("imageGCHighThresholdPercent: 100", 100, 80, 120, 0)]
    [InlineData("imageMinimumGCAge: 0s", 85, 80, 0, 0)]
    [InlineData("imageMaximumGCAge: 168h", 85, 80, 120, 168 * 3600)]
    [InlineData("imageGCHighThresholdPercent: 2\nimageGCLowThresholdPercent: 1\nimageMinimumGCAge: 1h\nimageMaximumGCAge: 2h", 2, 1, 3600, 7200)]
    public void What_is_written_counts_and_the_rest_is_the_default(string text, int high, int low, int minimum, int maximum) => Assert.Equal(
        new ImageGcSettings(high, low, TimeSpan.FromSeconds(minimum), TimeSpan.FromSeconds(maximum)), ConfigurationText.Parse(text + "\n").Configuration!.ImageGc);

    [Theory]
    [InlineData("imageGCHighThresholdPercent: 101", "imageGCHighThresholdPercent", ManifestReason.OutOfRange)]
    [InlineData("imageGCHighThresholdPercent: -1", "imageGCHighThresholdPercent", ManifestReason.OutOfRange)]
    [InlineData("imageGCHighThresholdPercent: 85%", "imageGCHighThresholdPercent", ManifestReason.WrongType)]
    [InlineData("imageGCLowThresholdPercent: full", "imageGCLowThresholdPercent", ManifestReason.WrongType)]
    [InlineData("imageMinimumGCAge: 5", "imageMinimumGCAge", ManifestReason.InvalidValue)]
    [InlineData("imageMaximumGCAge: -1h", "imageMaximumGCAge", ManifestReason.InvalidValue)]
    [InlineData("pinnedImages: busybox", "pinnedImages", ManifestReason.WrongType)]
    [InlineData("pinnedImages: [{}]", "pinnedImages[0]", ManifestReason.WrongType)]
    [InlineData("pinnedImages: [a, \"\"]", "pinnedImages[1]", ManifestReason.WrongType)]
    public void What_cannot_be_meant_is_an_error_with_its_place(string line, string path, ManifestReason reason) => ConfigurationText.AssertRefused(line, path, reason);

    [Theory]
    [InlineData("imageGCHighThresholdPercent: 70", "imageGCHighThresholdPercent", "does not go together: imageGCLowThresholdPercent is 80 by default, imageGCHighThresholdPercent 70")]
    [InlineData("imageGCLowThresholdPercent: 85", "imageGCLowThresholdPercent", "does not go together: imageGCLowThresholdPercent is 85, imageGCHighThresholdPercent 85 by default")]
    [InlineData("imageMaximumGCAge: 1m", "imageMaximumGCAge", "does not go together: imageMaximumGCAge is 1m0s, imageMinimumGCAge 2m0s by default")]
    public void Two_settings_that_contradict_each_other_are_named_with_both_values(string line, string path, string message)
    {
        ConfigurationText.AssertRefused(line, path, ManifestReason.OutOfRange);
        Assert.Equal(message, Assert.Single(ConfigurationText.Parse(line + "\n").Errors).Message);
    }

    [Fact]
    public void A_pattern_that_can_fit_no_image_is_an_error_with_its_line()
    {
        const string text = "apiVersion: podagent.io/v1alpha1\nkind: PodAgentConfiguration\npinnedImages:\n- busybox\n- \"registry.k8s.io/*\"\n- Not a name\n- \"a*b*\"\n";
        var (configuration, errors) = ConfigurationParser.Parse(Encoding.UTF8.GetBytes(text), "podagent.yaml", PinnedNames.Problem);
        Assert.Null(configuration);
        Assert.Equal([(6, "pinnedImages[2]"), (7, "pinnedImages[3]")], errors.Select(error => (error.Line, error.FieldPath)));
    }
}
