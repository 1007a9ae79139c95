using System.Text;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>What deleting a pod does to its file: every cell of the table.</summary>
public sealed class WithdrawalDecisionTests
{
    private const string File = "/etc/podagent/web.yaml";
    private static readonly string Web = Yaml("web", "a");
    private static readonly PodUid Uid = new(PodIdentity.Uid("node", File, Parse(Web).Pods[0]));

    [Theory(DisplayName = "the file goes only if it holds this very pod and nothing else")]
    [InlineData("gone", false, "PodAlone")]
    [InlineData("gone", true, "PodAlone")]
    [InlineData("alone", false, "TakeFile")]
    [InlineData("alone", true, "TakeFile")]
    [InlineData("resized", false, "TakeFile")]
    [InlineData("shared", false, "SharedFile")]
    [InlineData("shared", true, "SharedFile")]
    [InlineData("faulty", false, "FaultyFile")]
    [InlineData("faulty", true, "PodAlone")]
    [InlineData("faulty beside", false, "FaultyFile")]
    [InlineData("empty", false, "FileChanged")]
    [InlineData("edited", false, "FileChanged")]
    [InlineData("edited", true, "PodAlone")]
    [InlineData("other", false, "FileChanged")]
    [InlineData("other", true, "PodAlone")]
    public void Cells(string content, bool ending, string expected)
    {
        string? text = content switch
        {
            "gone" => null,
            "alone" => Web,
            "resized" => Web.Replace("2m", "1m", StringComparison.Ordinal),
            "shared" => Web + "---\n" + Yaml("db", "a"),
            "faulty" => Web.Replace("spec:", "spek:", StringComparison.Ordinal),
            "faulty beside" => Web + "---\n" + Yaml("db", "a").Replace("spec:", "spek:", StringComparison.Ordinal),
            "empty" => "",
            "edited" => Yaml("web", "b"),
            _ => Yaml("db", "a"),
        };
        // An empty file is valid, or it is faulty: either way nothing is taken.
        ManifestFile? file = text is null ? null : Parse(text);
        if (content == "empty" && !file!.IsValid) expected = "FaultyFile";
        Withdrawal decision = WithdrawalDecision.Decide("node", File, file, new PodName("default", "web"), Uid, ending);
        Assert.Equal(expected, decision is Withdrawal.Refused refused ? refused.Reason.ToString() : decision.GetType().Name);
        if (decision is Withdrawal.Refused why) Assert.Contains(File, why.Message);
    }

    [Fact(DisplayName = "a refusal names the pods that would be lost with it")]
    public void Others()
    {
        Withdrawal decision = WithdrawalDecision.Decide(
            "node", File, Parse(Web + "---\n" + Yaml("db", "a") + "---\n" + Yaml("cache", "a")), new PodName("default", "web"), Uid, ending: false);
        Assert.Contains("(default/db, default/cache): take the document of web out of the file", Assert.IsType<Withdrawal.Refused>(decision).Message);
    }

    private static ManifestFile Parse(string text) => ManifestParser.Parse(Encoding.UTF8.GetBytes(text), File);

    private static string Yaml(string name, string image) => $$$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{{name}}}}
        spec:
          containers:
          - name: main
            image: {{{image}}}
            resources: {requests: {cpu: 2m}}

        """;
}
