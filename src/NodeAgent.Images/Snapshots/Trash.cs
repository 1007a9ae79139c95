using Microsoft.Extensions.Logging;
using NodeAgent.Images.Layers;
using NodeAgent.Linux;

namespace NodeAgent.Images.Snapshots;

/// <summary>
/// Deletes trees off the caller's path: taking one is a rename, the rest happens in the background, and what a crash leaves is deleted at the next
/// start. Thread-safe.
/// </summary>
internal sealed partial class Trash
{
    private readonly string _folder;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly Queue<string> _waiting = new();
    private Task _worker = Task.CompletedTask;
    private bool _working;
    private long _last;

    public Trash(string folder, ILogger logger)
    {
        _folder = folder;
        _logger = logger;
        foreach (string leftover in Directory.EnumerateFileSystemEntries(folder))
        {
            // Names go on where the last run stopped.
            if (long.TryParse(Path.GetFileName(leftover), out long number))
                _last = Math.Max(_last, number);
            Delete(leftover);
        }
    }

    /// <summary>Done when nothing waits to be deleted.</summary>
    public Task Emptied
    {
        get
        {
            lock (_gate)
                return _worker;
        }
    }

    /// <summary>Moves a file or folder out of sight; false when there is none of that name.</summary>
    public bool Take(string path)
    {
        string target = Path.Combine(_folder, $"{Interlocked.Increment(ref _last)}");
        int result = DirectoryEntries.renameat2(
            Openat2.AT_FDCWD, CString.Of(path), Openat2.AT_FDCWD, CString.Of(target), DirectoryEntries.RENAME_NOREPLACE);
        if (result < 0)
        {
            int errno = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            return errno == Errno.ENOENT ? false : throw new LinuxException("renameat2", path, errno);
        }
        Delete(target);
        return true;
    }

    /// <summary>Leaves what waits to the next start; done when the tree at hand is deleted.</summary>
    public Task StopAsync()
    {
        lock (_gate)
        {
            _waiting.Clear();
            return _worker;
        }
    }

    private void Delete(string path)
    {
        lock (_gate)
        {
            _waiting.Enqueue(path);
            if (_working)
                return;
            _working = true;
            _worker = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    private void Work()
    {
        while (true)
        {
            string? path;
            lock (_gate)
            {
                if (!_waiting.TryDequeue(out path))
                {
                    _working = false;
                    return;
                }
            }
            try
            {
                TreeRemoval.Remove(path);
            }
            catch (LinuxException e)
            {
                // It stays where it is and the next start tries again.
                LogNotDeleted(_logger, path, e);
            }
        }
    }

    [LoggerMessage(3001, LogLevel.Warning, "cannot delete {Path}")]
    private static partial void LogNotDeleted(ILogger logger, string path, Exception exception);
}
