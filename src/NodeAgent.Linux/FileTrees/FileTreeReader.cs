using System.Formats.Tar;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Linux.FileTrees;

/// <summary>
/// Writes a file or a folder as a <see cref="FileTreeArchive"/>. The tree may belong to somebody hostile who changes it meanwhile: every name is opened as what it
/// is (O_PATH, no link followed) and looked at before it is opened for reading, so that neither a link leads elsewhere nor a device or a FIFO is touched.
/// One use per object.
/// </summary>
public sealed class FileTreeReader
{
    /// <summary>What a file may have that says it has nothing, as those of /proc do.</summary>
    private const int MaxUnsized = 16 << 20;

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<string> _skipped = [];

    /// <param name="root">The file or folder, opened with O_PATH.</param>
    /// <param name="shown">Its path, for messages.</param>
    /// <exception cref="LinuxException">Something can't be read; the archive ends there.</exception>
    /// <exception cref="IOException">The archive can't be written, or the tree is deeper than <see cref="FileTreeArchive.MaxDepth"/>.</exception>
    public async Task WriteAsync(SafeFileHandle root, string shown, Stream archive, CancellationToken cancellationToken)
    {
        var tar = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true);
        await using (tar.ConfigureAwait(false))
        {
            await AddAsync(tar, root, FileTreeArchive.Root, shown, 0, cancellationToken).ConfigureAwait(false);
            if (_skipped.Count == 0) return;
            using var lines = new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', _skipped)));
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, FileTreeArchive.Skipped) { DataStream = lines }, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AddAsync(TarWriter tar, SafeFileHandle opened, string name, string shown, int depth, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        LinuxException.Check(InodeAttributes.statx(Fd(opened), out InodeAttributes.statx_t inode), "statx", shown);
        switch (inode.Type)
        {
            case InodeAttributes.S_IFDIR:
                if (depth == FileTreeArchive.MaxDepth) throw new IOException($"{shown}: deeper than {FileTreeArchive.MaxDepth} folders");
                await tar.WriteEntryAsync(Entry(TarEntryType.Directory, name + "/", inode), cancellationToken).ConfigureAwait(false);
                await AddFolderAsync(tar, opened, name, shown, depth, cancellationToken).ConfigureAwait(false);
                break;
            case InodeAttributes.S_IFREG:
                await AddFileAsync(tar, opened, name, shown, inode, cancellationToken).ConfigureAwait(false);
                break;
            case InodeAttributes.S_IFLNK:
                await AddLinkAsync(tar, opened, name, shown, inode, cancellationToken).ConfigureAwait(false);
                break;
            default:
                Skip(shown, "neither file, folder nor link");
                break;
        }
    }

