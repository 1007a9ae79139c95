using System.Collections.Immutable;
using System.IO.Pipelines;
using NodeAgent.Pods;

namespace NodeAgent.Api;

/// <summary>Sends one watch: a JSON line per change that its selectors can see.</summary>
internal sealed class ResourceWatch<T>(ResourceWriter<T> writer, PipeWriter output, Predicate<T> wanted, bool bookmarks) where T : class
{
    /// <param name="markEnd">Whether the client asked to be told when it has everything (<c>sendInitialEvents</c>).</param>
    public async Task SendInitialAsync(ImmutableArray<T> values, long version, bool markEnd, CancellationToken cancellationToken)
    {
        foreach (T value in values)
        {
            if (wanted(value)) await output.WriteAsync(writer.Event("ADDED", value), cancellationToken).ConfigureAwait(false);
        }
        if (markEnd && bookmarks) await output.WriteAsync(writer.Bookmark(version, initialEnd: true), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Ends when the time is over or the client has fallen behind; both are told where to go on, in a bookmark or an error.</summary>
    /// <param name="first">The move that was begun on <paramref name="stream"/>.</param>
    public async Task SendChangesAsync(
        IAsyncEnumerator<WatchChange<T>> stream, Task<bool> first, long after, CancellationToken timeOver, CancellationToken clientGone)
    {
        try
        {
            while (await first.ConfigureAwait(false))
            {
                WatchChange<T> change = stream.Current;
                if (Visible(change) is { } type)
                    await output.WriteAsync(writer.Event(type, change.Object), timeOver).ConfigureAwait(false);
                after = change.ResourceVersion;
                first = stream.MoveNextAsync().AsTask();
            }
        }
        catch (ResourceVersionExpiredException expired)
        {
            await output.WriteAsync(ResourceWriter<T>.Error(ApiException.Expired(expired.Message).ToStatus()), timeOver).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!clientGone.IsCancellationRequested)
        {
            if (bookmarks) await output.WriteAsync(writer.Bookmark(after, initialEnd: false), clientGone).ConfigureAwait(false);
        }
    }

    // An object may come into a selector's view, or leave it, by changing.
    private string? Visible(WatchChange<T> change)
    {
        bool now = change.Type != WatchChangeType.Deleted && wanted(change.Object);
        bool before = change.Previous is not null && wanted(change.Previous);
        return (before, now) switch
        {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            _ => null,
        };
    }
}
