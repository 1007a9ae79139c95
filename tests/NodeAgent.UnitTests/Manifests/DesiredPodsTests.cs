using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

public sealed class DesiredPodsTests
{
    private static readonly DesiredPods Nothing = DesiredPods.Empty("node-1");

    [Fact(DisplayName = "A new file adds its pods, with UID, node and the annotations of a static pod")]
    public void Added()
    {
        DesiredPodsUpdate update = Nothing.Apply("a.yaml", Good("a.yaml", "web"));
        DesiredPodChange change = Assert.Single(update.Changes);
        Assert.Null(change.Before);
        DesiredPod pod = Assert.Single(update.Pods.Pods);
        Assert.Same(change.After, pod);
        Assert.Equal((pod.Uid, "node-1"), (pod.Pod.Metadata!.Uid, pod.Pod.Spec!.NodeName));
        Assert.Equal("file", pod.Pod.Metadata.Annotations!["kubernetes.io/config.source"]);
        Assert.Equal(pod.Uid, pod.Pod.Metadata.Annotations["kubernetes.io/config.hash"]);
        Assert.Equal(PodSource.OfFile("a.yaml"), pod.Source);
    }

    [Fact(DisplayName = "The same content again changes nothing")]
    public void Unchanged()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web")).Pods;
        DesiredPodsUpdate update = pods.Apply("a.yaml", Good("a.yaml", "web"));
        Assert.Empty(update.Changes);
        Assert.Equal(pods.Pods, update.Pods.Pods);
    }

    [Fact(DisplayName = "A changed pod is one change from the old UID to the new")]
    public void Changed()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web")).Pods;
        DesiredPodChange change = Assert.Single(pods.Apply("a.yaml", Good("a.yaml", "web=2")).Changes);
        Assert.NotNull(change.Before);
        Assert.NotNull(change.After);
        Assert.NotEqual(change.Before.Uid, change.After.Uid);
    }

    [Fact(DisplayName = "A file that no longer parses keeps its pods and raises an error, which goes with the next good content")]
    public void LastKnownGood()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web", "db")).Pods;
        DesiredPodsUpdate broken = pods.Apply("a.yaml", Parsed("a.yaml", "kind: ["));
        Assert.Empty(broken.Changes);
        Assert.Equal(2, broken.Pods.Pods.Count);
        Assert.Equal(ManifestReason.YamlSyntax, Assert.Single(broken.Pods.Errors).Reason);
        Assert.Empty(broken.Pods.Apply("a.yaml", Good("a.yaml", "web", "db")).Pods.Errors);
    }

    [Fact(DisplayName = "While one document of a file is faulty, no change of the file applies")]
    public void OneUnit()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web", "db")).Pods;
        DesiredPodsUpdate update = pods.Apply("a.yaml", Parsed("a.yaml", Text("web=2") + "---\nkind: Pod\napiVersion: v1\nmetadata: {name: DB}\n"));
        Assert.Empty(update.Changes);
        Assert.NotEmpty(update.Pods.Errors);
    }

    [Fact(DisplayName = "A file emptied, as editors do for a moment, keeps its pods")]
    public void Emptied()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web")).Pods;
        DesiredPodsUpdate update = pods.Apply("a.yaml", Parsed("a.yaml", ""));
        Assert.Empty(update.Changes);
        Assert.Equal(ManifestReason.EmptyFile, Assert.Single(update.Pods.Errors).Reason);
    }

    [Fact(DisplayName = "A file that cannot be read keeps its pods; a removed one ends them")]
    public void UnreadableAndRemoved()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web")).Pods;
        DesiredPodsUpdate unreadable = pods.Apply("a.yaml", new ManifestEvent.Unreadable(ManifestError.Unreadable("a.yaml", "EIO: input/output error")));
        Assert.Empty(unreadable.Changes);
        DesiredPodsUpdate removed = unreadable.Pods.Apply("a.yaml", ManifestEvent.Removed.Instance);
        Assert.Null(Assert.Single(removed.Changes).After);
        Assert.Empty(removed.Pods.Pods);
        Assert.Empty(removed.Pods.Errors);
        Assert.Empty(removed.Pods.Files);
    }

    [Fact(DisplayName = "A file that was never good and goes leaves nothing behind")]
    public void NeverGood()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Parsed("a.yaml", "x")).Pods;
        Assert.Equal(["a.yaml"], pods.Files);
        DesiredPodsUpdate update = pods.Apply("a.yaml", ManifestEvent.Removed.Instance);
        Assert.Empty(update.Changes);
        Assert.Empty(update.Pods.Errors);
    }

    [Fact(DisplayName = "The later file with a name gets an error, the first one's pod runs on, and the file's other pods are taken")]
    public void NameTaken()
    {
        DesiredPods pods = Nothing.Apply("b.yaml", Good("b.yaml", "web")).Pods;
        DesiredPodsUpdate update = pods.Apply("a.yaml", Good("a.yaml", "web=2", "db"));
        Assert.Equal("db", Assert.Single(update.Changes).Name.Name);
        Assert.Equal("b.yaml", update.Pods.Find(new PodName("default", "web"))!.Source.Name);
        ManifestError error = Assert.Single(update.Pods.Errors);
        Assert.Equal((ManifestReason.NameTaken, "a.yaml"), (error.Reason, error.File));
        Assert.Contains("default/web is already defined by b.yaml", error.Message, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "When the first file with a name goes, the later one takes over in one change")]
    public void TakeOver()
    {
        DesiredPods pods = Nothing.Apply("b.yaml", Good("b.yaml", "web")).Pods.Apply("a.yaml", Good("a.yaml", "web=2")).Pods;
        DesiredPodsUpdate update = pods.Apply("b.yaml", ManifestEvent.Removed.Instance);
        DesiredPodChange change = Assert.Single(update.Changes);
        Assert.Equal(("b.yaml", "a.yaml"), (change.Before!.Source.Name, change.After!.Source.Name));
        Assert.Empty(update.Pods.Errors);
    }

    [Fact(DisplayName = "The loser of a name may change or go without any effect on what runs")]
    public void LoserChanges()
    {
        DesiredPods pods = Nothing.Apply("b.yaml", Good("b.yaml", "web")).Pods.Apply("a.yaml", Good("a.yaml", "web=2")).Pods;
        Assert.Empty(pods.Apply("a.yaml", Good("a.yaml", "web=3")).Changes);
        DesiredPodsUpdate update = pods.Apply("a.yaml", ManifestEvent.Removed.Instance);
        Assert.Empty(update.Changes);
        Assert.Empty(update.Pods.Errors);
    }

    [Fact(DisplayName = "Moving a pod from one file to another is one replacement, whichever file is seen first")]
    public void Moved()
    {
        DesiredPods pods = Nothing.Apply("a.yaml", Good("a.yaml", "web")).Pods;
        DesiredPodsUpdate first = pods.Apply("b.yaml", Good("b.yaml", "web"));
        Assert.Empty(first.Changes);
        Assert.Equal("b.yaml", Assert.Single(first.Pods.Apply("a.yaml", ManifestEvent.Removed.Instance).Changes).After!.Source.Name);
    }

    [Theory(DisplayName = "Any history of good, faulty, unreadable and removed files leaves what a simple model says")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void RandomHistory(int seed)
    {
        var random = new Random(seed);
        string[] files = ["a.yaml", "b.yaml", "c.yaml"];
        DesiredPods pods = Nothing;
        // The model: each file's good pods (name to version), in the order in which the names were claimed.
        var claims = new List<(string Name, string File, string Spec)>();
        for (int step = 0; step < 400; step++)
        {
            string file = files[random.Next(files.Length)];
            Dictionary<string, string> before = Owners(claims);
            DesiredPodsUpdate update;
            int roll = random.Next(10);
            if (roll < 6)
            {
                string[] specs = [.. new[] { "p", "q", "r", "s" }.Where(_ => random.Next(2) == 0).Select(n => $"{n}={random.Next(3)}")];
                update = pods.Apply(file, specs.Length == 0 ? EmptyList(file) : Good(file, specs));
                claims.RemoveAll(c => c.File == file && !specs.Any(s => s[0] == c.Name[0]));
                foreach (string spec in specs)
                {
                    int at = claims.FindIndex(c => c.File == file && c.Name[0] == spec[0]);
                    if (at >= 0) claims[at] = (spec[..1], file, spec);
                    else claims.Add((spec[..1], file, spec));
                }
            }
            else if (roll < 7) update = pods.Apply(file, Parsed(file, "not a manifest"));
            else if (roll < 8) update = pods.Apply(file, new ManifestEvent.Unreadable(ManifestError.Unreadable(file, "EIO")));
            else
            {
                update = pods.Apply(file, ManifestEvent.Removed.Instance);
                claims.RemoveAll(c => c.File == file);
            }
            Dictionary<string, string> after = Owners(claims);
            pods = update.Pods;
            Assert.Equal(after.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key}: {o.Value}"), pods.Pods.Select(p => $"{p.Name.Name}: {p.Source.Name} {p.Name.Name}={Version(p)}"));
            Assert.Equal(before.Keys.Union(after.Keys).Where(n => before.GetValueOrDefault(n) != after.GetValueOrDefault(n)).Order(), update.Changes.Select(c => c.Name.Name));
            Assert.Equal(claims.Count - after.Count, pods.Errors.Count(e => e.Reason == ManifestReason.NameTaken));
        }

        static Dictionary<string, string> Owners(List<(string Name, string File, string Spec)> claims) =>
            claims.GroupBy(c => c.Name).ToDictionary(g => g.Key, g => $"{g.First().File} {g.First().Spec}");
    }

    private static string Version(DesiredPod pod) => pod.Pod.Spec!.Containers![0].Image!.Split(':')[1];

    private static ManifestEvent.Parsed Parsed(string file, string text) => new(Manifest.Parse(text, file));

    private static ManifestEvent.Parsed EmptyList(string file) => Parsed(file, "apiVersion: v1\nkind: PodList\nitems: []\n");

    /// <param name="pods">Name, or name=version.</param>
    private static ManifestEvent.Parsed Good(string file, params string[] pods)
    {
        ManifestEvent.Parsed parsed = Parsed(file, string.Join("---\n", pods.Select(Text)));
        Assert.Empty(parsed.File.Errors);
        return parsed;
    }

    private static string Text(string pod)
    {
        string[] parts = pod.Split('=');
        return $"apiVersion: v1\nkind: Pod\nmetadata: {{name: {parts[0]}}}\nspec: {{containers: [{{name: c, image: \"i:{(parts.Length > 1 ? parts[1] : "1")}\"}}]}}\n";
    }
}
