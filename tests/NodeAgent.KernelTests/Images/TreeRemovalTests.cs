using NodeAgent.Images.Layers;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

public sealed class TreeRemovalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Links_are_removed_and_what_they_lead_to_stays()
    {
        string victim = Directory.CreateDirectory(_folder["victim"]).FullName;
        File.WriteAllText(Path.Combine(victim, "file"), "x");
        string tree = Directory.CreateDirectory(_folder["tree"]).FullName;
        File.CreateSymbolicLink(Path.Combine(tree, "to-folder"), victim);
        File.CreateSymbolicLink(Path.Combine(tree, "to-file"), Path.Combine(victim, "file"));
        File.CreateSymbolicLink(Path.Combine(tree, "up"), "..");

        TreeRemoval.Remove(tree);

        Assert.False(Directory.Exists(tree));
        Assert.True(File.Exists(Path.Combine(victim, "file")));
    }

    [Fact]
    public void Folders_without_permissions_and_with_odd_content_are_removed()
    {
        string tree = _folder["tree"];
        Tool.Shell($"""
            mkdir -p {tree}/a/b {tree}/c; mkfifo {tree}/a/p; ln -s nowhere {tree}/a/l; touch {tree}/a/b/f
            for i in $(seq 3000); do : > {tree}/c/a-name-that-takes-some-room-in-the-directory-$i; done
            chmod 000 {tree}/a/b {tree}/a {tree}/c
            """);

        TreeRemoval.Remove(tree);

        Assert.False(Directory.Exists(tree));
    }

    [Fact]
    public void A_tree_deeper_than_descriptors_and_path_lengths_go_is_removed()
    {
        string tree = Directory.CreateDirectory(_folder["tree"]).FullName;
        // Each round moves what there is one hundred folders further down.
        Tool.Shell($$"""
            cd {{tree}}; p=$(printf 'dddddddddddddddddddd/%.0s' $(seq 100))
            for i in $(seq 50); do mkdir -p next/$p; [ ! -e old ] || mv old next/$p/; mv next old; done
            """);

        TreeRemoval.Remove(tree);

        Assert.False(Directory.Exists(tree));
    }

    [Fact]
    public void What_is_not_there_needs_no_removal() => TreeRemoval.Remove(_folder["nothing"]);
}
