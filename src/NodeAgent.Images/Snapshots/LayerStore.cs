using Microsoft.Extensions.Logging;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Linux;

namespace NodeAgent.Images.Snapshots;

/// <summary>One layer to be had unpacked.</summary>
/// <param name="Chain">Chain id, hex digits.</param>
/// <param name="DiffId">Digest of the archive.</param>
/// <param name="Blob">Digest of the packed archive.</param>
/// <param name="Open">Opens the packed archive at its start; reads may wait for more of it to come.</param>
/// <param name="Arrived">
/// Null for a blob in the store, whose digest is checked once more. Else done when all of it has come and its digest was right; what is unpacked before
/// is not shown to anybody until then.
/// </param>
public sealed record LayerSource(string Chain, Digest DiffId, Digest Blob, Func<CancellationToken, Stream> Open, Task? Arrived = null);

/// <summary>
/// Unpacked layers by chain id, each once, shared by all images and containers that stand on it.
/// <code>
///   tmp/N/fs --entries written, digests right, layers below finished: rename--> layers/{chain}/fs --nobody needs it: rename--> trash/N --> gone
/// </code>
/// A layer is written without waiting for the disk. It carries a file <c>unsynced</c> with the machine's boot id until the filesystem was synced in
/// the background: after a power cut the boot id is another one, and the layer is thrown away and unpacked again when it is needed. So a crash leaves
/// nothing but temporary folders. Layers of one image are unpacked at the same time, each into a folder of its own.
/// Thread-safe. Single flight per chain id.
/// </summary>
public sealed partial class LayerStore : IAsyncDisposable
{
    /// <summary>
    /// Layers unpacked at the same time, whatever images they belong to; as many again while they arrive. Each keeps up to four threads busy.
    /// </summary>
    private const int Parallelism = 2;

    private const UnixFileMode FolderMode = (UnixFileMode)0x1ED; // 0755

    private const string UnsyncedMarker = "unsynced";
    private const string EmptyLayer = "empty";

    private readonly string _root;
    private readonly string _bootId;
    private readonly ILogger _logger;
    private readonly Action<string>? _failpoint;
    private readonly Trash _trash;
    private readonly SemaphoreSlim _limit = new(Parallelism);

    // Apart, so that layers which are here need not wait for those whose registry is slow.
    private readonly SemaphoreSlim _arrivingLimit = new(Parallelism);
    private readonly Lock _gate = new();
    private readonly HashSet<string> _present = new(StringComparer.Ordinal);
    private readonly Dictionary<string, LayerFlight> _flights = new(StringComparer.Ordinal);
    private readonly HashSet<LayerLease> _leases = [];
    private readonly HashSet<string> _unsynced = new(StringComparer.Ordinal);
    private Task _sync = Task.CompletedTask;
    private long _lastTemporary;
    private bool _stopped;

    /// <param name="root">The snapshots folder; it exists.</param>
    /// <param name="bootId">From <c>/proc/sys/kernel/random/boot_id</c>.</param>
    internal LayerStore(string root, string bootId, Trash trash, ILogger logger, Action<string>? failpoint)
    {
        _root = root;
        _bootId = bootId;
        _trash = trash;
        _logger = logger;
        _failpoint = failpoint;
        Prepare();
    }

    /// <summary>The folder that overlayfs gets for a layer.</summary>
    public string FolderOf(string chain) => Path.Combine(_root, "layers", chain, "fs");

    /// <summary>Overlayfs wants at least one layer: an image without any gets this one.</summary>
    public string EmptyFolder => FolderOf(EmptyLayer);

    private void Prepare()
    {
        Directory.CreateDirectory(EmptyFolder);
        File.SetUnixFileMode(EmptyFolder, FolderMode);
        foreach (string leftover in Directory.EnumerateFileSystemEntries(Path.Combine(_root, "tmp")))
            _trash.Take(leftover);
        foreach (string layer in Directory.EnumerateDirectories(Path.Combine(_root, "layers")))
        {
            string chain = Path.GetFileName(layer);
            if (chain == EmptyLayer)
                continue;
            string marker = Path.Combine(layer, UnsyncedMarker);
            if (File.Exists(marker))
            {
                if (File.ReadAllText(marker) != _bootId)
                {
                    LogUnsynced(_logger, chain);
                    _trash.Take(layer);
                    continue;
                }
                _unsynced.Add(chain);
            }
            _present.Add(chain);
            if (ReadSize(chain) is { } size)
                _sizes[chain] = size;
        }
    }

