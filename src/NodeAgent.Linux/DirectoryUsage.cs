using System.Runtime.InteropServices;
using static NodeAgent.Linux.DirectoryEntries;
using static NodeAgent.Linux.InodeAttributes;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Linux;

/// <summary>
/// What a folder and everything in it take on disk, as du(1) counts: blocks, each inode once, links not followed, mounts not entered.
/// Somebody else may change the folder meanwhile and fill it with whatever they like: names are bytes, what vanishes is not counted, and the walk ends after
/// <see cref="MaxEntries"/> entries or at <see cref="MaxDepth"/>; what it has counted by then is what it answers.
/// </summary>
public static class DirectoryUsage
{
    public const int MaxEntries = 2_000_000;

    /// <summary>A descriptor each.</summary>
    public const int MaxDepth = 128;

    private const uint Mask = STATX_BASIC_STATS;
    private const int BlockSize = 512;

    /// <returns>Zero for a folder that is not there. Throws <see cref="LinuxException"/> when it cannot be opened for another reason.</returns>
    public static (long Bytes, long Inodes) Of(string path, CancellationToken cancellation = default)
    {
        int root = openat2(AT_FDCWD, CString.Of(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, 0);
        if (root < 0)
        {
            if (Marshal.GetLastPInvokeError() is Errno.ENOENT or Errno.ENOTDIR) return (0, 0);
            LinuxException.ThrowLast("open", path);
        }
        try
        {
            if (statx(root, out statx_t self) < 0) LinuxException.ThrowLast("statx", path);
            var walk = new Walk(self.stx_dev_major, self.stx_dev_minor, cancellation);
            walk.Count(self);
            walk.Into(root, 1);
            return (walk.Bytes, walk.Inodes);
        }
        finally
        {
            _ = close(root);
        }
    }

    private sealed class Walk(uint major, uint minor, CancellationToken cancellation)
    {
        // Only inodes with several names can come twice.
        private readonly HashSet<ulong> _linked = [];

        public long Bytes { get; private set; }
        public long Inodes { get; private set; }

        public void Count(in statx_t inode)
        {
            Bytes += (long)inode.stx_blocks * BlockSize;
            Inodes++;
        }

        public void Into(int directory, int depth)
        {
            cancellation.ThrowIfCancellationRequested();
            byte[] buffer = new byte[depth == 1 ? 32768 : 4096];
            long read;
            while (Inodes < MaxEntries && (read = getdents64(directory, buffer)) > 0)
            {
                ReadOnlySpan<byte> records = buffer.AsSpan(0, (int)read);
                while (Next(ref records, out ReadOnlySpan<byte> name, out _))
                {
                    if (!name.SequenceEqual(".\0"u8) && !name.SequenceEqual("..\0"u8)) Take(directory, name, depth);
                }
            }
        }

        private void Take(int directory, ReadOnlySpan<byte> name, int depth)
        {
            if (statx(directory, name, AT_SYMLINK_NOFOLLOW, Mask, out statx_t inode) < 0) return;
            if (inode.stx_dev_major != major || inode.stx_dev_minor != minor) return;
            bool isFolder = inode.Type == S_IFDIR;
            if (!isFolder && inode.stx_nlink > 1 && !_linked.Add(inode.stx_ino)) return;
            Count(inode);
            if (!isFolder || depth >= MaxDepth) return;
            int child = openat2(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
            if (child < 0) return;
            try
            {
                Into(child, depth + 1);
            }
            finally
            {
                _ = close(child);
            }
        }
    }
}
