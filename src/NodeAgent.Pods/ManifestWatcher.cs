using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Manifests;

namespace NodeAgent.Pods;

/// <param name="RelistPeriod">The listing that heals lost hints.</param>
/// <param name="RetryPeriod">Between listings while the folder cannot be listed or its changes are not hinted.</param>
/// <param name="SettleTime">A change that was not hinted is taken when the file has stood still for this long.</param>
/// <param name="WriterPatience">A file that is being written and stands still for this long is taken although nobody was seen closing it.</param>
/// <param name="RemovalDelay">A file that went is removed when it has not come back within this time: many editors and tools save by deleting and writing anew.</param>
public sealed record ManifestWatcherSettings(TimeSpan RelistPeriod, TimeSpan RetryPeriod, TimeSpan SettleTime, TimeSpan WriterPatience, TimeSpan RemovalDelay)
{
    public static readonly ManifestWatcherSettings Default = new(
        TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(60), TimeSpan.FromMilliseconds(200));
}

/// <summary>
/// Follows the folder of manifests: hints say where to look, a listing every period is the truth.
/// <code>
///   a file:  absent --Settled--> read --> known
///            absent or known --Created, Modified--> being written --Settled (closed)--> read --> known        no delay on this way
///            known --listing shows another stamp--> suspect --same stamp after SettleTime--> read --> known
///            known --Gone, or missing from a listing--> missing --RemovalDelay, or renamed within the folder--> absent
///   the folder:  listed --cannot be listed--> lost (nothing changes, retried) --> listed
/// </code>
/// Callers: one task runs the loop; the folder's thread posts hints; who has taken a file away says so (WithdrawAsync). What it finds goes to ManifestIntake.
/// Invariants: a file that is being written is not read, so half a manifest is not taken (but the first listing after the start cannot know who writes);
/// a folder that cannot be listed changes nothing; content that hashes the same is not parsed again.
/// </summary>
public sealed partial class ManifestWatcher(
    IManifestFolder folder, ManifestIntake intake, OrphanVolumes leavings, SteadyClock clock, ManifestWatcherSettings settings, ILogger<ManifestWatcher> log)
{
    private readonly ConcurrentQueue<FolderHint> _hints = new();
    private readonly ConcurrentQueue<WithdrawnFile> _withdrawn = new();
    private readonly WakeSignal _signal = new();
    private readonly Dictionary<string, FileState> _files = new(StringComparer.Ordinal);
    private DateTimeOffset _relistAt;
    private bool _listedOnce;
    private string? _watchProblem;

    public LoopHeartbeat Heartbeat { get; } = new("manifest-watcher", 3 * settings.RelistPeriod, clock.Time);

    /// <summary>Looks at the whole folder once and tells the intake, so that all wishes that can be known are known.</summary>
    internal void Start() => Turn();

    /// <summary>Follows the folder until the agent stops.</summary>
    internal async Task RunAsync(CancellationToken stopping)
    {
        await Task.Yield();
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                await leavings.RemoveOnceAsync(stopping);
                await _signal.WaitAsync(clock, NextLook(), stopping);
                _signal.Reset();
                Turn();
                Heartbeat.Turn();
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
    }

    /// <summary>
    /// A file was taken away for good, not to be written anew: it is forgotten at once. Returns when the workers know.
    /// </summary>
    /// <param name="then">Runs on the watcher's task, after the file is forgotten and before the workers hear that it is.</param>
    internal Task WithdrawAsync(string name, Action then)
    {
        WithdrawnFile file = new(name, then, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _withdrawn.Enqueue(file);
        _signal.Set();
        return file.Done.Task;
    }

    private void Turn()
    {
        List<WithdrawnFile> withdrawn = [];
        try
        {
            while (_hints.TryDequeue(out var hint))
                Follow(hint);
            while (_withdrawn.TryDequeue(out var file))
            {
                withdrawn.Add(file);
                Withdraw(file);
            }

            RemoveMissing();
            if (clock.Now >= _relistAt)
                Relist();
            intake.Publish();
        }
        catch (Exception error)
        {
            LogTurnFailed(error);
            _relistAt = Earlier(_relistAt, clock.Now + settings.RetryPeriod);
        }

        foreach (var file in withdrawn)
            file.Done.TrySetResult();
    }

    private void Withdraw(WithdrawnFile file)
    {
        Forget(file.Name);
        file.Then();
        // Somebody has put another one there since.
        if (folder.Stat(file.Name) is not null)
            Read(file.Name);
    }

    private void Hint(FolderHint hint)
    {
        _hints.Enqueue(hint);
        _signal.Set();
    }

    private void Follow(FolderHint hint)
    {
        if (hint.Kind == FolderHintKind.Lost)
        {
            // A close may be among the hints that were lost.
            foreach (var file in _files.Values)
                file.BeingWritten = false;
            _relistAt = clock.Now;
            return;
        }

        if (!ManifestFileName.IsManifest(hint.Name))
        {
            // Volumes in the manner of ConfigMaps are replaced as a whole by renaming `..data`, to which the visible names are links.
            if (hint.Kind == FolderHintKind.Settled && hint.Name.StartsWith("..", StringComparison.Ordinal))
                ReadChanged();
            return;
        }

        switch (hint.Kind)
        {
            case FolderHintKind.Settled:
                ForgetRenamed(hint.Cookie);
                Read(hint.Name);
                break;
            case FolderHintKind.Created:
                FollowCreated(hint.Name);
                break;
            case FolderHintKind.Modified:
                StateOf(hint.Name).Touch();
                break;
            case FolderHintKind.Attributes:
                if (_files.TryGetValue(hint.Name, out var known) && known is { BeingWritten: false, Stamp: not null })
                    Read(hint.Name);
                break;
            case FolderHintKind.Gone:
                if (folder.Stat(hint.Name) is null)
                    Miss(hint.Name, hint.Cookie);
                break;
        }
    }

    /// <summary>
    /// An empty new file is one that its creator is about to fill. One with content may be that too, if the writer was quick, or was linked to this name when
    /// it was complete (O_TMPFILE): if nobody is seen writing to it, it is taken when it has stood still.
    /// </summary>
    private void FollowCreated(string name)
    {
        if (folder.Stat(name) is not { } entry)
            return;
        if (!entry.MayBeOpen)
            Read(name);
        else if (entry.Stamp.Size == 0)
            StateOf(name).Touch();
        else if (!StateOf(name).StoodStill(entry.Stamp, clock.Now, settings.SettleTime))
            _relistAt = Earlier(_relistAt, clock.Now + settings.SettleTime);
    }

    /// <summary>The first listing takes every file as it stands; later ones take what the hints did not tell only after it has stood still.</summary>
    private void Relist()
    {
        var listing = folder.List(Hint);
        bool hinted = listing.Problem is null && listing.WatchProblem is null;
        _relistAt = clock.Now + (hinted ? settings.RelistPeriod : settings.RetryPeriod);
        NoteWatchProblem(listing);
        intake.FolderListed(listing.Problem);
        if (listing.Problem is not null)
            return;
        foreach (var entry in intake.InOrderOfClaims(listing.Entries))
        {
            var file = StateOf(entry.Name);
            file.MissingSince = null;
            if (file.Stamp == entry.Stamp && !file.BeingWritten)
                continue;
            if (!_listedOnce || file.StoodStill(entry.Stamp, clock.Now, file.BeingWritten ? settings.WriterPatience : settings.SettleTime))
                Read(entry.Name);
            else if (!file.BeingWritten)
                _relistAt = Earlier(_relistAt, clock.Now + settings.SettleTime);
        }

        var listed = listing.Entries.Select(entry => entry.Name).ToHashSet(StringComparer.Ordinal);
        foreach (string name in _files.Keys.Where(name => !listed.Contains(name)).ToArray())
            Miss(name, 0);
        _listedOnce = true;
    }

    private void ReadChanged()
    {
        foreach (string name in _files.Keys.ToArray())
        {
            if (folder.Stat(name) is { } entry && entry.Stamp != _files[name].Stamp && !_files[name].BeingWritten)
                Read(name);
        }
    }

    private void Read(string name)
    {
        var read = folder.Read(name);
        if (read.Vanished)
        {
            Miss(name, 0);
            return;
        }

        var file = StateOf(name);
        file.BeingWritten = false;
        file.MissingSince = null;
        if (read.Moving)
        {
            _relistAt = Earlier(_relistAt, clock.Now + settings.SettleTime);
            return;
        }

        file.Stamp = read.Stamp;
        string path = folder.Path + "/" + name;
        if (read.Fault is { } fault)
        {
            file.Digest = null;
            intake.Refuse(path, fault);
        }
        else if (read.Content is { } content)
        {
            byte[] digest = SHA256.HashData(content.Span);
            if (file.Digest is { } known && known.AsSpan().SequenceEqual(digest))
                return;
            file.Digest = digest;
            intake.Take(path, content);
        }
    }

    private void Miss(string name, uint cookie)
    {
        if (!_files.TryGetValue(name, out var file))
            return;
        file.BeingWritten = false;
        file.MissingSince ??= clock.Now;
        file.RenameCookie = cookie;
    }

    /// <summary>The other end of this rename is a manifest: the old name will not come back.</summary>
    private void ForgetRenamed(uint cookie)
    {
        if (cookie == 0)
            return;
        foreach ((string name, var file) in _files)
        {
            if (file.MissingSince is not null && file.RenameCookie == cookie)
            {
                Forget(name);
                return;
            }
        }
    }

    private void RemoveMissing()
    {
        foreach (string name in _files.Where(file => file.Value.MissingSince + settings.RemovalDelay <= clock.Now).Select(file => file.Key).ToArray())
            Forget(name);
    }

    private void Forget(string name)
    {
        _files.Remove(name);
        intake.Remove(folder.Path + "/" + name);
    }

    private FileState StateOf(string name)
    {
        if (!_files.TryGetValue(name, out var file))
            _files[name] = file = new FileState();
        return file;
    }

    private DateTimeOffset NextLook()
    {
        var next = _relistAt;
        foreach (var file in _files.Values)
        {
            if (file.MissingSince is { } since)
                next = Earlier(next, since + settings.RemovalDelay);
        }

        return next;
    }

    private void NoteWatchProblem(FolderListing listing)
    {
        string? problem = listing.Problem is null ? listing.WatchProblem : null;
        if (problem is not null && problem != _watchProblem)
            LogNoHints(folder.Path, problem, settings.RetryPeriod);
        _watchProblem = problem;
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private sealed record WithdrawnFile(string Name, Action Then, TaskCompletionSource Done);

    private sealed class FileState
    {
        private FileStamp _suspect;
        private DateTimeOffset _suspectSince;

        /// <summary>Of the content that was read last.</summary>
        public FileStamp? Stamp { get; set; }
        public byte[]? Digest { get; set; }
        public bool BeingWritten { get; set; }
        public DateTimeOffset? MissingSince { get; set; }
        public uint RenameCookie { get; set; }

        public void Touch()
        {
            BeingWritten = true;
            MissingSince = null;
        }

        public bool StoodStill(FileStamp stamp, DateTimeOffset now, TimeSpan settleTime)
        {
            if (_suspect != stamp)
                (_suspect, _suspectSince) = (stamp, now);
            return now - _suspectSince >= settleTime;
        }
    }
}