    public LayerLease NewLease()
    {
        LayerLease lease = new(this);
        lock (_gate)
            _leases.Add(lease);
        return lease;
    }

    internal bool TryProtect(LayerLease lease, IReadOnlyList<string> chains)
    {
        lock (_gate)
        {
            lease.Chains.UnionWith(chains);
            foreach (string chain in chains)
            {
                if (!_present.Contains(chain))
                    return false;
            }
            return true;
        }
    }

    internal void Release(LayerLease lease)
    {
        lock (_gate)
            _leases.Remove(lease);
    }

    /// <summary>
    /// Unpacks what is not there yet; done when all layers are. Throws <see cref="LayerException"/> naming the layer.
    /// </summary>
    /// <param name="layers">Of one image, lowest first. A lease protects them already.</param>
    public async Task EnsureAsync(IReadOnlyList<LayerSource> layers, CancellationToken cancellationToken)
    {
        List<LayerFlight> joined = [];
        try
        {
            Task below = Task.CompletedTask;
            for (int i = 0; i < layers.Count; i++)
            {
                if (Join(layers, i, below) is not { } flight)
                    continue;
                joined.Add(flight);
                below = flight.Done;
            }
            foreach (LayerFlight flight in joined)
                await flight.Done.WaitAsync(cancellationToken);
        }
        finally
        {
            Task[] givenUp;
            lock (_gate)
                givenUp = [.. joined.Where(flight => flight.Leave()).Select(flight => flight.Done)];
            // Nobody's any more: their folders are gone when they have ended, however they end.
            await Task.WhenAll(givenUp).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private LayerFlight? Join(IReadOnlyList<LayerSource> layers, int index, Task below)
    {
        LayerSource layer = layers[index];
        lock (_gate)
        {
            if (_present.Contains(layer.Chain))
                return null;
            // One that everybody has left is on its way out, and its folder is its own.
            if (_flights.TryGetValue(layer.Chain, out LayerFlight? flight) && flight.TryJoin())
                return flight;
            List<string> folders = [];
            for (int i = index - 1; i >= 0; i--)
                folders.Add(FolderOf(layers[i].Chain));
            LayerFlight started = new();
            started.Done = Task.Run(() => FlyAsync(started, layer, below, folders), CancellationToken.None);
            // Whoever waits sees the failure; a flight that all have left has nobody who does.
            _ = started.Done.ContinueWith(task => _ = task.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            _flights[layer.Chain] = started;
            return started;
        }
    }

    private async Task FlyAsync(LayerFlight flight, LayerSource layer, Task below, IReadOnlyList<string> folders)
    {
        string temporary = Path.Combine(_root, "tmp", $"{Interlocked.Increment(ref _lastTemporary)}");
        bool committed = false;
        try
        {
            LayerFixups fixups = await Named(layer, () => StageAsync(layer, temporary, flight.Cancelled));
            // The part that needs the layers below waits for them outside the limit: they may be waiting for their turn.
            await below.WaitAsync(flight.Cancelled);
            if (layer.Arrived is { } arrived)
                await arrived.WaitAsync(flight.Cancelled);
            flight.Cancelled.ThrowIfCancellationRequested();
            await Named(layer, () => Task.FromResult(Commit(layer, temporary, fixups, folders)));
            committed = true;
        }
        finally
        {
            lock (_gate)
            {
                if (_flights.GetValueOrDefault(layer.Chain) == flight)
                    _flights.Remove(layer.Chain);
            }
            if (!committed)
                _trash.Take(temporary);
        }
    }

    private static async Task<T> Named<T>(LayerSource layer, Func<Task<T>> step)
    {
        try
        {
            return await step();
        }
        catch (Exception e) when (e is LayerException or IOException or LinuxException or UnauthorizedAccessException)
        {
            throw new LayerException($"layer {layer.Blob}: {e.Message}", e);
        }
    }

    private async Task<LayerFixups> StageAsync(LayerSource layer, string temporary, CancellationToken cancellationToken)
    {
        SemaphoreSlim taken = await TakeTurnAsync(layer.Arrived, cancellationToken);
        try
        {
            return await Task.Factory.StartNew(
                () =>
                {
                    string folder = Path.Combine(temporary, "fs");
                    Directory.CreateDirectory(folder);
                    // What a root looks like that no entry describes; the process's umask does not count.
                    File.SetUnixFileMode(folder, FolderMode);
                    return LayerPipeline.Unpack(layer.Open, folder, layer.Arrived is null ? layer.Blob : null, layer.DiffId, cancellationToken);
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
        }
        finally
        {
            taken.Release();
        }
    }

    /// <summary>Waits for a turn among the layers that are arriving, or, once this one has arrived, among those that are here.</summary>
    private async Task<SemaphoreSlim> TakeTurnAsync(Task? arrived, CancellationToken cancellationToken)
    {
        if (arrived is { IsCompleted: false })
        {
            using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task turn = _arrivingLimit.WaitAsync(giveUp.Token);
            await Task.WhenAny(turn, arrived);
            if (!turn.IsCompleted)
                await giveUp.CancelAsync();
            try
            {
                await turn;
                return _arrivingLimit;
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // It has come meanwhile.
            }
        }
        await _limit.WaitAsync(cancellationToken);
        return _limit;
    }

    private string Commit(LayerSource layer, string temporary, LayerFixups fixups, IReadOnlyList<string> below)
    {
        string target = Path.Combine(_root, "layers", layer.Chain);
        fixups.Apply(Path.Combine(temporary, "fs"), below);
        if (fixups.RefusedXattrs > 0)
            LogRefusedXattrs(_logger, layer.Blob.ToString(), fixups.RefusedXattrs, fixups.FirstRefusedXattr!);
        File.WriteAllText(Path.Combine(temporary, UnsyncedMarker), _bootId);
        _failpoint?.Invoke("Layers.Commit.BeforeRename");
        lock (_gate)
        {
            _trash.Take(target);
            Directory.Move(temporary, target);
            _unsynced.Add(layer.Chain);
            _present.Add(layer.Chain);
        }
        _failpoint?.Invoke("Layers.Commit.AfterRename");
        return target;
    }

    /// <summary>Moves the layers away that are neither kept nor under a lease; their number is the answer.</summary>
    /// <param name="kept">Asked while no lease can be taken or given back, so that a container which has just traded its lease for a record counts.</param>
    internal int Sweep(Func<IReadOnlySet<string>> kept)
    {
        int removed = 0;
        lock (_gate)
        {
            IReadOnlySet<string> keep = kept();
            foreach (string chain in _present.ToArray())
            {
                if (keep.Contains(chain) || _leases.Any(lease => lease.Chains.Contains(chain)))
                    continue;
                _present.Remove(chain);
                _unsynced.Remove(chain);
                ForgetSize(chain);
                _trash.Take(Path.Combine(_root, "layers", chain));
                removed++;
            }
        }
        return removed;
    }

    /// <summary>Syncs what was unpacked since the last time, in the background, and then measures it.</summary>
    public void BeginSync()
    {
        lock (_gate)
        {
            if (_unsynced.Count > 0)
                _sync = _sync.ContinueWith(_ => SyncAndMeasure(), CancellationToken.None, TaskContinuationOptions.LongRunning, TaskScheduler.Default);
            else
                _ = BeginMeasurement();
        }
    }

    private void SyncAndMeasure()
    {
        Sync();
        _ = BeginMeasurement();
    }

    private void Sync()
    {
        string[] chains;
        lock (_gate)
            chains = [.. _unsynced];
        if (chains.Length == 0)
            return;
        try
        {
            int fd = Openat2.OpenPath(_root, Openat2.O_RDONLY | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC);
            try
            {
                LinuxException.Check(FileContent.syncfs(fd), "syncfs", _root);
            }
            finally
            {
                _ = Openat2.close(fd);
            }
            lock (_gate)
            {
                foreach (string chain in chains)
                {
                    if (_unsynced.Remove(chain))
                        File.Delete(Path.Combine(_root, "layers", chain, UnsyncedMarker));
                }
            }
        }
        catch (Exception e) when (e is LinuxException or IOException)
        {
            LogNotSynced(_logger, e);
        }
    }

    /// <summary>Waits for the background sync; the markers of all layers unpacked before are gone then. What is not measured yet is left to the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        Task sync, measurement;
        lock (_gate)
        {
            _stopped = true;
            sync = _sync;
        }

        await sync;
        lock (_gate)
            measurement = _measurement;
        await measurement;
    }

    [LoggerMessage(3010, LogLevel.Information, "layer {Chain} was not on disk yet when the machine went down: it will be unpacked again")]
    private static partial void LogUnsynced(ILogger logger, string chain);

    [LoggerMessage(3011, LogLevel.Warning, "layer {Layer}: {Count} extended attributes were refused by the filesystem, the first is {Name}")]
    private static partial void LogRefusedXattrs(ILogger logger, string layer, int count, string name);

    [LoggerMessage(3012, LogLevel.Warning, "layers could not be synced to disk; they count as unsynced until the next time")]
    private static partial void LogNotSynced(ILogger logger, Exception exception);
}
