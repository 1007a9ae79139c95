using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Model;

public sealed class QuantityTests
{
    [Theory(DisplayName = "A quantity prints in its canonical form")]
    [InlineData("0", "0")]
    [InlineData("0Gi", "0")]
    [InlineData("-0", "0")]
    [InlineData("1", "1")]
    [InlineData("+7", "7")]
    [InlineData("007", "7")]
    [InlineData("1.", "1")]
    [InlineData(".5", "500m")]
    [InlineData("0.5", "500m")]
    [InlineData("1.5", "1500m")]
    [InlineData("1500m", "1500m")]
    [InlineData("1000m", "1")]
    [InlineData("100000", "100k")]
    [InlineData("123456", "123456")]
    [InlineData("1000k", "1M")]
    [InlineData("1.2M", "1200k")]
    [InlineData("1000u", "1m")]
    [InlineData("1n", "1n")]
    [InlineData("-250m", "-250m")]
    [InlineData("1Ki", "1Ki")]
    [InlineData("1024Ki", "1Mi")]
    [InlineData("1023Mi", "1023Mi")]
    [InlineData("1.5Gi", "1536Mi")]
    [InlineData("0.5Ki", "512")]
    [InlineData("0.1Mi", "104857600m")]
    [InlineData("-2Gi", "-2Gi")]
    [InlineData("1e3", "1e3")]
    [InlineData("12E6", "12e6")]
    [InlineData("1200e3", "1200e3")]
    [InlineData("1E", "1E")]
    [InlineData("1e-3", "1e-3")]
    [InlineData("100e2", "10e3")]
    [InlineData("10E", "10E")]
    [InlineData("8Ei", "9223372036854775807")]
    [InlineData("9223372036854775808", "9223372036854775807")]
    public void Canonical(string text, string canonical) => Assert.Equal(canonical, Quantity.Parse(text).ToString());

    [Theory(DisplayName = "What is finer than a billionth is rounded away from zero, so that a request never becomes none")]
    [InlineData("0.0000000001", "1n")]
    [InlineData("-0.1n", "-1n")]
    [InlineData("1.00000000001", "1000000001n")]
    [InlineData("1e-400", "1e-9")]
    public void RoundsUp(string text, string canonical) => Assert.Equal(canonical, Quantity.Parse(text).ToString());

    [Theory(DisplayName = "Whole and milli values round away from zero")]
    [InlineData("1m", 1, 1)]
    [InlineData("1001m", 2, 1001)]
    [InlineData("-1m", -1, -1)]
    [InlineData("100u", 1, 1)]
    [InlineData("250m", 1, 250)]
    [InlineData("2", 2, 2000)]
    [InlineData("64Mi", 67108864, 67108864000)]
    [InlineData("10E", long.MaxValue, long.MaxValue)]
    public void Values(string text, long value, long milli)
    {
        Quantity quantity = Quantity.Parse(text);
        Assert.Equal((value, milli), (quantity.Value, quantity.MilliValue));
    }

    [Theory(DisplayName = "What is not a quantity is refused with the reason")]
    [InlineData("", "is empty")]
    [InlineData("Gi", "does not start with a number")]
    [InlineData(".", "does not start with a number")]
    [InlineData("-", "does not start with a number")]
    [InlineData("1K", "Ki is 1024, k is 1000")]
    [InlineData("1GB", "Gi is 1024 Mi")]
    [InlineData("1 Gi", "no such unit as \" Gi\"")]
    [InlineData("1.2.3", "no such unit")]
    [InlineData("1e", "no such unit")]
    [InlineData("1e1.5", "no such unit")]
    [InlineData("0x10", "no such unit")]
    [InlineData("١", "does not start with a number")]
    [InlineData("1e99999", "too large")]
    public void Refused(string text, string reason)
    {
        Assert.False(Quantity.TryParse(text, out _, out string? problem));
        Assert.Contains(reason, problem, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "A quantity of thousands of digits is refused before any arithmetic")]
    public void TooLong() => Assert.False(Quantity.TryParse(new string('9', 100_000), out _));

    [Fact(DisplayName = "Quantities are equal by value, whatever the notation")]
    public void Equality()
    {
        Assert.Equal(Quantity.Parse("1"), Quantity.Parse("1000m"));
        Assert.Equal(Quantity.Parse("1Gi").GetHashCode(), Quantity.Parse("1024Mi").GetHashCode());
        Assert.True(Quantity.Parse("999m") < Quantity.Parse("1"));
        Assert.NotEqual(Quantity.Parse("1G"), Quantity.Parse("1Gi"));
    }

    [Fact(DisplayName = "A sum is exact and keeps the notation of its first part that is not zero")]
    public void Sum()
    {
        Assert.Equal("1100m", (Quantity.Parse("1") + Quantity.Parse("100m")).ToString());
        Assert.Equal("2Gi", (Quantity.Zero + Quantity.Parse("1Gi") + Quantity.Parse("1Gi")).ToString());
        Assert.Equal("0", (Quantity.Parse("300m") - Quantity.Parse("0.3")).ToString());
        Assert.Equal(Quantity.Parse("0.3"), Quantity.Parse("0.1") + Quantity.Parse("0.2"));
    }

    [Fact(DisplayName = "Every canonical text parses back to itself")]
    public void RoundTrip()
    {
        var random = new Random(20260131);
        string[] suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "e3", "e-6", "E2"];
        for (int i = 0; i < 5000; i++)
        {
            string text = $"{(random.Next(4) == 0 ? "-" : "")}{random.Next(5000)}.{random.Next(1000)}{suffixes[random.Next(suffixes.Length)]}";
            Quantity quantity = Quantity.Parse(text);
            Quantity again = Quantity.Parse(quantity.ToString());
            Assert.Equal(quantity, again);
            Assert.Equal(quantity.ToString(), again.ToString());
        }
    }
}
