using NodeAgent.Api;
using NodeAgent.Api.Selectors;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class SelectorTests
{
    private static readonly Dictionary<string, string> Labels = new() { ["app"] = "web", ["tier"] = "front", ["k8s.io/x"] = "" };

    [Theory(DisplayName = "a label selector matches as in the Kubernetes API: a missing label satisfies != and notin")]
    [InlineData("", true)]
    [InlineData("app=web", true)]
    [InlineData("app==web", true)]
    [InlineData("app=db", false)]
    [InlineData("app = web , tier = front", true)]
    [InlineData("app=web,tier=back", false)]
    [InlineData("app!=db", true)]
    [InlineData("missing!=db", true)]
    [InlineData("app in (db, web)", true)]
    [InlineData("app in (db)", false)]
    [InlineData("missing in (db)", false)]
    [InlineData("app notin (db),tier in (front,back)", true)]
    [InlineData("missing notin (db)", true)]
    [InlineData("app notin (web)", false)]
    [InlineData("app", true)]
    [InlineData("missing", false)]
    [InlineData("!missing", true)]
    [InlineData("!app", false)]
    [InlineData("k8s.io/x=", true)]
    public void LabelSelectors(string selector, bool matches) => Assert.Equal(matches, LabelSelectorExpression.Parse(selector).Matches(Labels));

    [Theory(DisplayName = "what is no selector is refused, naming the part")]
    [InlineData("app=web,", "\"\"")]
    [InlineData("=web", "\"\"")]
    [InlineData("app in web", "\"app in web\"")]
    [InlineData("app within (web)", "\"app within (web)\"")]
    [InlineData("app=a=b", "\"app=a=b\"")]
    [InlineData("app in (a", "\"app in (a\"")]
    public void Unreadable(string selector, string part) => Assert.Contains(part, Assert.Throws<ApiException>(() => LabelSelectorExpression.Parse(selector)).Message);
}
