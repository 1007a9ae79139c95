using NodeAgent.Testing.Agent;

namespace NodeAgent.VmTests.Machine;

/// <summary>A built image: kernel, initrd and a root disk that is never written to; and the QEMU that runs it.</summary>
/// <param name="Series">6.1 or 6.12.</param>
public sealed record MachineImage(string Series, string Folder, string Qemu)
{
    public string Kernel => Folder + "/vmlinuz";
    public string Initrd => Folder + "/initrd.gz";
    public string Root => Folder + "/root.img";
    public string Cache => Path.GetDirectoryName(Folder)!;

    /// <summary>The kernel that this run is about: <c>PODAGENT_VM_KERNEL</c>, by default bookworm's own.</summary>
    public static string WantedSeries => Environment.GetEnvironmentVariable("PODAGENT_VM_KERNEL") is { Length: > 0 } set ? set : "6.1";

    /// <summary>Takes the image from the cache or builds it, which takes a minute or two.</summary>
    public static async Task<MachineImage> BuildAsync(string series)
    {
        string folder = await ScriptAsync("build-image.sh", series);
        return new MachineImage(series, folder, await ScriptAsync("qemu.sh"));
    }

    private static async Task<string> ScriptAsync(string name, params string[] arguments) =>
        (await CommandResult.RunAsync($"{Repository.Folder}/tests/vm/{name}", arguments, limit: TimeSpan.FromMinutes(20))).Checked().Output.Trim();
}
