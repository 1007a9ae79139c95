using System.Runtime.InteropServices;
using static NodeAgent.Linux.DirectoryEntries;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Linux;

/// <summary>
/// Removes folders that somebody else has filled: names are bytes, links are not followed, depth does not matter, and a mount in the way is an error
/// rather than the end of what is mounted there.
/// </summary>
public static partial class DirectoryTree
{
    // Deeper folders are first moved up, so that neither stack nor descriptors run out.
    private const int MaxDepth = 48;
    private const uint NoMode = 0;

    /// <summary>
    /// Deletes a folder and everything in it; gone already is fine. Throws <see cref="LinuxException"/> naming the entry, with EXDEV for a mount inside.
    /// Nothing else may rename in there meanwhile.
    /// </summary>
    public static void Remove(string path)
    {
        byte[] name = CString.Of(path);
        int root = openat2(AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, NoMode, 0);
        if (root < 0)
        {
            if (Marshal.GetLastPInvokeError() == Errno.ENOENT) return;
            LinuxException.ThrowLast("open", path);
        }
        try
        {
            int lifted = 0;
            Empty(root, path, root, depth: 0, ref lifted);
        }
        finally
        {
            _ = close(root);
        }
        if (unlinkat(AT_FDCWD, name, AT_REMOVEDIR) < 0 && Marshal.GetLastPInvokeError() != Errno.ENOENT)
            LinuxException.ThrowLast("rmdir", path);
    }

    private static void Empty(int directory, string path, int root, int depth, ref int lifted)
    {
        byte[] buffer = new byte[8192];
        while (true)
        {
            // Reading on while entries vanish may skip some, so it starts over until a pass finds none.
            if (lseek(directory, 0, 0) < 0) LinuxException.ThrowLast("lseek", path);
            bool any = false;
            long read;
            while ((read = getdents64(directory, buffer)) > 0)
            {
                ReadOnlySpan<byte> records = buffer.AsSpan(0, (int)read);
                while (Next(ref records, out ReadOnlySpan<byte> name, out byte type))
                {
                    if (name.SequenceEqual(".\0"u8) || name.SequenceEqual("..\0"u8)) continue;
                    any = true;
                    RemoveEntry(directory, path, name, type, root, depth, ref lifted);
                }
            }
            if (read < 0) LinuxException.ThrowLast("getdents64", path);
            if (!any) return;
        }
    }

    private static void RemoveEntry(int directory, string path, ReadOnlySpan<byte> name, byte type, int root, int depth, ref int lifted)
    {
        if (type != DT_DIR)
        {
            if (unlinkat(directory, name, 0) == 0) return;
            int errno = Marshal.GetLastPInvokeError();
            if (errno == Errno.ENOENT) return;
            if (errno != Errno.EISDIR) throw new LinuxException("unlink", Under(path, name), errno);
        }
        if (unlinkat(directory, name, AT_REMOVEDIR) == 0) return;
        if (Marshal.GetLastPInvokeError() is not (Errno.ENOTEMPTY or Errno.EEXIST))
            throw new LinuxException("rmdir", Under(path, name), Marshal.GetLastPInvokeError());
        if (depth >= MaxDepth)
        {
            Lift(directory, path, name, root, ref lifted);
            return;
        }
        int child = openat2(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, NoMode, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
        if (child < 0) LinuxException.ThrowLast("open", Under(path, name));
        try
        {
            Empty(child, Under(path, name), root, depth + 1, ref lifted);
        }
        finally
        {
            _ = close(child);
        }
        LinuxException.Check(unlinkat(directory, name, AT_REMOVEDIR), "rmdir", path);
    }

    private static void Lift(int directory, string path, ReadOnlySpan<byte> name, int root, ref int lifted)
    {
        while (renameat2(directory, name, root, CString.Of($".removed-{lifted++}"), RENAME_NOREPLACE) < 0)
        {
            if (Marshal.GetLastPInvokeError() != Errno.EEXIST) LinuxException.ThrowLast("rename", Under(path, name));
        }
    }

    private static string Under(string path, ReadOnlySpan<byte> name) => path + "/" + System.Text.Encoding.UTF8.GetString(name[..^1]);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int whence);
}
