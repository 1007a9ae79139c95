using NodeAgent.Runtime.Bundle;
using Xunit;

namespace NodeAgent.UnitTests.Bundle;

public sealed class VariableExpansionTests
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("$(A)", "alpha")]
    [InlineData("x$(A)y$(B)z", "xalphaybetaz")]
    [InlineData("$(MISSING)", "$(MISSING)")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$$$(A)", "$alpha")]
    [InlineData("$$$$(A)", "$$(A)")]
    [InlineData("$", "$")]
    [InlineData("cost: 5$", "cost: 5$")]
    [InlineData("$A", "$A")]
    [InlineData("$(A", "$(A")]
    [InlineData("$()", "$()")]
    [InlineData("$(EMPTY)|", "|")]
    [InlineData("$(NESTED)", "$(A)")]
    [InlineData("$(A)$(", "alpha$(")]
    [InlineData("${A}", "${A}")]
    [InlineData("$((A))", "$((A))")]
    public void References_are_replaced_as_Kubernetes_does(string text, string expected)
    {
        Dictionary<string, string> values = new() { ["A"] = "alpha", ["B"] = "beta", ["EMPTY"] = "", ["NESTED"] = "$(A)" };
        Assert.Equal(expected, VariableExpansion.Expand(text, name => values.GetValueOrDefault(name)));
    }
}
