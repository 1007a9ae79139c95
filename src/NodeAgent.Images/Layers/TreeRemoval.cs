using System.Runtime.InteropServices;
using NodeAgent.Linux;

namespace NodeAgent.Images.Layers;

/// <summary>
/// Deletes a tree by descriptors: no path is walked twice and no symbolic link is ever followed, so a tree full of traps is only deleted.
/// Holds at most <see cref="MaxDepth"/> descriptors: what lies deeper is moved up to the top of the tree first.
/// </summary>
public static class TreeRemoval
{
    private const int MaxDepth = 64;
    private const int MaxPasses = 1 << 16;

    /// <summary>Deletes whatever has this path, if anything. Throws <see cref="LinuxException"/>, e.g. with EBUSY for a mount point in it.</summary>
    public static void Remove(string path)
    {
        string folder = Path.GetDirectoryName(path) ?? "/";
        int fd = Openat2.OpenPath(folder, Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC);
        try
        {
            Remove(fd, CString.Of(Path.GetFileName(path)));
        }
        finally
        {
            _ = Openat2.close(fd);
        }
    }

    /// <param name="name">One part of a path, with its NUL.</param>
    public static void Remove(int parentFd, ReadOnlySpan<byte> name)
    {
        if (TryUnlink(parentFd, name))
            return;
        Walk walk = new();
        for (int pass = 0; !walk.TryRemoveFolder(parentFd, name, 0); pass++)
        {
            if (pass == MaxPasses)
                throw Failed("unlinkat", name, Errno.ENOTEMPTY);
        }
    }

    /// <summary>False for a folder.</summary>
    private static bool TryUnlink(int parentFd, ReadOnlySpan<byte> name)
    {
        if (DirectoryEntries.unlinkat(parentFd, name, 0) == 0)
            return true;
        return Marshal.GetLastPInvokeError() switch
        {
            Errno.ENOENT => true,
            Errno.EISDIR => false,
            int errno => throw Failed("unlinkat", name, errno),
        };
    }

    private static LinuxException Failed(string syscall, ReadOnlySpan<byte> name, int errno) =>
        new(syscall, TarReader.Printable(name.TrimEnd((byte)0)), errno);

    private sealed class Walk
    {
        private int _topFd = -1;
        private int _moved;

        /// <summary>False when the folder is not empty yet: things were moved into it meanwhile.</summary>
        public bool TryRemoveFolder(int parentFd, ReadOnlySpan<byte> name, int depth)
        {
            int fd = OpenFolder(parentFd, name);
            if (fd < 0)
                return true;
            if (depth == 0)
                _topFd = fd;
            try
            {
                foreach (byte[] folder in EmptyOfFiles(fd))
                {
                    if (depth + 1 < MaxDepth)
                        _ = TryRemoveFolder(fd, folder, depth + 1);
                    else
                        MoveToTop(fd, folder);
                }
            }
            finally
            {
                _ = Openat2.close(fd);
            }
            if (DirectoryEntries.unlinkat(parentFd, name, DirectoryEntries.AT_REMOVEDIR) == 0)
                return true;
            int errno = Marshal.GetLastPInvokeError();
            return errno switch
            {
                Errno.ENOENT => true,
                Errno.ENOTEMPTY or Errno.EEXIST => false,
                _ => throw Failed("unlinkat", name, errno),
            };
        }

        private static int OpenFolder(int parentFd, ReadOnlySpan<byte> name)
        {
            int flags = Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_NOFOLLOW | Openat2.O_CLOEXEC;
            int fd = Openat2.openat(parentFd, name, flags);
            if (fd >= 0)
                return fd;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.EACCES && InodeAttributes.fchmodat(parentFd, name, 0x1C0 /* 0700 */) == 0)
            {
                fd = Openat2.openat(parentFd, name, flags);
                errno = Marshal.GetLastPInvokeError();
            }
            return fd >= 0 || errno == Errno.ENOENT ? fd : throw Failed("openat", name, errno);
        }

        /// <summary>Deletes everything in a folder but its folders, whose names are the answer.</summary>
        private static List<byte[]> EmptyOfFiles(int fd)
        {
            List<byte[]> folders = [];
            List<byte[]> files = [];
            byte[] buffer = new byte[32 * 1024];
            for (long length; (length = LinuxException.Check(DirectoryEntries.getdents64(fd, buffer), "getdents64")) > 0;)
            {
                ReadOnlySpan<byte> records = buffer.AsSpan(0, (int)length);
                while (DirectoryEntries.Next(ref records, out ReadOnlySpan<byte> name, out byte type))
                {
                    if (name.SequenceEqual(".\0"u8) || name.SequenceEqual("..\0"u8))
                        continue;
                    (type == DirectoryEntries.DT_DIR ? folders : files).Add(name.ToArray());
                }
            }
            foreach (byte[] file in files)
            {
                if (!TryUnlinkWritable(fd, file))
                    folders.Add(file);
            }
            return folders;
        }

        private static bool TryUnlinkWritable(int fd, byte[] file)
        {
            try
            {
                return TryUnlink(fd, file);
            }
            catch (LinuxException e) when (e.Errno == Errno.EACCES && InodeAttributes.fchmod(fd, 0x1C0) == 0)
            {
                return TryUnlink(fd, file);
            }
        }

        private void MoveToTop(int fd, byte[] folder)
        {
            byte[] name = CString.Of($".removing-{_moved++}");
            while (DirectoryEntries.renameat2(fd, folder, _topFd, name, DirectoryEntries.RENAME_NOREPLACE) < 0)
            {
                int errno = Marshal.GetLastPInvokeError();
                if (errno != Errno.EEXIST)
                    throw Failed("renameat2", folder, errno);
                name = CString.Of($".removing-{_moved++}");
            }
        }
    }
}
