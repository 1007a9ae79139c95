using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Unpacks one archive after the other, each as a layer above the ones before.</summary>
internal sealed class Unpacking : IDisposable
{
    private readonly TemporaryFolder _folder;
    private readonly List<string> _layers = [];

    public Unpacking(string? parent = null)
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        _folder = new TemporaryFolder(parent);
        Outside = Directory.CreateDirectory(_folder["outside"]).FullName;
        File.WriteAllText(Path.Combine(Outside, "victim"), "untouched");
    }

    /// <summary>A folder beside the layers that no layer may change.</summary>
    public string Outside { get; }

    public TemporaryFolder Folder => _folder;

    /// <summary>Root of the layer unpacked last.</summary>
    public string Top => _layers[^1];

    /// <summary>Returns the layer's root. Throws <see cref="LayerException"/>.</summary>
    public string Add(byte[] blob, Digest? diffId = null)
    {
        string layer = Directory.CreateDirectory(_folder[$"layer{_layers.Count}"]).FullName;
        using MemoryStream source = new(blob);
        Digest digest = Digest.OfSha256(blob);
        LayerFixups fixups = LayerPipeline.Unpack(_ => source, layer, digest, diffId ?? digest, CancellationToken.None);
        fixups.Apply(layer, [.. Enumerable.Reverse(_layers)]);
        _layers.Add(layer);
        return layer;
    }

    public string Add(TarBuilder archive) => Add(archive.Build());

    /// <summary>What a script says at the root of all layers mounted together.</summary>
    public string Mounted(string script)
    {
        string lower = string.Join(':', Enumerable.Reverse(_layers));
        foreach (string name in new[] { "upper", "work", "merged" })
            Directory.CreateDirectory(_folder[name]);
        return Tool.Run("unshare", "-m", "--", "/bin/sh", "-ec",
            $"mount -t overlay overlay -o lowerdir={lower},upperdir={_folder["upper"]},workdir={_folder["work"]} {_folder["merged"]}; cd {_folder["merged"]}; {script}");
    }

    public void AssertOutsideUntouched()
    {
        Assert.Equal(["victim"], Directory.EnumerateFileSystemEntries(Outside).Select(Path.GetFileName));
        Assert.Equal("untouched", File.ReadAllText(Path.Combine(Outside, "victim")));
        Assert.Equal("644", Tool.Run("stat", "-c", "%a", Path.Combine(Outside, "victim")).Trim());
    }

    public void Dispose() => _folder.Dispose();
}
