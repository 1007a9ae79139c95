using NodeAgent.Linux;

namespace NodeAgent.Cli.Doctor;

/// <summary>Whether the kernel has what pods are made of.</summary>
internal static class KernelChecks
{
    private static readonly Version Floor = new(5, 15);
    private static readonly string[] Needed = ["cpu", "memory", "pids"];

    public static IEnumerable<Finding> Run(string proc)
    {
        yield return Kernel(ReadFirstLine(proc + "/sys/kernel/osrelease") ?? "unknown");
        yield return Root();
        yield return Namespaces(proc);
        yield return Overlay(proc);
        yield return Seccomp(proc);
        yield return Cgroup(proc);
    }

    private static Finding Kernel(string release)
    {
        string numbers = new([.. release.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')]);
        return Version.TryParse(numbers.TrimEnd('.'), out Version? version) && version < Floor
            ? new Finding(FindingLevel.Error, "kernel", $"{release} is older than {Floor}", "boot a newer kernel")
            : Finding.Ok("kernel", release);
    }

    private static Finding Root() => Environment.IsPrivilegedProcess
        ? Finding.Ok("user", "root")
        : new Finding(FindingLevel.Warning, "user", "not root, so some of what follows can't be seen", "run podctl doctor as root");

    private static Finding Namespaces(string proc)
    {
        string[] missing = [.. new[] { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" }.Where(name => !File.Exists($"{proc}/self/ns/{name}"))];
        return missing.Length == 0
            ? Finding.Ok("namespaces", "all kinds")
            : new Finding(FindingLevel.Error, "namespaces", $"the kernel has none of kind {string.Join(", ", missing)}", "boot a kernel that is built with them");
    }

    private static Finding Overlay(string proc) => ReadLines(proc + "/filesystems").Any(line => line.EndsWith("\toverlay", StringComparison.Ordinal))
        ? Finding.Ok("overlay", "there")
        : new Finding(FindingLevel.Error, "overlay", "the kernel does not offer this filesystem, which images are mounted with", "modprobe overlay");

    private static Finding Seccomp(string proc) => (ReadFirstLine(proc + "/sys/kernel/seccomp/actions_avail") ?? "").Contains("errno", StringComparison.Ordinal)
        ? Finding.Ok("seccomp", "filters")
        : new Finding(FindingLevel.Error, "seccomp", "the kernel has no filters of system calls", "boot a kernel with CONFIG_SECCOMP_FILTER");

    private static Finding Cgroup(string proc)
    {
        const string Unified = "boot with systemd.unified_cgroup_hierarchy=1";
        MountInfoEntry? mount = MountInfo.Read(proc).FirstOrDefault(entry => entry.FileSystem == "cgroup2");
        if (mount is null) return new Finding(FindingLevel.Error, "cgroup", "no cgroup v2 tree is mounted", Unified);
        string[] have = (ReadFirstLine(mount.MountPoint + "/cgroup.controllers") ?? "").Split(' ');
        string[] missing = [.. Needed.Except(have, StringComparer.Ordinal)];
        return missing.Length == 0
            ? Finding.Ok("cgroup", $"v2 at {mount.MountPoint} with {string.Join(", ", Needed)}")
            : new Finding(FindingLevel.Warning, "cgroup", $"v2 at {mount.MountPoint} lacks {string.Join(", ", missing)}: such limits of pods are not enforced", Unified);
    }

    private static string? ReadFirstLine(string path) => ReadLines(path).FirstOrDefault();

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
