using NodeAgent.Core.Model;
using NodeAgent.Core.PodFiles;
using NodeAgent.Linux;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime.Sandbox;

/// <summary>
/// The files of a sandbox that its containers see: hosts, resolv.conf, hostname, and the shared memory of <c>/dev/shm</c>. They lie in the sandbox's record
/// folder and go with it; shm is a mount there and has to be unmounted first.
/// </summary>
public static class SandboxFiles
{
    private const string Hosts = "hosts";
    private const string Resolv = "resolv.conf";
    private const string Hostname = "hostname";
    private const string Shm = "shm";
    private const string HostShm = "/dev/shm";
    private const UnixFileMode ReadableByAll = (UnixFileMode)0x1a4; // 0644
    private const string StubResolver = "/etc/resolv.conf";

    // systemd-resolved keeps the servers behind its stub here; the stub's own address is out of a pod's reach.
    private const string UplinkResolver = "/run/systemd/resolve/resolv.conf";

    /// <summary>File in the sandbox's folder, and where containers see it.</summary>
    public static readonly IReadOnlyList<(string File, string Target)> Mounted =
        [(Hosts, "/etc/hosts"), (Resolv, "/etc/resolv.conf"), (Hostname, "/etc/hostname")];

    public static string ShmPath(string sandboxFolder) => $"{sandboxFolder}/{Shm}";

    /// <summary>The pod's own memory, or the host's when the pod shares its IPC namespace.</summary>
    public static string ShmSource(string sandboxFolder, Pod pod) => pod.Spec?.HostIPC == true ? HostShm : ShmPath(sandboxFolder);

    /// <returns>What of the DNS settings had to be left out.</returns>
    public static IReadOnlyList<string> Write(string sandboxFolder, Pod pod, PodHostname hostname, IReadOnlyList<string> podIPs)
    {
        PodSpec spec = pod.Spec ?? new PodSpec();
        bool hostNetwork = spec.HostNetwork == true;
        string hosts = hostNetwork
            ? HostsFile.ForHostNetwork(ReadOrEmpty("/etc/hosts"), spec.HostAliases)
            : HostsFile.ForPod(hostname, podIPs, spec.HostAliases);
        ResolvConf.Composed resolv = ResolvConf.ForPod(spec, NodeResolver(hostNetwork));
        WriteFile($"{sandboxFolder}/{Hosts}", hosts);
        WriteFile($"{sandboxFolder}/{Resolv}", resolv.Text);
        WriteFile($"{sandboxFolder}/{Hostname}", (hostNetwork ? Environment.MachineName : hostname.Name) + "\n");
        return resolv.Omitted;
    }

    /// <summary>64 MiB, the field's size of a pod's shared memory.</summary>
    public static void MountShm(string sandboxFolder)
    {
        string path = ShmPath(sandboxFolder);
        Directory.CreateDirectory(path);
        PodVolumes.MountTmpfs(path, Mounts.MS_NOSUID | Mounts.MS_NODEV | Mounts.MS_NOEXEC, "mode=1777,size=65536k");
    }

    public static void UnmountShm(string sandboxFolder) => PodVolumes.Unmount(ShmPath(sandboxFolder));

    private static ResolvConf NodeResolver(bool hostNetwork)
    {
        ResolvConf node = ResolvConf.Parse(ReadOrEmpty(StubResolver));
        return node.OnlyLoopback && !hostNetwork && File.Exists(UplinkResolver) ? ResolvConf.Parse(ReadOrEmpty(UplinkResolver)) : node;
    }

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static void WriteFile(string path, string text)
    {
        File.WriteAllText(path, text);
        // Processes of any user have to read it, whatever the agent's umask.
        File.SetUnixFileMode(path, ReadableByAll);
    }
}
