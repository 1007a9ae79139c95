using NodeAgent.Linux;
using Xunit;

namespace NodeAgent.UnitTests.Runtime;

public sealed class SignalNumbersTests
{
    [Theory]
    [InlineData("SIGTERM", 15)]
    [InlineData("term", 15)]
    [InlineData("9", 9)]
    [InlineData("SIGQUIT", 3)]
    [InlineData("SIGWINCH", 28)]
    [InlineData("SIGIOT", 6)]
    [InlineData("SIGRTMIN", 34)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("RTMAX-1", 63)]
    [InlineData("SIGRTMIN+31", null)]
    [InlineData("SIGRTMIN-1", null)]
    [InlineData("65", null)]
    [InlineData("0", null)]
    [InlineData("", null)]
    [InlineData("SIG", null)]
    [InlineData("SIGNOPE", null)]
    public void Names_and_numbers_of_signals(string text, int? number) => Assert.Equal(number, SignalNumbers.Parse(text));

    [Fact]
    public void Every_signal_has_a_name_that_leads_back_to_it()
    {
        for (int signal = 1; signal <= SignalNumbers.SIGRTMAX; signal++) Assert.Equal(signal, SignalNumbers.Parse(SignalNumbers.Name(signal)));
    }
}
