namespace NodeAgent.Api.Logs;

/// <summary>Where to start reading.</summary>
/// <param name="FileIndex">In the list of files.</param>
/// <param name="Offset">Bytes, always at the start of a record.</param>
/// <param name="SkipLines">Lines to pass over first: a compressed file can't be entered in the middle.</param>
internal readonly record struct LogStart(int FileIndex, long Offset, long SkipLines);

/// <summary>
/// Finds the start of the last N lines by reading backwards from the end, so that the tail of a large log costs the tail.
/// A line counts once however many pieces it was written in.
/// </summary>
internal static class LogTail
{
    private const int BlockBytes = 64 * 1024;

    public static LogStart Find(IReadOnlyList<string> files, long lines, LogStream? stream)
    {
        long missing = lines;
        bool last = true;
        for (int index = files.Count - 1; index >= 0; index--)
        {
            LogStart? found = LogFiles.IsCompressed(files[index])
                ? FindForward(files[index], index, stream, ref missing)
                : FindBackward(files[index], index, stream, ref missing, ref last);
            if (found is { } start) return start;
        }
        return new LogStart(0, 0, 0);
    }

    private static LogStart? FindForward(string path, int index, LogStream? stream, ref long missing)
    {
        long count = 0;
        using (var lines = new LogLines(path, LogFiles.Open(path)))
        {
            while (lines.TryRead(out ReadOnlySpan<byte> line))
            {
                if (CriLogRecord.TryParse(line, out CriLogRecord record) && !record.Partial && (stream is null || record.Stream == stream)) count++;
            }
        }
        if (count > missing) return new LogStart(index, 0, count - missing);
        missing -= count;
        return null;
    }

    private static LogStart? FindBackward(string path, int index, LogStream? stream, ref long missing, ref bool last)
    {
        using Stream file = LogFiles.Open(path);
        byte[] buffer = new byte[BlockBytes + CriLogRecord.LongestHeader];
        long blockStart = file.Length;
        long nextRecord = -1;
        int carried = 0;
        while (blockStart > 0)
        {
            int size = (int)Math.Min(BlockBytes, blockStart);
            blockStart -= size;
            // What follows this block is needed to read the header of a record that starts at its very end.
            buffer.AsSpan(0, carried).CopyTo(buffer.AsSpan(size));
            file.Position = blockStart;
            file.ReadExactly(buffer, 0, size);
            int valid = size + carried;
            for (int search = size; search >= 0;)
            {
                int newline = search == 0 ? -1 : buffer.AsSpan(0, search).LastIndexOf((byte)'\n');
                if (newline < 0 && blockStart > 0) break;
                long start = blockStart + newline + 1;
                if (nextRecord < 0)
                {
                    // A record that is only half written yet, or the very end: reading starts here at the latest.
                    nextRecord = start;
                }
                else
                {
                    if (CountsAsLine(buffer.AsSpan(newline + 1, valid - newline - 1), stream, ref last) && --missing < 0)
                        return new LogStart(index, nextRecord, 0);
                    nextRecord = start;
                }
                if (newline < 0) break;
                search = newline;
            }
            carried = Math.Min(CriLogRecord.LongestHeader, valid);
        }
        return null;
    }

    // The last record of all counts even when its line has no end yet.
    private static bool CountsAsLine(ReadOnlySpan<byte> record, LogStream? stream, ref bool last)
    {
        int end = record.IndexOf((byte)'\n');
        if (!CriLogRecord.TryParse(end < 0 ? record : record[..end], out CriLogRecord header)) return false;
        if (stream is not null && header.Stream != stream) return false;
        bool counts = !header.Partial || last;
        last = false;
        return counts;
    }
}
