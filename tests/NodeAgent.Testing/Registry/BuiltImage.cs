using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using NodeAgent.Testing.Agent;
using NodeAgent.Testing.Images;

namespace NodeAgent.Testing.Registry;

/// <summary>
/// An image that other tools made as <c>tests/images/NAME.sh</c> says, and what umoci unpacks from it. Built once and kept by a hash of what it is made
/// from, since the next run wants the same.
/// <code>
///   {cache}/NAME-HASH/image     an OCI layout, tag 1
///                    /storage   the same in the form of a registry's storage, repository test/NAME
///                    /listing   the tree that umoci unpacks, see TreeListing
///   {cache}/podagent-test-XXXX/built --rename--> {cache}/NAME-HASH
/// </code>
/// The cache is <c>PODAGENT_IMAGE_CACHE</c> or <c>~/.cache/podagent-images</c>.
/// </summary>
public sealed record BuiltImage(string Name, string Folder)
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<BuiltImage>>> s_images = new(StringComparer.Ordinal);
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(8);

    /// <summary>Recipes that begin with the image of another.</summary>
    private static readonly Dictionary<string, string> s_bases = new(StringComparer.Ordinal) { ["system"] = "debian" };

    /// <summary>Programs without which no image can be made.</summary>
    public static readonly string[] Tools = ["docker-registry", "umoci", "skopeo", "podman", "mmdebstrap", "jq", "setcap", "setfattr", "busybox"];

    /// <summary>
    /// Where to unpack images of very many files: in memory when there is room, since some disks take a minute for what is not about disks; null is the
    /// usual place. Not for images with <c>user.*</c> attributes, which old kernels do not keep in memory.
    /// </summary>
    public static string? FolderForManyFiles =>
        Directory.Exists(Memory) && new DriveInfo(Memory).AvailableFreeSpace > MemoryForManyFiles ? Memory : null;

    private const string Memory = "/dev/shm";
    private const long MemoryForManyFiles = 3L << 30;

    /// <summary>Recipes whose trees have very many files.</summary>
    private static readonly HashSet<string> s_manyFiles = new(StringComparer.Ordinal) { "files200k", "small-files" };

    /// <summary>The name without a host.</summary>
    public string Repository => "test/" + Name;

    public string Layout => Folder + "/image";

    public string Storage => Folder + "/storage";

    /// <summary>umoci wants an image, not an index of several.</summary>
    private string TagOfReference => Name == "many-platforms" ? "amd64" : "1";

    public string Listing => File.ReadAllText(Folder + "/listing");

    private static string Recipes { get; } = FindRecipes();

    private static string Cache { get; } = Directory.CreateDirectory(
        Environment.GetEnvironmentVariable("PODAGENT_IMAGE_CACHE") is { Length: > 0 } set
            ? set
            : Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } home ? home : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/.cache", "podagent-images")).FullName;

    /// <summary>Builds the image unless it is there.</summary>
    public static Task<BuiltImage> GetAsync(string name) => s_images.GetOrAdd(name, static name => new Lazy<Task<BuiltImage>>(() => FindOrBuildAsync(name))).Value;

    private static async Task<BuiltImage> FindOrBuildAsync(string name)
    {
        BuiltImage? under = s_bases.TryGetValue(name, out string? wanted) ? await GetAsync(wanted) : null;
        string recipe = $"{Recipes}/{name}.sh";
        string madeFrom = string.Join('\n', File.ReadAllText(Recipes + "/lib.sh"), File.ReadAllText(recipe), TreeListing.Script, under?.Folder);
        BuiltImage image = new(name, $"{Cache}/{name}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(madeFrom)))[..16]}");
        if (!Directory.Exists(image.Folder))
            await BuildAsync(image, recipe, under);
        return image;
    }

    private static async Task BuildAsync(BuiltImage image, string recipe, BuiltImage? under)
    {
        using TemporaryFolder work = new(Cache);
        using TemporaryFolder trees = new(s_manyFiles.Contains(image.Name) ? FolderForManyFiles : null);
        BuiltImage built = image with { Folder = Directory.CreateDirectory(work["built"]).FullName };
        string scratch = Directory.CreateDirectory(trees["scratch"]).FullName;
        await using (RegistryServer registry = await RegistryServer.StartAsync(new RegistrySettings(built.Storage)))
        {
            string[] command = ["-C", scratch, "REGISTRY=" + registry.Host, "BASE=" + under?.Layout, "sh", recipe];
            (await CommandResult.RunAsync("env", command, limit: BuildLimit)).Checked();
        }
        Tool.Run("mv", scratch + "/image", built.Layout);
        string bundle = trees["bundle"];
        (await CommandResult.RunAsync("umoci", ["unpack", "--image", built.Layout + ":" + built.TagOfReference, bundle], limit: BuildLimit)).Checked();
        await File.WriteAllTextAsync(built.Folder + "/listing", TreeListing.Of(bundle + "/rootfs"));
        try
        {
            Directory.Move(built.Folder, image.Folder);
        }
        catch (IOException) when (Directory.Exists(image.Folder))
        {
            // Another process has built the same meanwhile.
        }
    }

    /// <summary>A registry's storage that holds these images; blobs are shared with the cache, all else is a copy.</summary>
    public static async Task<string> MakeStorageAsync(string folder, params string[] names)
    {
        foreach (string name in names)
        {
            BuiltImage image = await GetAsync(name);
            Tool.Shell($"""
                cd {image.Storage}/docker/registry/v2
                mkdir -p {folder}/docker/registry/v2
                cp -aln blobs {folder}/docker/registry/v2/ 2>/dev/null || cp -an blobs {folder}/docker/registry/v2/
                cp -a repositories {folder}/docker/registry/v2/
                """);
        }
        return folder;
    }

    private static string FindRecipes()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(folder.FullName + "/tests/images/lib.sh"))
                return folder.FullName + "/tests/images";
        }
        throw new InvalidOperationException($"no clone of the repository above {AppContext.BaseDirectory}");
    }
}
