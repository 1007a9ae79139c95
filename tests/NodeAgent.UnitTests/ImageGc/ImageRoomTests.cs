using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using Xunit;

namespace NodeAgent.UnitTests.ImageGc;

/// <summary>When images have to go, and how many bytes' worth.</summary>
public sealed class ImageRoomTests
{
    [Theory(DisplayName = "room is scarce from the high threshold on, and until the low one is reached something is missing")]
    [InlineData(1000, 1000, 0, false, 0)]
    [InlineData(160, 1000, 84, false, 40)]
    [InlineData(159, 1000, 85, true, 41)]
    [InlineData(150, 1000, 85, true, 50)]
    [InlineData(0, 1000, 100, true, 200)]
    [InlineData(200, 1000, 80, false, 0)]
    [InlineData(201, 1000, 80, false, 0)]
    [InlineData(-5, 1000, 100, true, 200)]
    [InlineData(2000, 1000, 0, false, 0)]
    [InlineData(0, 0, 100, false, 0)]
    [InlineData(long.MaxValue / 10, long.MaxValue, 91, true, 922337203685477581)]
    public void Defaults(long available, long capacity, int used, bool scarce, long missing)
    {
        var disk = new SignalReading(available, capacity);
        Assert.Equal((used, scarce, missing), (ImageRoom.UsedPercent(disk), ImageRoom.IsScarce(ImageGcSettings.Default, disk), ImageRoom.Missing(ImageGcSettings.Default, disk)));
    }

    [Theory(DisplayName = "a high threshold of 100 never asks for room, one of 1 does as soon as anything is used")]
    [InlineData(100, 80, 0, false)]
    [InlineData(1, 0, 999, true)]
    [InlineData(1, 0, 1000, false)]
    public void Edges(int high, int low, long available, bool scarce) =>
        Assert.Equal(scarce, ImageRoom.IsScarce(ImageGcSettings.Default with { HighThresholdPercent = high, LowThresholdPercent = low }, new SignalReading(available, 1000)));
}
