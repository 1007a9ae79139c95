using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Linux;

namespace NodeAgent.Images.Layers;

/// <summary>
/// The folder that a layer is unpacked into. Every path is resolved by openat2(2) with the folder as its root, so neither a symbolic link nor
/// <c>..</c> can lead out of it, whatever order the entries come in. The folder belongs to one unpacker: nobody else changes it meanwhile.
/// Not thread-safe.
/// </summary>
internal sealed class LayerRoot : IDisposable
{
    private const ulong Confined = Openat2.RESOLVE_IN_ROOT | Openat2.RESOLVE_NO_MAGICLINKS;

    /// <summary>As many links as the kernel follows in one path.</summary>
    private const int MaxLinks = 40;

    // Entries of one folder come together, so the last folder is nearly always the next one too. An entry that replaces a folder lives in that
    // folder's parent, which has then taken its place here: what is kept can never be a folder that is gone.
    private byte[]? _cachedPath;
    private int _cachedFd = -1;

    public LayerRoot(string path) => Fd = Openat2.OpenPath(path, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC);

    public int Fd { get; }

    /// <summary>Folders that no entry has described, made because something lies in them. Keys are paths, byte for byte in Latin-1.</summary>
    public HashSet<string> ImpliedFolders { get; } = new(StringComparer.Ordinal);

    /// <summary>
    /// A descriptor (O_PATH) of a folder within the layer, which is made if it is not there. It stays the property of this object and is good until
    /// the next call.
    /// </summary>
    /// <param name="folder">A clean path without its NUL; empty for the root.</param>
    public int OpenFolder(ReadOnlySpan<byte> folder)
    {
        if (folder.IsEmpty)
        {
            Forget();
            return Fd;
        }
        if (_cachedPath is not null && folder.SequenceEqual(_cachedPath))
            return _cachedFd;
        int fd = Resolve(folder);
        if (fd < 0)
        {
            if (Marshal.GetLastPInvokeError() != Errno.ENOENT)
                throw Failed("openat2", folder);
            fd = MakeFolder(folder);
        }
        Forget();
        _cachedPath = folder.ToArray();
        _cachedFd = fd;
        return fd;
    }

    /// <summary>A new descriptor of a folder within the layer, or -1 with the error number left in place.</summary>
    public int Resolve(ReadOnlySpan<byte> folder, int flags = Openat2.O_PATH) =>
        Openat2.openat2(Fd, folder.IsEmpty ? ".\0"u8 : CString.Of(folder), flags | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC, 0, Confined);

    /// <summary>
    /// Makes the missing folders of a path one by one. A dangling symbolic link on the way is followed within the layer: some builders write
    /// <c>lib -> usr/lib</c> before <c>usr/lib</c>.
    /// </summary>
    private int MakeFolder(ReadOnlySpan<byte> folder)
    {
        LinkedList<byte[]> ahead = new();
        foreach (Range part in MemoryExtensions.Split(folder, (byte)'/'))
            ahead.AddLast(folder[part].ToArray());
        byte[] reached = [];
        int links = 0;
        while (ahead.First is { } node)
        {
            ahead.RemoveFirst();
            byte[] part = node.Value;
            byte[] next = reached.Length == 0 ? part : [.. reached, (byte)'/', .. part];
            int fd = Resolve(next);
            if (fd >= 0)
            {
                _ = Openat2.close(fd);
                reached = next;
                continue;
            }
            if (Marshal.GetLastPInvokeError() != Errno.ENOENT)
                throw Failed("openat2", next);
            byte[]? target = MakeOne(reached, part);
            if (target is null)
            {
                ImpliedFolders.Add(Encoding.Latin1.GetString(next));
                reached = next;
                continue;
            }
            if (++links > MaxLinks)
                throw new LayerException($"'{TarReader.Printable(folder)}' goes through more than {MaxLinks} symbolic links");
            if (target.AsSpan().StartsWith("/"u8))
                reached = [];
            LinkedListNode<byte[]>? before = ahead.First;
            foreach (byte[] step in Steps(target))
                _ = before is null ? ahead.AddLast(step) : ahead.AddBefore(before, step);
        }
        int made = Resolve(reached);
        return made >= 0 ? made : throw Failed("openat2", folder);
    }

    /// <summary>Makes one folder; null then. Where a dangling link has its name, the link's target.</summary>
    private byte[]? MakeOne(ReadOnlySpan<byte> parent, ReadOnlySpan<byte> part)
    {
        int parentFd = Resolve(parent);
        if (parentFd < 0)
            throw Failed("openat2", parent);
        try
        {
            byte[] name = CString.Of(part);
            if (DirectoryEntries.mkdirat(parentFd, name, 0x1ED /* 0755 */) == 0)
            {
                // The process's umask does not count here.
                _ = InodeAttributes.fchmodat(parentFd, name, 0x1ED);
                return null;
            }
            if (Marshal.GetLastPInvokeError() != Errno.EEXIST)
                throw Failed("mkdirat", part);
            byte[] target = new byte[4096];
            long length = DirectoryEntries.readlinkat(parentFd, name, target);
            return length > 0 ? target[..(int)length] : throw Failed("readlinkat", part);
        }
        finally
        {
            _ = Openat2.close(parentFd);
        }
    }

    private static List<byte[]> Steps(ReadOnlySpan<byte> target)
    {
        List<byte[]> steps = [];
        foreach (Range range in MemoryExtensions.Split(target, (byte)'/'))
        {
            if (!target[range].IsEmpty)
                steps.Add(target[range].ToArray());
        }
        return steps;
    }

    /// <summary>The error of the last call, with the path below the layer's root.</summary>
    public static LayerException Failed(string syscall, ReadOnlySpan<byte> target)
    {
        LinuxException inner = new(syscall, TarReader.Printable(target.TrimEnd((byte)0)), Marshal.GetLastPInvokeError());
        return new LayerException(inner.Message, inner);
    }

    private void Forget()
    {
        if (_cachedFd >= 0)
            _ = Openat2.close(_cachedFd);
        _cachedFd = -1;
        _cachedPath = null;
    }

    public void Dispose()
    {
        Forget();
        _ = Openat2.close(Fd);
    }
}
