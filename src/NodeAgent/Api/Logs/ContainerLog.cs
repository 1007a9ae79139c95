using System.IO.Pipelines;
using System.Threading.Channels;

namespace NodeAgent.Api.Logs;

/// <summary>
/// Copies the log of one run of a container to a client, across rotations, and follows it while the container lives.
/// <code>
///   open the first wanted file -> read to its end -> a newer file? --yes--> read to the end once more (the writer may have written
///            ^                        ^                   |                 before it changed files) -> open the newer one
///            |                        |                   no
///            |                        |                   v
///            |                        +-- woken --- follow and the container lives? --no--> end
/// </code>
/// Nothing polls: the wait ends by inotify on the folder, or by a change of the container's state.
/// Invariant: whether the container has ended is asked before the last read, and its writer has written everything by then, so that nothing is left behind.
/// </summary>
internal sealed class ContainerLog(LogFiles files, LogQuery query)
{
    private const int FlushBytes = 32 * 1024;

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private long _skipLines;

    /// <summary>Has the reader look again. Any number of calls while it is busy make one more look.</summary>
    public void Wake() => _wake.Writer.TryWrite(true);

    /// <summary>Returns when all is copied, when the limit is reached, or when the client has gone.</summary>
    /// <param name="ended">Whether the run is over.</param>
    public async Task CopyAsync(PipeWriter output, Func<bool> ended, CancellationToken cancellationToken)
    {
        using FileSystemWatcher? watcher = query.Follow ? Watch() : null;
        var text = new LogText(output, query);
        LogLines? current = null;
        try
        {
            while (true)
            {
                bool over = !query.Follow || ended();
                current ??= OpenFirst();
                while (current is not null)
                {
                    if (!await CopyToEndAsync(current, text, output, cancellationToken).ConfigureAwait(false)) return;
                    LogLines? next = OpenNext(current);
                    if (next is null) break;
                    if (!await CopyToEndAsync(current, text, output, cancellationToken).ConfigureAwait(false)) return;
                    current.Dispose();
                    current = next;
                }
                text.Release();
                if ((await output.FlushAsync(cancellationToken).ConfigureAwait(false)).IsCompleted || over) return;
                await _wake.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            current?.Dispose();
        }
    }

    // False when nothing more is wanted: the limit is reached or the client has gone.
    private async ValueTask<bool> CopyToEndAsync(LogLines lines, LogText text, PipeWriter output, CancellationToken cancellationToken)
    {
        bool atEnd = false;
        while (!atEnd)
        {
            atEnd = !CopySome(lines, text);
            if (text.Full) await output.FlushAsync(cancellationToken).ConfigureAwait(false);
            if (text.Full || (!atEnd && (await output.FlushAsync(cancellationToken).ConfigureAwait(false)).IsCompleted)) return false;
        }
        return true;
    }

    // False at the end of the file.
    private bool CopySome(LogLines lines, LogText text)
    {
        long until = text.Written + FlushBytes;
        while (text.Written < until && !text.Full)
        {
            if (!lines.TryRead(out ReadOnlySpan<byte> line)) return false;
            if (!CriLogRecord.TryParse(line, out CriLogRecord record)) continue;
            if (_skipLines == 0) text.Add(record);
            else if (!record.Partial && (query.Stream is null || query.Stream == record.Stream)) _skipLines--;
        }
        return true;
    }

    // A rotation between a listing and the opening gives a name to another file than the listing meant: what was opened counts when a second listing, made
    // after it, says the same. Whatever had been rotated before the opening is in that listing.
    private LogLines? OpenFirst()
    {
        while (true)
        {
            IReadOnlyList<string> all = files.InOrder();
            if (all.Count == 0) return null;
            try
            {
                LogStart start = query.TailLines is { } tail ? LogTail.Find(all, tail, query.Stream) : FirstSince(all);
                Stream stream = LogFiles.Open(all[start.FileIndex]);
                if (!files.InOrder().Take(start.FileIndex + 1).SequenceEqual(all.Take(start.FileIndex + 1), StringComparer.Ordinal))
                {
                    stream.Dispose();
                    continue;
                }
                if (start.Offset > 0) stream.Position = start.Offset;
                _skipLines = start.SkipLines;
                return new LogLines(all[start.FileIndex], stream);
            }
            catch (FileNotFoundException)
            {
                // Rotated away between the listing and the opening: the next listing knows better.
            }
        }
    }

    // A file that was last written before that time holds nothing from after it.
    private LogStart FirstSince(IReadOnlyList<string> all)
    {
        int index = 0;
        if (query.Since is { } since)
        {
            while (index < all.Count - 1 && File.GetLastWriteTimeUtc(all[index]) < since.UtcDateTime) index++;
        }
        return new LogStart(index, 0, 0);
    }

    private LogLines? OpenNext(LogLines current)
    {
        string now = current.CurrentPath(out bool deleted);
        while (Next(now, deleted) is { } next)
        {
            try
            {
                var opened = new LogLines(next, LogFiles.Open(next));
                if (Next(now, deleted) == next) return opened;
                opened.Dispose();
            }
            catch (FileNotFoundException)
            {
                // As above.
            }
        }
        return null;
    }

    private string? Next(string now, bool deleted) => deleted && now == files.Live && File.Exists(files.Live) ? files.Live : files.After(now);

    private FileSystemWatcher Watch()
    {
        var watcher = new FileSystemWatcher(files.Folder, Path.GetFileName(files.Live) + "*")
        {
            NotifyFilter = NotifyFilters.LastWrite | NotifyFilters.FileName,
        };
        watcher.Changed += (_, _) => Wake();
        watcher.Created += (_, _) => Wake();
        watcher.Renamed += (_, _) => Wake();
        watcher.Error += (_, _) => Wake();
        watcher.EnableRaisingEvents = true;
        return watcher;
    }
}
