using NodeAgent.Core.Manifests;

namespace NodeAgent.Cli.Commands;

/// <summary>Reads manifests the way the agent does, from files, folders and standard input.</summary>
internal static class ManifestInput
{
    public const string StandardInput = "-";

    /// <summary>A folder stands for the manifests in it, as the agent would pick them.</summary>
    public static IEnumerable<string> Expand(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (!Directory.Exists(path))
            {
                yield return path;
                continue;
            }
            foreach (string file in Directory.EnumerateFileSystemEntries(path).Where(file => ManifestFileName.IsManifest(Path.GetFileName(file))).Order(StringComparer.Ordinal))
                yield return file;
        }
    }

    /// <exception cref="PodctlException">3 when there is no such file, 1 when it can't be read.</exception>
    public static async Task<ManifestFile> ReadAsync(PodctlIo io, string path, CancellationToken cancellationToken)
    {
        if (path == StandardInput) return ManifestParser.Parse(await ReadUpToAsync(io.In, cancellationToken).ConfigureAwait(false), "<stdin>");
        if (Directory.Exists(path)) return Refused(path, ManifestError.NotARegularFile(path, "directory"));
        try
        {
            // Opening a FIFO would wait for a writer: look first.
            if ((File.GetAttributes(path) & FileAttributes.Device) != 0) return Refused(path, ManifestError.NotARegularFile(path, "FIFO, socket or device"));
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            return file.Length > ManifestParser.MaxBytes
                ? Refused(path, ManifestError.TooLarge(path, file.Length))
                : ManifestParser.Parse(await ReadUpToAsync(file, cancellationToken).ConfigureAwait(false), path);
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

    // One byte more than is allowed is enough for the parser to refuse it.
    private static async Task<ReadOnlyMemory<byte>> ReadUpToAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        while (content.Length <= ManifestParser.MaxBytes && await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is var read and > 0)
            content.Write(buffer, 0, read);
        return content.GetBuffer().AsMemory(0, (int)content.Length);
    }
}
