using System.Globalization;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// Keeps the disk of the images from filling up with images that nobody needs.
/// <code>
///   every period: note who uses what -> images beyond the maximum age go -> the disk is above the high threshold -> images go until it is below the low one
///
///   well --too little may go--> short of room ----enough, or below the high threshold again--> well
///        --the disk cannot be measured, an image cannot be removed, nothing can be listed--> failing --a turn without--> well
/// </code>
/// Short of room and failing are told once, in the log and as an event of the node, and again when they come back.
/// Until it is known which pods are wanted, uses are noted and nothing goes: what a pod needs that has not started yet would look unused.
/// Caller: the loops' start, once. The period is re-armed after the work.
/// </summary>
public sealed partial class ImageGcLoop
{
    public const string FreeDiskSpaceFailed = "FreeDiskSpaceFailed";
    public const string ImageGcFailed = "ImageGCFailed";

    private readonly ImageCollector _images;
    private readonly INodeStats _stats;
    private readonly PodWorkers _workers;
    private readonly EventStore _events;
    private readonly ImageGcSettings _settings;
    private readonly TimeSpan _period;
    private readonly ObjectReference _node;
    private readonly SteadyClock _clock;
    private readonly ILogger<ImageGcLoop> _log;
    private string? _told;

    internal ImageGcLoop(
        ImageCollector images, INodeStats stats, PodWorkers workers, EventStore events, ImageGcSettings settings, TimeSpan period, string nodeName, SteadyClock clock,
        ILogger<ImageGcLoop> log)
    {
        (_images, _stats, _workers, _events) = (images, stats, workers, events);
        (_settings, _period, _clock, _log) = (settings, period, clock, log);
        _node = new ObjectReference { ApiVersion = "v1", Kind = "Node", Name = nodeName, Uid = nodeName };
        // A turn may have to wait until large trees are deleted.
        Heartbeat = new LoopHeartbeat("image-gc", 3 * period, clock.Time);
    }

    public LoopHeartbeat Heartbeat { get; }

    internal async Task RunAsync(CancellationToken stopping)
    {
        await Task.Yield();
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                await TurnAsync(stopping);
                Heartbeat.Turn();
                await Task.Delay(_period, _clock.Time, stopping);
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
    }

    private async Task TurnAsync(CancellationToken stopping)
    {
        try
        {
            if (_workers.WishesKnown)
                Tell(await CollectAsync(stopping));
            else
                await _images.NoteAsync(stopping);
        }
        catch (Exception error) when (!stopping.IsCancellationRequested)
        {
            Tell((ImageGcFailed, "images that no pod uses cannot be removed: " + error.Message));
        }
    }

    /// <returns>What there is to be told: an event's reason and message; null when all is well.</returns>
    private async Task<(string Reason, string Message)?> CollectAsync(CancellationToken stopping)
    {
        var expired = await _images.RemoveExpiredAsync(stopping);
        var (disk, measured) = ReadDisk();
        if (!measured)
            return (ImageGcFailed, "the disk of the images cannot be measured");
        if (!ImageRoom.IsScarce(_settings, disk))
            return Failed(expired);

        LogScarce(_log, ImageRoom.UsedPercent(disk), _settings.HighThresholdPercent, ImageRoom.Missing(_settings, disk));
        var freed = await _images.FreeAsync(
            () => ReadDisk() is var (now, known) && (!known || ImageRoom.Missing(_settings, now) == 0), "the disk of the images is filling up", stopping);
        if (freed.Enough)
            return Failed(expired);
        var (after, _) = ReadDisk();
        return (FreeDiskSpaceFailed, string.Create(CultureInfo.InvariantCulture, $"{ImageRoom.UsedPercent(after)} % of the disk of the images is used, ")
            + string.Create(CultureInfo.InvariantCulture, $"{_settings.LowThresholdPercent} % is wanted: {ImageRoom.Missing(_settings, after)} bytes are missing, ")
            + string.Create(CultureInfo.InvariantCulture, $"and every image left is in use, pinned or too young (removed: {freed.Removed.Length})") + Because(freed, "; "));
    }

    private (SignalReading Disk, bool Known) ReadDisk() =>
        _stats.ReadNode().Signals.TryGetValue(EvictionSignal.ImageFsAvailable, out SignalReading disk) && disk.Capacity > 0 ? (disk, true) : (default, false);

    private static (string, string)? Failed(ImageRemovals removals) =>
        removals.Failures.Length > 0 ? (ImageGcFailed, "images that no pod uses cannot be removed" + Because(removals, ": ")) : null;

    private static string Because(ImageRemovals removals, string before) => removals.Failures.Length > 0 ? before + string.Join("; ", removals.Failures) : "";

    private void Tell((string Reason, string Message)? trouble)
    {
        string? before = _told;
        _told = trouble?.Reason;
        if (trouble is not var (reason, message))
        {
            if (before is not null)
                LogWell(_log);
            return;
        }

        if (reason == before)
            return;
        LogTrouble(_log, message);
        _events.Record(_node, EventType.Warning, reason, message);
    }
}
