using NodeAgent.Images.Content;

namespace NodeAgent.Images.Registry;

/// <summary>One blob being downloaded and those who wait for it. The last one to leave cancels it and lets it go.</summary>
internal sealed class BlobFlight : IAsyncDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private readonly ContentLease _lease;
    private readonly Task _work;
    private int _waiters = 1;

    /// <param name="lease">Of its own: protects the blob until everybody who waits has taken it over.</param>
    /// <param name="work">Fills the download and commits it; ends when it is cancelled. Its failure is told through the download.</param>
    public BlobFlight(BlobDownload download, ContentLease lease, Func<BlobDownload, CancellationToken, Task> work)
    {
        Download = download;
        _lease = lease;
        _work = Task.Run(() => RunAsync(work));
    }

    public BlobDownload Download { get; }

    private async Task RunAsync(Func<BlobDownload, CancellationToken, Task> work)
    {
        try
        {
            await work(Download, _cancel.Token);
        }
        catch (Exception e)
        {
            Download.Fail(e);
        }
    }

    /// <summary>False when everybody has left already. Under the gate of whoever keeps the flights.</summary>
    public bool TryJoin()
    {
        if (_waiters == 0)
            return false;
        _waiters++;
        return true;
    }

    /// <summary>True when nobody is left; the caller then forgets the flight. Under the same gate.</summary>
    public bool Leave() => --_waiters == 0;

    /// <summary>Stops what is still under way, waits for it and deletes what is not committed; readers fail. What is committed has no lease any more then.</summary>
    public async ValueTask DisposeAsync()
    {
        await _cancel.CancelAsync();
        // The file goes when its writer has stopped.
        await _work;
        Download.Dispose();
        _lease.Dispose();
        _cancel.Dispose();
    }
}
