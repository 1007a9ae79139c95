using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Images.Registry;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>A store of a test's own, with configuration files of its own, that pulls.</summary>
internal sealed class PullStore : IAsyncDisposable
{
    private readonly TemporaryFolder _folder;
    private ImageService? _images;

    private PullStore(string? parent) => _folder = new TemporaryFolder(parent);

    public ImageService Images => _images!;

    public StatePaths Paths => new(_folder["state"], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");

    public TemporaryFolder Folder => _folder;

    public string RegistriesFile => _folder["registries.yaml"];

    public string CredentialsFile => _folder["auth.json"];

    /// <param name="registries">The list under <c>registries:</c>; null for no file.</param>
    /// <param name="credentials"><c>auth.json</c>; null for no file.</param>
    /// <param name="parent">Where its folder is made.</param>
    public static async Task<PullStore> OpenAsync(string? registries = null, string? credentials = null, string? parent = null)
    {
        PullStore store = new(parent);
        if (registries is not null)
            store.Configure(registries);
        if (credentials is not null)
            await File.WriteAllTextAsync(store.CredentialsFile, credentials);
        store._images = await ImageService.OpenAsync(
            store.Paths, TimeProvider.System, NullLogger<ImageService>.Instance, null, new RegistryFiles(store.RegistriesFile, store.CredentialsFile));
        return store;
    }

    public void Configure(string registries) =>
        File.WriteAllText(RegistriesFile, $"apiVersion: podagent.io/v1alpha1\nkind: RegistryConfiguration\nregistries:\n{registries}\n");

    public Task<ImageRecord> PullAsync(string reference) => Images.PullImageAsync(reference, TestContext.Current.CancellationToken);

    public Task<ImageException> PullFailsAsync(string reference) => Assert.ThrowsAsync<ImageException>(() => PullAsync(reference));

    /// <summary>The image's tree, all layers together, as find, stat, getfattr and sha256sum see it.</summary>
    public async Task<string> TreeAsync(ImageRecord image)
    {
        const string key = "looked-at";
        Mount mount = await Images.PrepareAsync(key, image, CancellationToken.None);
        string listing = TreeOf([.. mount.Options.Where(option => option.Key == "lowerdir").Select(option => option.Value!)]);
        await Images.RemoveAsync(key, CancellationToken.None);
        return listing;
    }

    /// <summary>Layers, uppermost first, under links with short names: mount(8) passes no more than a page.</summary>
    private string TreeOf(string[] lower)
    {
        if (lower.Length == 1)
            return TreeListing.Of(lower[0]);
        string links = Directory.CreateDirectory(_folder["links"]).FullName;
        for (int i = 0; i < lower.Length; i++)
            File.CreateSymbolicLink($"{links}/{i}", lower[i]);
        string options = string.Join(':', Enumerable.Range(0, lower.Length));
        string output = Tool.Run(
            "unshare", "-m", "--", "/bin/sh", "-ec", $"cd {links}; mkdir merged; mount -t overlay overlay -o lowerdir={options} merged; cd merged\n{TreeListing.Script}");
        Directory.Delete(links, recursive: true);
        return TreeListing.From(output);
    }

    /// <summary>No blob, no layer and no name: what has failed left nothing.</summary>
    public async Task AssertEmptyAsync()
    {
        Assert.Empty(await Images.ListImagesAsync(CancellationToken.None));
        Assert.Empty(Blobs());
        Assert.Equal(["empty"], Directory.EnumerateDirectories(Path.Combine(Paths.Snapshots, "layers")).Select(Path.GetFileName));
    }

    public string[] Blobs() => [.. Directory.EnumerateFiles(Path.Combine(Paths.Content, "blobs"), "*", SearchOption.AllDirectories)];

    public void AssertVerifies() => StoreCheck.AssertWhole(Paths.Content);

    public async ValueTask DisposeAsync()
    {
        if (_images is not null)
            await _images.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>Reads a content store without any of its own code.</summary>
internal static class StoreCheck
{
    /// <summary>Every blob is what its name says, and whatever the index leads to is there. Returns the number of names.</summary>
    public static int AssertWhole(string content)
    {
        string blobs = Path.Combine(content, "blobs/sha256");
        foreach (string blob in Directory.Exists(blobs) ? Directory.EnumerateFiles(blobs) : [])
        {
            using FileStream file = File.OpenRead(blob);
            Assert.Equal(Path.GetFileName(blob), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)));
        }
        string index = Path.Combine(content, "index.json");
        if (!File.Exists(index))
            return 0;
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(index));
        JsonElement[] entries = [.. document.RootElement.GetProperty("manifests").EnumerateArray()];
        foreach (JsonElement entry in entries)
            AssertComplete(blobs, entry);
        return entries.Length;
    }

    private static void AssertComplete(string blobs, JsonElement descriptor)
    {
        string digest = descriptor.GetProperty("digest").GetString()!;
        FileInfo file = new(Path.Combine(blobs, digest["sha256:".Length..]));
        Assert.True(file.Exists, $"the index leads to {digest}, which is missing");
        Assert.Equal(descriptor.GetProperty("size").GetInt64(), file.Length);
        string type = descriptor.GetProperty("mediaType").GetString()!;
        if (!type.Contains("manifest", StringComparison.Ordinal) && !type.Contains("index", StringComparison.Ordinal))
            return;
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file.FullName));
        if (document.RootElement.TryGetProperty("manifests", out JsonElement manifests))
        {
            // Of several platforms a node has its own.
            JsonElement[] present = [.. manifests.EnumerateArray().Where(entry => File.Exists(Path.Combine(blobs, entry.GetProperty("digest").GetString()!["sha256:".Length..])))];
            Assert.NotEmpty(present);
            foreach (JsonElement entry in present)
                AssertComplete(blobs, entry);
            return;
        }
        AssertComplete(blobs, document.RootElement.GetProperty("config"));
        foreach (JsonElement layer in document.RootElement.GetProperty("layers").EnumerateArray())
            AssertComplete(blobs, layer);
    }
}
