namespace NodeAgent.Testing.Rootfs;

/// <summary>A root file system of one static busybox, with a link for each of its applets: the smallest thing that reports about itself from inside.</summary>
public static class BusyboxRootfs
{
    private static readonly string[] Candidates = ["/bin/busybox", "/usr/bin/busybox"];

    private static readonly string[] Applets =
    [
        "sh", "ash", "cat", "ls", "echo", "true", "false", "sleep", "id", "env", "ps", "mount", "umount", "mknod", "mkdir", "rm", "ln", "grep", "head",
        "tail", "wc", "stat", "readlink", "hostname", "tty", "test", "touch", "chmod", "chown", "kill", "nc", "ip", "wget", "httpd", "printf", "dd", "find",
        "ulimit", "unshare", "chroot", "pwd", "date", "sort", "tr", "cut", "seq", "sysctl", "sync", "su", "cp", "mv", "od", "stty", "awk", "sed", "xargs",
    ];

    /// <summary>The static busybox of this machine, or null: Debian's package busybox-static.</summary>
    public static string? Binary => Array.Find(Candidates, IsStatic);

    /// <summary>Makes the tree below a directory that is there: bin, etc with passwd and group (root, and user "web" 1000 of group "web" 1000 and "extra" 2000), tmp.</summary>
    public static void Create(string directory)
    {
        string binary = Binary ?? throw new InvalidOperationException("no static busybox on this machine: install busybox-static");
        foreach (string name in (string[])["bin", "etc", "tmp", "root", "home/web", "proc", "sys", "dev"]) Directory.CreateDirectory(Path.Combine(directory, name));
        File.Copy(binary, Path.Combine(directory, "bin/busybox"));
        foreach (string applet in Applets) File.CreateSymbolicLink(Path.Combine(directory, "bin", applet), "busybox");
        File.WriteAllText(Path.Combine(directory, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000::/home/web:/bin/sh\n");
        File.WriteAllText(Path.Combine(directory, "etc/group"), "root:x:0:\nwheel:x:10:root\nweb:x:1000:\nextra:x:2000:web\n");
        File.SetUnixFileMode(
            Path.Combine(directory, "tmp"),
            UnixFileMode.StickyBit | (UnixFileMode)0x1ff);
    }

    // An ELF file that names no interpreter.
    private static bool IsStatic(string path) =>
        File.Exists(path) && File.ReadAllBytes(path).AsSpan(0, 4096).IndexOf("ld-linux"u8) < 0;
}
