namespace NodeAgent.Testing.Agent;

/// <summary>An OCI image made by umoci from Debian's static busybox, built once a test process.</summary>
public static class BusyboxImage
{
    private static readonly Lazy<Task<string>> s_layout = new(BuildAsync);

    /// <returns>Path of an OCI layout with one image, tag <c>1</c>. Deleted when the process ends.</returns>
    public static Task<string> LayoutAsync() => s_layout.Value;

    private static async Task<string> BuildAsync()
    {
        string folder = Directory.CreateTempSubdirectory("podagent-image-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        string layout = folder + "/image", work = folder + "/work";
        await Run("umoci", "init", "--layout", layout);
        await Run("umoci", "new", "--image", layout + ":1");
        await Run("umoci", "unpack", "--image", layout + ":1", work);
        string root = work + "/rootfs";
        foreach (string directory in new[] { "/bin", "/etc", "/tmp" })
            Directory.CreateDirectory(root + directory);
        File.Copy("/bin/busybox", root + "/bin/busybox");
        string applets = (await Run("/bin/busybox", "--list")).Output;
        foreach (string applet in applets.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(applet => applet != "busybox"))
            File.CreateSymbolicLink($"{root}/bin/{applet}", "busybox");
        await File.WriteAllTextAsync(root + "/etc/passwd", "root:x:0:0:root:/:/bin/sh\nweb:x:33:33:web:/tmp:/bin/sh\n");
        await File.WriteAllTextAsync(root + "/etc/group", "root:x:0:\nweb:x:33:\nlogs:x:44:web\n");
        await Run("umoci", "repack", "--image", layout + ":1", work);
        await Run("umoci", "config", "--image", layout + ":1", "--config.cmd", "sh", "--config.env", "PATH=/bin");
        return layout;
    }

    private static async Task<CommandResult> Run(string file, params string[] arguments) => (await CommandResult.RunAsync(file, arguments)).Checked();
}
