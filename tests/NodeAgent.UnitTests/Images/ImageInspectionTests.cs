using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using Xunit;

namespace NodeAgent.UnitTests.Images;

/// <summary>How the steps of an image's history go with its layers.</summary>
public sealed class ImageInspectionTests
{
    private static List<ImageHistoryEntry> History(string history, params string[] layers)
    {
        MadeImage made = new();
        ResolvedImage image = made.Resolve(made.AddImage(MediaTypes.OciManifest, history, layers));
        return ImageInspection.History(image.Config.History ?? [], image.Layers);
    }

    private static string[] Layers(List<ImageHistoryEntry> history) =>
        [.. history.Select(step => step.Layer is null ? "none" : new[] { "a", "b" }.Single(layer => MadeImage.BlobOf(layer).ToString() == step.Layer))];

    [Fact(DisplayName = "a step that made a layer has its digest and size, the others have none")]
    public void Fits()
    {
        List<ImageHistoryEntry> history = History(
            """{"created_by":"ADD","created":"2024-01-02T03:04:05.123456789Z"},{"created_by":"ENV","empty_layer":true,"comment":"why"},{"created_by":"RUN","author":"me","empty_layer":false}""",
            "a", "b");

        Assert.Equal(["a", "none", "b"], Layers(history));
        Assert.Equal([100L, 0L, 100L], history.Select(step => step.SizeBytes));
        Assert.Equal(["ADD", "ENV", "RUN"], history.Select(step => step.CreatedBy));
        Assert.Equal(("why", "me"), (history[1].Comment, history[2].Author));
        Assert.Equal(new DateTimeOffset(2024, 1, 2, 3, 4, 5, TimeSpan.Zero), history[0].Created!.Value.AddTicks(-history[0].Created!.Value.Ticks % 10_000_000));
    }

    [Fact(DisplayName = "layers that no step tells of come at the end; steps without a layer left have none")]
    public void DoesNotFit()
    {
        Assert.Equal(["a", "b"], Layers(History("", "a", "b")));
        Assert.Equal(["a", "none", "b"], Layers(History("""{"created_by":"x"},{"empty_layer":true}""", "a", "b")));
        Assert.Equal(["a", "none"], Layers(History("""{"created_by":"x"},{"created_by":"y"}""", "a")));
        Assert.Equal(["a"], Layers(History("null,{\"created_by\":\"x\"}", "a")));
    }

    [Theory(DisplayName = "a time that is none, or Go's zero, is no time")]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("0001-01-01T00:00:00Z")]
    public void NoTime(string created) => Assert.Null(Assert.Single(History($$"""{"created":"{{created}}"}""", "a")).Created);
}
