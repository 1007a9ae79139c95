using System.Runtime.InteropServices;
using System.Text;
using NodeAgent.Linux;
using static NodeAgent.Linux.InodeAttributes;

namespace NodeAgent.Images.Layers;

/// <summary>
/// Gives a new inode what its entry says: owner, then extended attributes, then mode, then times. The order matters: chown(2) takes the setuid
/// bits and <c>security.capability</c> away, and everything changes times.
/// </summary>
internal sealed class InodeWriter
{
    /// <summary>Attributes that the filesystem does not take, e.g. <c>user.*</c> on a link or on an old tmpfs: worth a word, not a failure.</summary>
    public int RefusedXattrs { get; private set; }
    public string? FirstRefusedXattr { get; private set; }

    /// <summary>Writes the data of a regular file.</summary>
    public static void WriteData(int fd, TarReader reader, TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Sparse is null)
        {
            WriteRun(fd, reader, null, entry.Size, cancellationToken);
            return;
        }
        foreach (SparseRun run in entry.Sparse)
            WriteRun(fd, reader, run.Offset, run.Length, cancellationToken);
        if (FileContent.ftruncate(fd, entry.Size) < 0)
            throw LayerRoot.Failed("ftruncate", entry.Name);
    }

    private static void WriteRun(int fd, TarReader reader, long? offset, long length, CancellationToken cancellationToken)
    {
        while (length > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> piece = reader.ReadData((int)Math.Min(length, 1 << 20));
            length -= piece.Length;
            while (!piece.IsEmpty)
            {
                long written = offset is { } at ? FileContent.pwrite(fd, piece, at) : FileContent.write(fd, piece);
                if (written < 0)
                {
                    if (Marshal.GetLastPInvokeError() == Errno.EINTR)
                        continue;
                    throw LayerRoot.Failed("write", default);
                }
                piece = piece[(int)written..];
                offset += written;
            }
        }
    }

    /// <summary>Owner, attributes and mode of an open file or folder.</summary>
    public void Describe(int fd, TarEntry entry)
    {
        if (fchown(fd, entry.Uid, entry.Gid) < 0)
            throw LayerRoot.Failed("fchown", default);
        foreach (TarXattr xattr in entry.Xattrs)
        {
            if (!IsForeign(xattr.Name) && Xattr.fsetxattr(fd, CString.Of(xattr.Name), xattr.Value) < 0)
                Refused(xattr, entry.Kind);
        }
        if (fchmod(fd, entry.Mode) < 0)
            throw LayerRoot.Failed("fchmod", default);
    }

    /// <summary>Owner, attributes, mode and times of what cannot be opened: links, devices, fifos.</summary>
    public void Describe(int parentFd, ReadOnlySpan<byte> leaf, TarEntry entry)
    {
        if (fchownat(parentFd, leaf, entry.Uid, entry.Gid, AT_SYMLINK_NOFOLLOW) < 0)
            throw LayerRoot.Failed("fchownat", leaf);
        if (entry.Xattrs.Count > 0)
        {
            // setxattr has no *at form before Linux 6.13; the magic link leads to the parent, and the l form stops at the leaf.
            byte[] path = [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{parentFd}/"), .. leaf];
            foreach (TarXattr xattr in entry.Xattrs)
            {
                if (!IsForeign(xattr.Name) && Xattr.lsetxattr(path, CString.Of(xattr.Name), xattr.Value) < 0)
                    Refused(xattr, entry.Kind);
            }
        }
        if (entry.Kind != TarEntryKind.SymbolicLink && fchmodat(parentFd, leaf, entry.Mode) < 0)
            throw LayerRoot.Failed("fchmodat", leaf);
        timespec time = Time(entry);
        if (utimensat(parentFd, leaf, time, time, AT_SYMLINK_NOFOLLOW) < 0)
            throw LayerRoot.Failed("utimensat", leaf);
    }

    public static void SetTimes(int fd, TarEntry entry)
    {
        timespec time = Time(entry);
        if (futimens(fd, time, time) < 0)
            throw LayerRoot.Failed("futimens", default);
    }

    public static timespec Time(TarEntry entry) => new() { tv_sec = entry.ModifiedSeconds, tv_nsec = entry.ModifiedNanoseconds };

    /// <summary>
    /// Attributes that a layer must not bring along: overlayfs' own, which would redirect or hide what lies below; SELinux labels and NFS ACLs,
    /// which belong to the machine where the layer was made.
    /// </summary>
    private static bool IsForeign(ReadOnlySpan<byte> name) =>
        name.StartsWith("trusted.overlay."u8) || name.StartsWith("user.overlay."u8) || name.SequenceEqual("security.selinux"u8)
        || name.SequenceEqual("system.nfs4_acl"u8);

    private void Refused(TarXattr xattr, TarEntryKind kind)
    {
        int errno = Marshal.GetLastPInvokeError();
        bool userOnSpecial = errno == Errno.EPERM && xattr.Name.AsSpan().StartsWith("user."u8)
            && kind is not (TarEntryKind.RegularFile or TarEntryKind.Directory);
        if (errno != Errno.EOPNOTSUPP && !userOnSpecial)
            throw LayerRoot.Failed("setxattr", xattr.Name);
        RefusedXattrs++;
        FirstRefusedXattr ??= TarReader.Printable(xattr.Name);
    }
}
