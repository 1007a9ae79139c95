using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Registry;

/// <summary>
/// Pulls under way: one per reference, however many ask for it, and one download per blob, however many images need it.
/// <code>
///   (nothing) --first to ask--> under way --more may join--> done: the record, or the failure, for all of them
///                                         --the last one leaves--> cancelled
/// </code>
/// Thread-safe.
/// </summary>
internal sealed class ImagePulls(ContentStore content, RegistryClient registry, TimeProvider time) : IDisposable
{
    /// <summary>Blobs that are downloaded at the same time, whatever images they belong to.</summary>
    private const int ParallelDownloads = 6;

    private static readonly TimeSpan ReportPeriod = TimeSpan.FromMilliseconds(100);

    private sealed class Flight
    {
        public CancellationTokenSource Cancel { get; } = new();
        public PullProgress Progress { get; } = new();
        public Task<ImageRecord> Done { get; set; } = null!;
        public int Waiters { get; set; }
    }

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Flight> _flights = new(StringComparer.Ordinal);
    private readonly Dictionary<Digest, BlobFlight> _blobs = [];
    private readonly SemaphoreSlim _limit = new(ParallelDownloads);

    /// <summary>Joins the pull of a reference, or begins it.</summary>
    /// <param name="pull">The work, on a thread of its own; cancelled when nobody waits any more.</param>
    public async Task<ImageRecord> JoinAsync(
        ImageReference reference, Func<RegistrySource, PullProgress, CancellationToken, Task<ImageRecord>> pull, IProgress<PullStatus>? progress,
        CancellationToken cancellationToken)
    {
        string key = reference.Canonical;
        Flight flight;
        // One that everybody has left is not joined: it is on its way out, and what it was downloading with it.
        while (!TryJoin(reference, key, pull, out flight))
            await flight.Done.ContinueWith(_ => { }, cancellationToken, TaskContinuationOptions.None, TaskScheduler.Default);
        try
        {
            if (progress is not null)
                await ReportAsync(flight, progress, cancellationToken);
            return await flight.Done.WaitAsync(cancellationToken);
        }
        finally
        {
            Leave(flight);
        }
    }

    /// <summary>Joins the flight of a reference, or begins it. False for one that has been given up and has not ended yet.</summary>
    private bool TryJoin(
        ImageReference reference, string key, Func<RegistrySource, PullProgress, CancellationToken, Task<ImageRecord>> pull, out Flight flight)
    {
        lock (_gate)
        {
            if (!_flights.TryGetValue(key, out Flight? there) || there.Done.IsCompleted)
            {
                // Its settings are read now: a fault in them is the asker's to hear.
                RegistrySource source = registry.SourceOf(reference);
                Flight begun = flight = new Flight();
                begun.Done = Task.Run(() => pull(source, begun.Progress, begun.Cancel.Token), CancellationToken.None);
                _flights[key] = begun;
                _ = begun.Done.ContinueWith(_ => Forget(key, begun), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            }
            else
            {
                flight = there;
                if (flight.Waiters == 0)
                    return false;
            }
            flight.Waiters++;
            return true;
        }
    }

    /// <summary>Who comes after the end of a pull asks the registry anew.</summary>
    private void Forget(string key, Flight flight)
    {
        // Whoever waits sees its failure; one that all have left has nobody who does.
        _ = flight.Done.Exception;
        lock (_gate)
        {
            if (_flights.GetValueOrDefault(key) == flight)
                _flights.Remove(key);
        }
    }

    private void Leave(Flight flight)
    {
        lock (_gate)
        {
            if (--flight.Waiters == 0 && !flight.Done.IsCompleted)
                flight.Cancel.Cancel();
        }
    }

    /// <summary>Tells of every change while the pull goes on, and of its last state.</summary>
    private async Task ReportAsync(Flight flight, IProgress<PullStatus> progress, CancellationToken cancellationToken)
    {
        PullStatus told = PullStatus.Resolving;
        progress.Report(told);
        bool done;
        do
        {
            Task period = Task.Delay(ReportPeriod, time, cancellationToken);
            done = await Task.WhenAny(flight.Done, period) == flight.Done;
            cancellationToken.ThrowIfCancellationRequested();
            PullStatus current = flight.Progress.Current;
            if (!current.Equals(told))
                progress.Report(told = current);
        }
        while (!done);
    }

    /// <summary>Takes part in the download of a blob, or begins it. The caller gives it back with <see cref="LeaveAsync"/>.</summary>
    public BlobFlight Download(RegistrySource source, ResolvedLayer layer)
    {
        lock (_gate)
        {
            if (_blobs.TryGetValue(layer.Blob, out BlobFlight? flight) && !flight.Download.Completed.IsFaulted && flight.TryJoin())
                return flight;
            ContentLease lease = content.NewLease();
            BlobDownload download = new(layer.Blob, layer.Size, content.BeginIngest(lease, layer.Blob.Algorithm));
            flight = new BlobFlight(download, lease, (blob, cancellationToken) => FetchAsync(source, blob, cancellationToken));
            _blobs[layer.Blob] = flight;
            return flight;
        }
    }

    private async Task FetchAsync(RegistrySource source, BlobDownload blob, CancellationToken cancellationToken)
    {
        await _limit.WaitAsync(cancellationToken);
        try
        {
            await source.DownloadAsync(blob, cancellationToken);
        }
        finally
        {
            _limit.Release();
        }
    }

    /// <summary>Done when the blob is under no lease of the flight's: what nobody needs can be swept away then.</summary>
    public async Task LeaveAsync(BlobFlight flight)
    {
        lock (_gate)
        {
            if (!flight.Leave())
                return;
            if (_blobs.GetValueOrDefault(flight.Download.Digest) == flight)
                _blobs.Remove(flight.Download.Digest);
        }
        await flight.DisposeAsync();
    }

    public void Dispose() => registry.Dispose();
}
