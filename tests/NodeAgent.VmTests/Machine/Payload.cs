using NodeAgent.Testing.Agent;

namespace NodeAgent.VmTests.Machine;

/// <summary>
/// What the tests bring into the machine, as a read-only disk at /mnt/payload: <c>install.sh</c>, <c>podagent.deb</c> and <c>podagent-next.deb</c> (the same with a
/// later version), <c>busybox/</c> (an OCI layout), and <c>extra/</c> with what single tests have added.
/// </summary>
internal static class Payload
{
    /// <param name="extra">Called with the folder that becomes <c>extra/</c>.</param>
    /// <returns>Path of the erofs image.</returns>
    public static async Task<string> BuildAsync(string folder, params IEnumerable<Action<string>> extra)
    {
        string tree = folder + "/payload";
        Directory.CreateDirectory(tree + "/extra");
        File.Copy(Repository.Folder + "/tests/vm/install.sh", tree + "/install.sh");
        File.Copy(Package(next: false), tree + "/podagent.deb");
        File.Copy(Package(next: true), tree + "/podagent-next.deb");
        await RunAsync("cp", "-a", await BusyboxImage.LayoutAsync(), tree + "/busybox");
        foreach (Action<string> add in extra)
            add(tree + "/extra");
        string image = folder + "/payload.erofs";
        await RunAsync("mkfs.erofs", "--quiet", image, tree);
        Directory.Delete(tree, recursive: true);
        return image;
    }

    private static string Package(bool next)
    {
        string folder = Repository.Artifacts + "/deb";
        string[] found = Directory.Exists(folder)
            ? [.. Directory.GetFiles(folder, "podagent_*.deb").Where(file => file.Contains("+next_", StringComparison.Ordinal) == next)]
            : [];
        return found is [var file] ? file : throw new InvalidOperationException($"{found.Length} packages in {folder}; tests/vm/package.sh makes the two that are wanted");
    }

    private static async Task RunAsync(string file, params string[] arguments) => (await CommandResult.RunAsync(file, arguments)).Checked();
}
