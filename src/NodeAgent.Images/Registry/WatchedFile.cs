namespace NodeAgent.Images.Registry;

/// <summary>What a file says, parsed again when the file has changed. Thread-safe: two that come at once may both parse it.</summary>
/// <param name="parse">Of the file's bytes; its failure is the caller's and is tried again the next time.</param>
/// <param name="absent">For a file that is not there.</param>
internal sealed class WatchedFile<T>(string path, Func<byte[], T> parse, T absent)
    where T : class
{
    private sealed record Known(DateTime Written, long Length, T Value);

    private Known? _known;

    public string Path => path;

    /// <summary>Throws <see cref="IOException"/>, <see cref="UnauthorizedAccessException"/> and what parsing throws.</summary>
    public T Read()
    {
        FileInfo file = new(path);
        if (!file.Exists)
            return absent;
        Known? known = Volatile.Read(ref _known);
        if (known is not null && known.Written == file.LastWriteTimeUtc && known.Length == file.Length)
            return known.Value;
        T value = parse(File.ReadAllBytes(path));
        Volatile.Write(ref _known, new Known(file.LastWriteTimeUtc, file.Length, value));
        return value;
    }
}
