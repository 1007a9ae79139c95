using System.Globalization;
using Microsoft.Extensions.Logging;
using NodeAgent.Linux;

namespace NodeAgent.Images.Snapshots;

/// <summary>
/// What unpacked layers take on disk: each is walked once, in the background, and its size is kept beside it.
/// <code>
///   committed --walked--> layers/{chain}/size "BYTES\n" --next start: read--> known
///                                              missing or not whole ------> walked again
/// </code>
/// So a pull never waits for the walk, which begins when the layers are safe on disk or when somebody asks; no query repeats it, and a crash at any moment costs
/// one walk more.
/// </summary>
public sealed partial class LayerStore
{
    private const string SizeFile = "size";

    // Guarded by the gate.
    private readonly Dictionary<string, long> _sizes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unmeasurable = new(StringComparer.Ordinal);
    private Task _measurement = Task.CompletedTask;
    private bool _measuring;
    private long _freedBytes;

    /// <summary>Bytes of the layers that were removed since the start, as far as they were measured.</summary>
    public long FreedBytes => Interlocked.Read(ref _freedBytes);

    /// <summary>Bytes of each layer that is there, by chain id, once all of them are measured; those that cannot be measured are absent.</summary>
    public async Task<IReadOnlyDictionary<string, long>> SizesAsync(CancellationToken cancellationToken)
    {
        await BeginMeasurement().WaitAsync(cancellationToken);
        lock (_gate)
            return new Dictionary<string, long>(_sizes, StringComparer.Ordinal);
    }

    /// <returns>Done when what is there now is measured.</returns>
    private Task BeginMeasurement()
    {
        lock (_gate)
        {
            if (!_measuring && Unmeasured() is not null)
            {
                _measuring = true;
                _measurement = Task.Factory.StartNew(Measure, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            return _measurement;
        }
    }

    /// <summary>Under the gate: a layer that was not walked yet.</summary>
    private string? Unmeasured() => _present.FirstOrDefault(chain => !_sizes.ContainsKey(chain) && !_unmeasurable.Contains(chain));

    private void Measure()
    {
        while (true)
        {
            string chain;
            lock (_gate)
            {
                if (_stopped || Unmeasured() is not { } next)
                {
                    _measuring = false;
                    return;
                }

                chain = next;
            }

            long? size = Walk(chain);
            lock (_gate)
            {
                if (!_present.Contains(chain))
                    continue;
                if (size is { } bytes)
                    _sizes[chain] = bytes;
                else
                    _unmeasurable.Add(chain);
            }
        }
    }

    private long? Walk(string chain)
    {
        try
        {
            long bytes = DirectoryUsage.Of(FolderOf(chain)).Bytes;
            File.WriteAllText(SizePath(chain), string.Create(CultureInfo.InvariantCulture, $"{bytes}\n"));
            return bytes;
        }
        catch (DirectoryNotFoundException)
        {
            // Swept meanwhile.
            return null;
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            LogNotMeasured(_logger, chain, e);
            return null;
        }
    }

    /// <summary>Null when it was not written, or not wholly.</summary>
    private long? ReadSize(string chain)
    {
        string path = SizePath(chain);
        return File.Exists(path) && File.ReadAllText(path) is [.. string digits, '\n'] && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
            ? bytes : null;
    }

    /// <summary>Under the gate: a layer is not there any more.</summary>
    private void ForgetSize(string chain)
    {
        _unmeasurable.Remove(chain);
        if (_sizes.Remove(chain, out long bytes))
            Interlocked.Add(ref _freedBytes, bytes);
    }

    private string SizePath(string chain) => Path.Combine(_root, "layers", chain, SizeFile);

    [LoggerMessage(3013, LogLevel.Warning, "layer {Chain} cannot be measured: it is left out of what images take on disk until the next start")]
    private static partial void LogNotMeasured(ILogger logger, string chain, Exception exception);
}
