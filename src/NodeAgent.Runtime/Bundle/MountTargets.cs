using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Runtime.Bundle;

/// <summary>
/// Finds and makes the places in a root file system where something is to be mounted, before anything runs in it. The image's symbolic links are followed
/// as the container would follow them: an absolute one starts at the container's root, and none leads out.
/// Every step opens one name in an already opened directory without following a link, so the kernel never resolves a path of the image's.
/// </summary>
public static class MountTargets
{
    /// <summary>Directories that every container's root needs, to be prepared before it starts: what <see cref="ContainerProgram"/> mounts on.</summary>
    public static readonly IReadOnlyList<string> Standard = ["/proc", "/sys", "/dev"];

    // Files of /proc over which tools such as lxcfs put a container's own view.
    private static readonly string[] CoverableInProc =
    [
        "/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
    ];

    private const int MaxLinks = 40;
    private const uint DirectoryMode = 0x1ed; // 0755
    private const uint FileMode = 0x1a4; // 0644

    /// <summary>
    /// Makes a directory or an empty file at a path unless something is there, with the directories above it (root, 0755; files 0644).
    /// </summary>
    /// <param name="root">The root file system, e.g. a detached mount.</param>
    /// <param name="path">Absolute path in the container.</param>
    /// <returns>The same place without symbolic links, absolute in the container.</returns>
    /// <exception cref="LinuxException">
    /// ELOOP: more than 40 links. ENOTDIR, EISDIR: something of the other kind is there. EROFS and others: it could not be made.
    /// </exception>
    public static string Prepare(SafeFileHandle root, string path, bool isDirectory) => Walk(root, path, isDirectory);

    /// <summary>
    /// Why nothing may be mounted at a target, or null: what is mounted over <c>/proc</c> could undo the hiding of its parts and make up what
    /// the kernel says of the container's processes. The target must be free of links, so that an image cannot lead there by one.
    /// </summary>
    public static string? Objection(string target) =>
        (target == "/proc" || target.StartsWith("/proc/", StringComparison.Ordinal)) && !CoverableInProc.Contains(target)
            ? $"nothing can be mounted at {target}, inside of /proc"
            : null;

    /// <summary>The content of a file of at most <paramref name="limit"/> bytes, or null when there is none. Longer ones are cut; what is no regular file counts as none.</summary>
    public static byte[]? Read(SafeFileHandle root, string path, int limit = 1 << 20)
    {
        int fd = openat2((int)root.DangerousGetHandle(), CString.Of(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
        if (fd < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP) return null;
            throw new LinuxException("openat2", path, errno);
        }
        using SafeFileHandle file = new(fd, ownsHandle: true);
        LinuxException.Check(InodeAttributes.statx(fd, out InodeAttributes.statx_t status), "statx", path);
        if (status.Type != InodeAttributes.S_IFREG) return null;
        byte[] buffer = new byte[Math.Min((long)limit, (long)status.stx_size)];
        int length = 0;
        while (length < buffer.Length)
        {
            long read = LinuxException.Check(FileContent.read(fd, buffer.AsSpan(length)), "read", path);
            if (read == 0) break;
            length += (int)read;
        }
        return length == buffer.Length ? buffer : buffer[..length];
    }

    private static string Walk(SafeFileHandle root, string path, bool isDirectory)
    {
        LinkedList<string> rest = new(Names(path));
        List<string> done = [];
        List<SafeFileHandle> opened = [];
        int links = 0;
        uint type = InodeAttributes.S_IFDIR;
        try
        {
            while (rest.First is { } first)
            {
                string name = first.Value;
                rest.RemoveFirst();
                if (name == "..")
                {
                    // The root is its own parent.
                    if (done.Count == 0) continue;
                    done.RemoveAt(done.Count - 1);
                    opened[^1].Dispose();
                    opened.RemoveAt(opened.Count - 1);
                    continue;
                }
                SafeFileHandle parent = opened.Count > 0 ? opened[^1] : root;
                string shown = "/" + string.Join('/', done.Append(name));
                bool last = rest.Count == 0;
                SafeFileHandle entry = OpenOrMake(parent, name, shown, makeDirectory: !last || isDirectory);
                opened.Add(entry);
                done.Add(name);
                type = TypeOf(entry, shown);
                if (type == InodeAttributes.S_IFLNK)
                {
                    if (++links > MaxLinks) throw new LinuxException("open", path, Errno.ELOOP);
                    string link = ReadLink(entry, shown);
                    done.RemoveAt(done.Count - 1);
                    entry.Dispose();
                    opened.RemoveAt(opened.Count - 1);
                    if (link.StartsWith('/'))
                    {
                        foreach (SafeFileHandle handle in opened) handle.Dispose();
                        opened.Clear();
                        done.Clear();
                    }
                    foreach (string part in Names(link).Reverse()) rest.AddFirst(part);
                    type = InodeAttributes.S_IFDIR;
                }
                else if (!last && type != InodeAttributes.S_IFDIR)
                {
                    throw new LinuxException("open", shown, Errno.ENOTDIR);
                }
            }
            if (isDirectory && type != InodeAttributes.S_IFDIR) throw new LinuxException("mount a directory on", path, Errno.ENOTDIR);
            if (!isDirectory && type == InodeAttributes.S_IFDIR) throw new LinuxException("mount a file on", path, Errno.EISDIR);
            return "/" + string.Join('/', done);
        }
        finally
        {
            foreach (SafeFileHandle handle in opened) handle.Dispose();
        }
    }

    private static IEnumerable<string> Names(string path) =>
        path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(name => name != ".");

    private static SafeFileHandle OpenOrMake(SafeFileHandle parent, string name, string shown, bool makeDirectory)
    {
        byte[] entry = CString.Of(name);
        int directory = (int)parent.DangerousGetHandle();
        int fd = OpenEntry(directory, entry);
        if (fd < 0 && Marshal.GetLastPInvokeError() == Errno.ENOENT)
        {
            int made = makeDirectory
                ? DirectoryEntries.mkdirat(directory, entry, DirectoryMode)
                : DirectoryEntries.mknodat(directory, entry, InodeAttributes.S_IFREG | FileMode, 0);
            if (made < 0 && Marshal.GetLastPInvokeError() != Errno.EEXIST)
            {
                throw new LinuxException(makeDirectory ? "mkdir" : "create", shown, Marshal.GetLastPInvokeError());
            }
            fd = OpenEntry(directory, entry);
        }
        return new SafeFileHandle(LinuxException.Check(fd, "open", shown), ownsHandle: true);
    }

    // O_NOFOLLOW with O_PATH opens the link itself.
    private static int OpenEntry(int directory, byte[] name) => openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

    private static uint TypeOf(SafeFileHandle entry, string shown)
    {
        LinuxException.Check(InodeAttributes.statx((int)entry.DangerousGetHandle(), out InodeAttributes.statx_t status), "statx", shown);
        return status.Type;
    }

    private static string ReadLink(SafeFileHandle link, string shown)
    {
        Span<byte> target = stackalloc byte[4096];
        long length = LinuxException.Check(DirectoryEntries.readlinkat((int)link.DangerousGetHandle(), "\0"u8, target), "readlink", shown);
        return Encoding.UTF8.GetString(target[..(int)length]);
    }
}
