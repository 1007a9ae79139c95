using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Selectors;
using NodeAgent.Pods;

namespace NodeAgent.Api;

/// <summary>Get, list and watch of one kind.</summary>
/// <param name="snapshot">All objects now and their version.</param>
/// <param name="changes">What happens after a version; null for a kind that can't be watched.</param>
internal sealed class ResourceEndpoint<T>(
    ResourceView<T> view,
    FieldSelector<T> fields,
    Func<(long Version, ImmutableArray<T> Values)> snapshot,
    Func<long, CancellationToken, IAsyncEnumerable<WatchChange<T>>>? changes,
    TimeProvider time) where T : class
{
    /// <exception cref="ApiException">404 when there is no such object.</exception>
    public T Find(string? objectNamespace, string name) =>
        snapshot().Values.FirstOrDefault(value => view.Metadata(value).Name == name && (objectNamespace is null || view.Metadata(value).Namespace == objectNamespace))
        ?? throw ApiException.NotFound(view.Plural, name);

    public Task GetAsync(HttpContext context, string? objectNamespace, string name, CancellationToken cancellationToken)
    {
        var writer = new ResourceWriter<T>(view, AcceptedForm.Of(context.Request), time);
        return Answer.JsonAsync(context, writer.One(Find(objectNamespace, name)), cancellationToken);
    }

    public Task ListAsync(HttpContext context, string? objectNamespace, CancellationToken cancellationToken)
    {
        ListQuery query = ListQuery.Of(context.Request);
        Predicate<T> wanted = Filter(query, objectNamespace);
        var form = AcceptedForm.Of(context.Request);
        if (query.Watch) return WatchAsync(context, query, form, wanted, cancellationToken);
        (long version, ImmutableArray<T> values) = snapshot();
        if (query.ResourceVersion > version)
            throw ApiException.Expired($"too large resource version: {query.ResourceVersion}, current: {version}");
        var writer = new ResourceWriter<T>(view, form, time);
        return Answer.JsonAsync(context, writer.List([.. values.Where(value => wanted(value))], version), cancellationToken);
    }

    private Predicate<T> Filter(ListQuery query, string? objectNamespace)
    {
        LabelSelectorExpression labels = LabelSelectorExpression.Parse(query.LabelSelector);
        Predicate<T> byField = fields.Parse(query.FieldSelector);
        return value => (objectNamespace is null || view.Metadata(value).Namespace == objectNamespace)
            && labels.Matches(view.Metadata(value).Labels) && byField(value);
    }

    private async Task WatchAsync(HttpContext context, ListQuery query, AcceptedForm form, Predicate<T> wanted, CancellationToken cancellationToken)
    {
        if (changes is null) throw ApiException.MethodNotAllowed($"{view.Plural} can't be watched, only listed");
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (query.Timeout is { } timeout) ended.CancelAfter(timeout);
        (long version, ImmutableArray<T> values) = snapshot();
        bool fromStart = query.ResourceVersion is null or 0 || query.SendInitialEvents;
        long after = fromStart ? version : query.ResourceVersion!.Value;
        IAsyncEnumerator<WatchChange<T>> stream = changes(after, ended.Token).GetAsyncEnumerator(ended.Token);
        await using (stream.ConfigureAwait(false))
        {
            // The history is asked before the answer begins, so that a version that is too old is a plain 410.
            Task<bool> first = stream.MoveNextAsync().AsTask();
            if (first.IsFaulted) await first.ConfigureAwait(false);
            context.Response.ContentType = "application/json";
            // The client is to know at once that it was heard, also when nothing follows for long.
            await context.Response.BodyWriter.FlushAsync(ended.Token).ConfigureAwait(false);
            var watch = new ResourceWatch<T>(new ResourceWriter<T>(view, form, time), context.Response.BodyWriter, wanted, query.Bookmarks);
            if (fromStart) await watch.SendInitialAsync(values, version, query.SendInitialEvents, ended.Token).ConfigureAwait(false);
            await watch.SendChangesAsync(stream, first, after, ended.Token, cancellationToken).ConfigureAwait(false);
        }
    }
}