    private async Task AddFolderAsync(TarWriter tar, SafeFileHandle opened, string name, string shown, int depth, CancellationToken cancellationToken)
    {
        using var folder = new SafeFileHandle(Reopen(opened, O_RDONLY | O_DIRECTORY, shown), ownsHandle: true);
        byte[] buffer = new byte[16 * 1024];
        while (LinuxException.Check(DirectoryEntries.getdents64(Fd(folder), buffer), "getdents64", shown) is var filled and > 0)
        {
            for (int at = 0; at < filled;)
            {
                (byte[] child, at) = Next(buffer, at, (int)filled);
                if (child is [(byte)'.', 0] or [(byte)'.', (byte)'.', 0]) continue;
                if (Text(child) is not { } text)
                {
                    Skip($"{shown}/{Encoding.Latin1.GetString(child.AsSpan()[..^1])}", "its name is no UTF-8");
                    continue;
                }
                int fd = openat(Fd(folder), child, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0 && Marshal.GetLastPInvokeError() == Errno.ENOENT) continue;
                using var handle = new SafeFileHandle(LinuxException.Check(fd, "openat", $"{shown}/{text}"), ownsHandle: true);
                await AddAsync(tar, handle, $"{name}/{text}", $"{shown}/{text}", depth + 1, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private static (byte[] Name, int Next) Next(byte[] buffer, int at, int filled)
    {
        ReadOnlySpan<byte> records = buffer.AsSpan(at, filled - at);
        int before = records.Length;
        return DirectoryEntries.Next(ref records, out ReadOnlySpan<byte> name, out _) ? (name.ToArray(), at + before - records.Length) : ([(byte)'.', 0], filled);
    }

    private static async Task AddFileAsync(
        TarWriter tar, SafeFileHandle opened, string name, string shown, InodeAttributes.statx_t inode, CancellationToken cancellationToken)
    {
        using var handle = new SafeFileHandle(Reopen(opened, O_RDONLY | O_NONBLOCK, shown), ownsHandle: true);
        using var content = new ContentStream(handle, shown, (long)inode.stx_size);
        PaxTarEntry entry = Entry(TarEntryType.RegularFile, name, inode);
        entry.DataStream = inode.stx_size > 0 ? content : Unsized(handle, shown);
        await tar.WriteEntryAsync(entry, cancellationToken).ConfigureAwait(false);
    }

    private static async Task AddLinkAsync(
        TarWriter tar, SafeFileHandle opened, string name, string shown, InodeAttributes.statx_t inode, CancellationToken cancellationToken)
    {
        byte[] target = new byte[4096];
        long length = LinuxException.Check(DirectoryEntries.readlinkat(Fd(opened), "\0"u8, target), "readlinkat", shown);
        PaxTarEntry entry = Entry(TarEntryType.SymbolicLink, name, inode);
        entry.LinkName = Encoding.UTF8.GetString(target, 0, (int)length);
        await tar.WriteEntryAsync(entry, cancellationToken).ConfigureAwait(false);
    }

    private static PaxTarEntry Entry(TarEntryType type, string name, in InodeAttributes.statx_t inode) => new(type, name)
    {
        Mode = (UnixFileMode)inode.Permissions,
        ModificationTime = DateTimeOffset.FromUnixTimeSeconds(Math.Max(0, Math.Min(inode.stx_mtime.tv_sec, DateTimeOffset.MaxValue.ToUnixTimeSeconds()))),
    };

    private static MemoryStream? Unsized(SafeFileHandle handle, string shown)
    {
        var content = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        while (LinuxException.Check(FileContent.read(Fd(handle), buffer), "read", shown) is var got and > 0)
        {
            if (content.Length + got > MaxUnsized) throw new IOException($"{shown}: has no size and no end");
            content.Write(buffer, 0, (int)got);
        }
        content.Position = 0;
        return content.Length > 0 ? content : null;
    }

    // The same inode, whatever has its name by now.
    private static int Reopen(SafeFileHandle opened, int flags, string shown) =>
        LinuxException.Check(openat(AT_FDCWD, CString.Of($"/proc/self/fd/{Fd(opened)}"), flags | O_CLOEXEC), "open", shown);

    private static string? Text(byte[] name)
    {
        try
        {
            return Utf8.GetString(name.AsSpan()[..^1]);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    private void Skip(string shown, string why)
    {
        if (_skipped.Count < FileTreeArchive.MaxSkipped) _skipped.Add($"{shown.ReplaceLineEndings("?")}: {why}");
    }

    private static int Fd(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    /// <summary>A file's content as long as it was said to be: one that grows is cut, one that shrinks is an error, for the archive has its length already.</summary>
    private sealed class ContentStream(SafeFileHandle handle, string shown, long length) : Stream
    {
        private long _position;

        public override bool CanRead => true;
        public override bool CanSeek => true;
        public override bool CanWrite => false;
        public override long Length => length;
        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            if (_position == length || buffer.Length == 0) return 0;
            long got = LinuxException.Check(FileContent.read(Fd(handle), buffer[..(int)Math.Min(buffer.Length, length - _position)]), "read", shown);
            if (got == 0) throw new IOException($"{shown}: became shorter while it was read");
            _position += got;
            return (int)got;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));
        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => Task.FromResult(Read(buffer.AsSpan(offset, count)));
        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
