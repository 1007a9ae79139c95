using System.Text;
using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>Megabytes of anything: an answer in bounded time and memory. The whole limit takes these tests too long; a tenth shows the growth.</summary>
[Collection("limits")]
public sealed class LimitTests
{
    private const int Size = ManifestParser.MaxBytes / 10;

    public static TheoryData<string> Shapes => [.. Texts.Keys];

    private static readonly Dictionary<string, Func<string>> Texts = new()
    {
        ["one scalar"] = () => new string('a', Size),
        ["one quoted scalar"] = () => "\"" + new string('a', Size - 2) + "\"",
        ["a quote that never ends"] = () => "\"" + new string('a', Size - 1),
        ["one comment"] = () => "#" + new string('a', Size - 1),
        ["lines of comments"] = () => Repeat("# a\n"),
        ["blank lines"] = () => new string('\n', Size),
        ["spaces"] = () => new string(' ', Size),
        ["tabs"] = () => new string('\t', Size),
        ["lines of a tab and a letter"] = () => Repeat("\ta\n"),
        ["opening brackets"] = () => new string('[', Size),
        ["opening braces"] = () => new string('{', Size),
        ["brackets in a mapping"] = () => Repeat("{a: "),
        ["dashes"] = () => Repeat("- "),
        ["dashes on lines"] = () => Repeat("-\n"),
        ["question marks"] = () => Repeat("? "),
        ["colons"] = () => Repeat(": "),
        ["keys"] = () => string.Concat(Enumerable.Range(0, Size / 12).Select(i => $"k{i:D7}: \n")),
        ["the same key"] = () => Repeat("a: 1\n"),
        ["numbers in a list"] = () => "[" + Repeat("1,")[..(Size - 2)] + "]",
        ["documents"] = () => Repeat("---\n"),
        ["documents with a value"] = () => Repeat("--- a\n"),
        ["anchors"] = () => Repeat("- &a a\n"),
        ["aliases"] = () => "- &a a\n" + Repeat("- *a\n")[..(Size - 20)],
        ["tags"] = () => Repeat("!!str "),
        ["percent signs"] = () => Repeat("%YAML 1.1\n"),
        ["block scalars"] = () => Repeat("- |\n  a\n"),
        ["a block scalar of blank lines"] = () => "a: |\n" + new string('\n', Size - 10),
        ["deeper and deeper indentation"] = () => string.Concat(Enumerable.Range(0, 1400).Select(i => new string(' ', i) + "a:\n")),
        ["stars"] = () => new string('*', Size),
        ["backslashes in quotes"] = () => "\"" + new string('\\', Size - 2) + "\"",
        ["a plain scalar over lines"] = () => "a: " + Repeat("b\n  ")[..(Size - 10)],
        ["JSON arrays"] = () => "{\"a\":" + new string('[', Size - 10),
        ["JSON numbers"] = () => "{\"a\":[" + Repeat("1,")[..(Size - 10)] + "1]}",
        ["a bomb of aliases"] = Bomb,
        ["a bomb of long texts"] = TextBomb,
        ["a bomb of merges"] = () => "a: &a {" + string.Concat(Enumerable.Range(0, 1000).Select(i => $"k{i}: v, ")) + "}\n"
            + string.Concat(Enumerable.Range(0, 1000).Select(i => $"b{i}: {{<<: *a}}\n")),
        ["a pod with a list of arguments"] = () => Manifest.Web + "    args: [" + Repeat("a,")[..(Size - 200)] + "]\n",
        ["a pod with a huge argument"] = () => Manifest.Web + "    args: [\"" + Repeat("é\"é")[..500_000].Replace("\"", "\\n", StringComparison.Ordinal) + "\"]\n",
        ["a pod with wrong arguments"] = () => Manifest.Web + "    args: [" + Repeat("1,")[..100_000] + "]\n",
        ["a pod with unknown fields"] = () => Manifest.Web
            + string.Concat(Enumerable.Range(0, 40_000).Select(i => $"    unknown{i}: 1\n")),
        ["many small pods"] = () => string.Concat(Enumerable.Range(0, 2_000)
            .Select(i => Manifest.Web.Replace("name: web", $"name: web-{i}", StringComparison.Ordinal) + "---\n")),
    };

    [Theory(DisplayName = "Megabytes of anything are answered within seconds and without exhausting memory")]
    [MemberData(nameof(Shapes))]
    public void Bounded(string shape)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Texts[shape]());
        Assert.True(bytes.Length <= Size, $"{bytes.Length}");
        long before = GC.GetTotalAllocatedBytes(precise: true);
        TimeSpan started = Environment.CpuUsage.TotalTime;
        ManifestFile file = ManifestParser.Parse(bytes, "x.yaml");
        TimeSpan spent = Environment.CpuUsage.TotalTime - started;
        long allocated = (GC.GetTotalAllocatedBytes(precise: true) - before) >> 20;
        TestContext.Current.SendDiagnosticMessage($"{shape}: {spent.TotalMilliseconds:F0} ms of processor, {allocated} MiB allocated, {file.Pods.Count} pods, "
            + $"{file.Errors.Count} errors, first: {file.Errors.FirstOrDefault()}");
        // Processor time, because the machine may be busy; and generous: the danger is growth by the square, which would take minutes.
        Assert.True(spent < TimeSpan.FromSeconds(10), $"{shape} took {spent} of processor time");
        Assert.True(allocated < 512, $"{shape} allocated {allocated} MiB in all");
    }

    [Fact(DisplayName = "A file above the limit is refused by its size alone")]
    public void TooLarge()
    {
        ManifestError error = Assert.Single(ManifestParser.Parse(new byte[ManifestParser.MaxBytes + 1], "x.yaml").Errors);
        Assert.Equal(ManifestReason.TooLarge, error.Reason);
    }

    [Theory(DisplayName = "A hundred levels are read, one more is refused with its place")]
    [InlineData(100, false)]
    [InlineData(101, true)]
    public void Depth(int levels, bool refused)
    {
        string text = new string('[', levels) + new string(']', levels);
        foreach (string name in (string[])["x.yaml", "x.json"])
        {
            ManifestError error = Assert.Single(Manifest.Parse(text, name).Errors);
            Assert.Equal(refused ? ManifestReason.TooDeep : ManifestReason.NotAnObject, error.Reason);
        }
    }

    [Fact(DisplayName = "A bomb of aliases is stopped by what it would come to")]
    public void BombReason() => Assert.Equal(ManifestReason.TooManyValues, Assert.Single(Manifest.Parse(Bomb()).Errors).Reason);

    [Fact(DisplayName = "Five thousand pods fit into one file")]
    public void ManyPods()
    {
        string text = string.Concat(Enumerable.Range(0, 5000)
            .Select(i => Manifest.Web.Replace("name: web", $"name: web-{i}", StringComparison.Ordinal) + "---\n"));
        ManifestFile file = Manifest.Parse(text);
        Assert.Empty(file.Errors);
        Assert.Equal(5000, file.Pods.Count);
    }

    private static string Repeat(string part) => string.Concat(Enumerable.Repeat(part, Size / Encoding.UTF8.GetByteCount(part)));

    private static string Bomb()
    {
        var text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 40; i++)
            text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]\n");
        return text.ToString();
    }

    private static string TextBomb() =>
        "a: &a " + new string('x', 1_000_000) + "\nb: [" + string.Join(", ", Enumerable.Repeat("*a", 10_000)) + "]\n";
}

/// <summary>Time and memory are measured for the whole process, so nothing else runs meanwhile.</summary>
[CollectionDefinition("limits", DisableParallelization = true)]
public sealed class LimitCollection;
