using NodeAgent.Core.Manifests;
using NodeAgent.Linux;

namespace NodeAgent.Cli.Commands;

/// <summary>Reads manifests the way the agent does, from files, folders and standard input.</summary>
internal static class ManifestInput
{
    public const string StandardInput = "-";

    /// <summary>A folder stands for the manifests in it, as the agent would pick them.</summary>
    public static IEnumerable<ManifestPath> Expand(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (!Directory.Exists(path))
            {
                yield return new ManifestPath(path, InFolder: false);
                continue;
            }
            foreach (string file in Directory.EnumerateFileSystemEntries(path).Where(file => ManifestFileName.IsManifest(Path.GetFileName(file))).Order(StringComparer.Ordinal))
            {
                yield return new ManifestPath(file, InFolder: true);
            }
        }
    }

    /// <exception cref="PodctlException">3 when there is no such file, 1 when it can't be read.</exception>
    public static ManifestFile Read(PodctlIo io, ManifestPath from)
    {
        string path = from.Path;
        if (path == StandardInput) return ManifestParser.Parse(ReadUpTo(io.In), "<stdin>");
        if (from.InFolder && OddKind(path) is { } kind) return Refused(path, ManifestError.NotARegularFile(path, kind));
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            return file.CanSeek && file.Length > ManifestParser.MaxBytes
                ? Refused(path, ManifestError.TooLarge(path, file.Length))
                : ManifestParser.Parse(ReadUpTo(file), path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new PodctlException($"{path}: no such file", ExitCode.NotFound, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new PodctlException($"{path}: {error.Message}", ExitCode.Failed, error);
        }
    }

    private static ManifestFile Refused(string path, ManifestError error) => new(path, [], [error], []);

    private static string? OddKind(string path)
    {
        if (InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(path), 0, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t inode) != 0) return null;
        return inode.Type switch
        {
            InodeAttributes.S_IFREG => null,
            InodeAttributes.S_IFDIR => "directory",
            InodeAttributes.S_IFIFO => "FIFO",
            InodeAttributes.S_IFSOCK => "socket",
            _ => "device",
        };
    }

    // One byte more than is allowed is enough for the parser to refuse it.
    private static ReadOnlyMemory<byte> ReadUpTo(Stream stream)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        while (content.Length <= ManifestParser.MaxBytes && stream.Read(buffer) is var read and > 0)
            content.Write(buffer, 0, read);
        return content.GetBuffer().AsMemory(0, (int)content.Length);
    }
}

/// <param name="InFolder">Found in a folder, where the agent takes regular files only. A pipe that is named, as in <c>&lt;(command)</c>, is read like standard input.</param>
internal sealed record ManifestPath(string Path, bool InFolder);
