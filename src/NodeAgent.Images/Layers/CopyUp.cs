using System.Text;
using NodeAgent.Linux;
using static NodeAgent.Linux.InodeAttributes;

namespace NodeAgent.Images.Layers;

/// <summary>Copies files and descriptions of folders from one layer into one above it.</summary>
internal static class CopyUp
{
    /// <summary>Copies a regular file with owner, attributes, mode and times. Throws <see cref="LayerException"/>.</summary>
    public static void Copy(int fromFolder, ReadOnlySpan<byte> fromLeaf, in statx_t stat, int toFolder, ReadOnlySpan<byte> toLeaf)
    {
        if (stat.Type != S_IFREG)
            throw new LayerException($"'{TarReader.Printable(fromLeaf[..^1])}' of a layer below is no regular file: it cannot be linked to");
        int from = Openat2.openat(fromFolder, fromLeaf, Openat2.O_RDONLY | Openat2.O_NOFOLLOW | Openat2.O_CLOEXEC);
        if (from < 0)
            throw LayerRoot.Failed("openat", fromLeaf);
        int to = -1;
        try
        {
            to = Openat2.openat(toFolder, toLeaf, Openat2.O_WRONLY | Openat2.O_CREAT | Openat2.O_EXCL | Openat2.O_NOFOLLOW | Openat2.O_CLOEXEC, 0x180);
            if (to < 0)
                throw LayerRoot.Failed("openat", toLeaf);
            CopyData(from, to, fromLeaf);
            Describe(fromFolder, fromLeaf, stat, to);
            timespec modified = new() { tv_sec = stat.stx_mtime.tv_sec, tv_nsec = stat.stx_mtime.tv_nsec };
            if (futimens(to, modified, modified) < 0)
                throw LayerRoot.Failed("futimens", toLeaf);
        }
        finally
        {
            _ = Openat2.close(from);
            if (to >= 0)
                _ = Openat2.close(to);
        }
    }

    private static void CopyData(int from, int to, ReadOnlySpan<byte> name)
    {
        byte[] buffer = new byte[128 * 1024];
        for (long length; (length = FileContent.read(from, buffer)) != 0;)
        {
            if (length < 0)
                throw LayerRoot.Failed("read", name);
            for (int written = 0; written < length;)
            {
                long step = FileContent.write(to, buffer.AsSpan(written, (int)length - written));
                if (step < 0)
                    throw LayerRoot.Failed("write", name);
                written += (int)step;
            }
        }
    }

    /// <summary>Gives an open file or folder the owner, the attributes and the mode of another one. Throws <see cref="LayerException"/>.</summary>
    public static void Describe(int fromFolder, ReadOnlySpan<byte> fromLeaf, in statx_t stat, int fd)
    {
        if (fchown(fd, stat.stx_uid, stat.stx_gid) < 0)
            throw LayerRoot.Failed("fchown", fromLeaf);
        byte[] path = [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{fromFolder}/"), .. fromLeaf];
        byte[] names = new byte[64 * 1024];
        long length = Xattr.llistxattr(path, names);
        byte[] value = new byte[64 * 1024];
        for (ReadOnlySpan<byte> rest = names.AsSpan(0, (int)Math.Max(length, 0)); !rest.IsEmpty;)
        {
            ReadOnlySpan<byte> name = rest[..(rest.IndexOf((byte)0) + 1)];
            rest = rest[name.Length..];
            // overlayfs' own marks belong to the layer that they are in.
            if (name.StartsWith("trusted.overlay."u8))
                continue;
            long size = Xattr.lgetxattr(path, name, value);
            if (size < 0 || Xattr.fsetxattr(fd, name, value.AsSpan(0, (int)size)) < 0)
                throw LayerRoot.Failed("setxattr", name);
        }
        if (fchmod(fd, stat.Permissions) < 0)
            throw LayerRoot.Failed("fchmod", fromLeaf);
    }
}
