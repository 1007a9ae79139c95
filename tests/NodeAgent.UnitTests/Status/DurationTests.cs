using NodeAgent.Core.Status;
using Xunit;

namespace NodeAgent.UnitTests.Status;

public sealed class DurationTests
{
    [Theory]
    [InlineData(-2.5, "<invalid>")]
    [InlineData(-0.5, "0s")]
    [InlineData(0, "0s")]
    [InlineData(119.9, "119s")]
    [InlineData(120, "2m")]
    [InlineData(310, "5m10s")]
    [InlineData(599, "9m59s")]
    [InlineData(600, "10m")]
    [InlineData(10799, "179m")]
    [InlineData(10800, "3h")]
    [InlineData(12060, "3h21m")]
    [InlineData(8 * 3600, "8h")]
    [InlineData(47.9 * 3600, "47h")]
    [InlineData(48 * 3600, "2d")]
    [InlineData(76 * 3600, "3d4h")]
    [InlineData(192 * 3600, "8d")]
    [InlineData(729.0 * 86400, "729d")]
    [InlineData(730.0 * 86400, "2y")]
    [InlineData(760.0 * 86400, "2y30d")]
    [InlineData(2920.0 * 86400, "8y")]
    public void A_span_for_people_has_at_most_two_units(double seconds, string expected) =>
        Assert.Equal(expected, HumanDuration.Format(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(0.0005, "500µs")]
    [InlineData(0.5, "500ms")]
    [InlineData(10, "10s")]
    [InlineData(80, "1m20s")]
    [InlineData(300, "5m0s")]
    [InlineData(3600, "1h0m0s")]
    [InlineData(1.25, "1.25s")]
    [InlineData(-10, "-10s")]
    public void A_span_in_messages_is_printed_as_Go_prints_it(double seconds, string expected) =>
        Assert.Equal(expected, GoDuration.Format(TimeSpan.FromSeconds(seconds)));
}
