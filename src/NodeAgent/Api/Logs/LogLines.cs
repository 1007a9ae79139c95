namespace NodeAgent.Api.Logs;

/// <summary>Reads a log file line by line, also while it grows: at its end it says so, and goes on when there is more.</summary>
internal sealed class LogLines(string path, Stream stream) : IDisposable
{
    // Text is cut at 16 KiB by whoever writes these files; anything much longer is not a log.
    private const int LongestLine = 1 << 20;

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;

    /// <summary>The path under which the file was opened.</summary>
    public string Path { get; } = path;

    /// <summary>The next whole line without its newline; valid until the next call. False at the end of what there is now.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        int searched = _start;
        while (true)
        {
            int newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                line = _buffer.AsSpan(_start, searched + newline - _start);
                _start = searched + newline + 1;
                return true;
            }
            searched = _end - _start;
            MakeRoom();
            searched += _start;
            int read = stream.Read(_buffer, _end, _buffer.Length - _end);
            if (read == 0)
            {
                line = default;
                return false;
            }
            _end += read;
        }
    }

    /// <summary>The name that the open file has now, or had last when it is deleted: the kernel follows renames.</summary>
    public string CurrentPath(out bool deleted)
    {
        const string Mark = " (deleted)";
        deleted = false;
        if (stream is not FileStream file) return Path;
        string now = File.ResolveLinkTarget($"/proc/self/fd/{file.SafeFileHandle.DangerousGetHandle()}", returnFinalTarget: false)?.FullName ?? Path;
        deleted = now.EndsWith(Mark, StringComparison.Ordinal);
        return deleted ? now[..^Mark.Length] : now;
    }

    public void Dispose() => stream.Dispose();

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }
        if (_end < _buffer.Length) return;
        if (_buffer.Length >= LongestLine) throw new InvalidDataException($"{Path}: a line is longer than {LongestLine} bytes");
        Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
