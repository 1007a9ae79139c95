using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>An image with <see cref="StampProgram"/> as <c>/stamp</c>, made by umoci, as an OCI layout and as a bundle for crun.</summary>
internal static class StampImage
{
    public const string Name = "localhost/stamp:1";

    /// <returns>Path of the OCI layout.</returns>
    public static async Task<string> BuildAsync(string folder)
    {
        string layout = folder + "/image", bundle = Bundle(folder);
        await Umoci("init", "--layout", layout);
        await Umoci("new", "--image", layout + ":1");
        await Umoci("unpack", "--image", layout + ":1", folder + "/unpacked");
        string program = folder + "/unpacked/rootfs/stamp";
        await File.WriteAllBytesAsync(program, StampProgram.Build());
        File.SetUnixFileMode(program, (UnixFileMode)Convert.ToInt32("755", 8));
        Directory.CreateDirectory(folder + "/unpacked/rootfs/out");
        await Umoci("repack", "--image", layout + ":1", folder + "/unpacked");
        await Umoci("config", "--image", layout + ":1", "--config.entrypoint", "/stamp");
        await Umoci("unpack", "--image", layout + ":1", bundle);
        return layout;
    }

    public static string Bundle(string folder) => folder + "/bundle";

    private static async Task Umoci(params string[] arguments) => (await CommandResult.RunAsync("umoci", arguments)).Checked();
}
