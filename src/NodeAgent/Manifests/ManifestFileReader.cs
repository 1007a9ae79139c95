using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Core.Manifests;
using NodeAgent.Linux;
using NodeAgent.Pods;

namespace NodeAgent.Manifests;

/// <summary>
/// Reads one manifest without trusting its name.
/// 1. stat: what is no regular file is not opened at all, since opening a device may do something.
/// 2. open with O_NONBLOCK: the name may have become a FIFO in between, and opening that would wait for a writer.
/// 3. stat the descriptor: only this says what was opened, and how large it is.
/// 4. read, at most one byte more than a manifest may have.
/// 5. stat the descriptor again: a file that moved under the reader is no version of anything.
/// The descriptor is closed at the end of each way out.
/// </summary>
internal static class ManifestFileReader
{
    /// <param name="path">With the ending NUL.</param>
    /// <param name="shown">The same path for messages.</param>
    public static ManifestRead Read(byte[] path, string shown)
    {
        if (InodeAttributes.statx(Openat2.AT_FDCWD, path, 0, InodeAttributes.STATX_BASIC_STATS, out var named) != 0)
            return NotThere(path, shown, Marshal.GetLastPInvokeError());
        if (KindOf(named) is { } kind)
            return Faulty(named, ManifestError.NotARegularFile(shown, kind));
        int fd = Openat2.openat(Openat2.AT_FDCWD, path, Openat2.O_RDONLY | Openat2.O_NONBLOCK | Openat2.O_CLOEXEC);
        if (fd < 0)
            return NotThere(path, shown, Marshal.GetLastPInvokeError());
        try
        {
            return ReadOpen(fd, shown, named);
        }
        finally
        {
            _ = Openat2.close(fd);
        }
    }

    private static ManifestRead ReadOpen(int fd, string shown, in InodeAttributes.statx_t named)
    {
        if (InodeAttributes.statx(fd, out var opened) != 0)
            return Faulty(named, Unreadable(shown, "statx", Marshal.GetLastPInvokeError()));
        if (KindOf(opened) is { } kind)
            return Faulty(opened, ManifestError.NotARegularFile(shown, kind));
        if (opened.stx_size > ManifestParser.MaxBytes)
            return Faulty(opened, ManifestError.TooLarge(shown, (long)opened.stx_size));

        // Some files say 0 and have content (those of /proc), so the size is a first guess only.
        byte[] content = new byte[Math.Max(4096, (int)opened.stx_size + 1)];
        int length = 0;
        while (true)
        {
            if (length == content.Length)
                Array.Resize(ref content, Math.Min(content.Length * 2, ManifestParser.MaxBytes + 1));
            long got = FileContent.read(fd, content.AsSpan(length));
            if (got == 0)
                break;
            if (got < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno == Errno.EINTR)
                    continue;
                return Faulty(opened, Unreadable(shown, "read", errno));
            }

            length += (int)got;
            if (length > ManifestParser.MaxBytes)
                return Faulty(opened, ManifestError.TooLarge(shown, length));
        }

        if (InodeAttributes.statx(fd, out var after) != 0)
            return Faulty(opened, Unreadable(shown, "statx", Marshal.GetLastPInvokeError()));
        var stamp = InotifyManifestFolder.StampOf(after);
        return stamp == InotifyManifestFolder.StampOf(opened)
            ? new ManifestRead(stamp) { Content = content.AsMemory(0, length) }
            : new ManifestRead(stamp) { Moving = true };
    }

    /// <summary>Null for a regular file.</summary>
    private static string? KindOf(in InodeAttributes.statx_t inode) => inode.Type switch
    {
        InodeAttributes.S_IFREG => null,
        InodeAttributes.S_IFDIR => "directory",
        InodeAttributes.S_IFIFO => "FIFO",
        InodeAttributes.S_IFSOCK => "socket",
        _ => "device",
    };

    private static ManifestRead NotThere(byte[] path, string shown, int errno)
    {
        bool exists = InodeAttributes.statx(
            Openat2.AT_FDCWD, path, InodeAttributes.AT_SYMLINK_NOFOLLOW, InodeAttributes.STATX_BASIC_STATS, out var own) == 0;
        if (!exists)
            return new ManifestRead(default(FileStamp)) { Vanished = true };
        bool isLink = own.Type == InodeAttributes.S_IFLNK;
        if (isLink && errno is Errno.ENOENT or Errno.ELOOP or Errno.ENOTDIR)
            return Faulty(own, ManifestError.DanglingLink(shown, TargetOf(path)));
        // Replaced between the two looks: the next look sees what it is now.
        return errno == Errno.ENOENT
            ? new ManifestRead(InotifyManifestFolder.StampOf(own)) { Moving = true }
            : Faulty(own, Unreadable(shown, "open", errno));
    }

    private static string TargetOf(byte[] path)
    {
        byte[] target = new byte[4096];
        long length = DirectoryEntries.readlinkat(Openat2.AT_FDCWD, path, target);
        return length < 0 ? "" : Encoding.UTF8.GetString(target, 0, (int)length);
    }

    private static ManifestRead Faulty(in InodeAttributes.statx_t inode, ManifestError fault) =>
        new(InotifyManifestFolder.StampOf(inode)) { Fault = fault };

    private static ManifestError Unreadable(string shown, string call, int errno) =>
        ManifestError.Unreadable(shown, $"{call}: {InotifyManifestFolder.Why(errno)}");
}
