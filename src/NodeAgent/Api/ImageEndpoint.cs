using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Resources;
using NodeAgent.Api.Selectors;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>
/// Images: <c>/apis/podagent.io/v1alpha1/images[/{name}]</c>. A name has slashes and may end in any word, so what is done with one stands in the query:
/// <code>
/// GET images                          all                       GET images/{name}                  one
/// POST images[?name=&amp;path=]       load an archive           GET images/{name}?details=true     all that its documents say
/// POST images?import=NAME             make one of a rootfs      POST images/{name}?tag=NAME&amp;…  further names
/// GET images?save=NAME&amp;…          some as an archive        DELETE images/{name}[?force=true]  take a name away
/// POST images?verify=true             read and compare all      POST images?pull=NAME[&amp;watch=true]  bring one from its registry
/// DELETE images?prune=untagged        those that nobody uses    (or prune=unused; with dryRun=All)
/// GET imagefs[?containers=true]       what they take on disk
/// </code>
/// A name may also be an id or the first digits of one.
/// </summary>
internal sealed partial class ImageEndpoint(ApiDependencies dependencies)
{
    private static readonly ImageResource View = new();

    private static readonly FieldSelector<ImageObject> Fields = new(new Dictionary<string, Func<ImageObject, string?>>(StringComparer.Ordinal)
    {
        ["metadata.name"] = image => image.Metadata.Name,
    });

    public async Task ListAsync(HttpContext context, CancellationToken cancellationToken)
    {
        IReadOnlyList<ImageRecord> records = await dependencies.Images.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        ImageFsInfo info = await dependencies.Images.ImageFsInfoAsync(cancellationToken).ConfigureAwait(false);
        ImmutableArray<ImageObject> objects = [.. records.SelectMany(record => ImageResource.Of(record, info.Unpacked))];
        await new ResourceEndpoint<ImageObject>(View, Fields, () => (0, objects), null, dependencies.Time).ListAsync(context, null, cancellationToken).ConfigureAwait(false);
    }

    public async Task GetAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        ImageRecord record = await dependencies.Library.FindAsync(reference, cancellationToken).ConfigureAwait(false)
            ?? throw ApiException.NotFound(View.Plural, reference);
        ImageFsInfo info = await dependencies.Images.ImageFsInfoAsync(cancellationToken).ConfigureAwait(false);
        await AnswerAsync(context, [record], one: true, 200, cancellationToken, info).ConfigureAwait(false);
    }

    /// <summary>
    /// Loads an archive: from a path on the node (<c>?path=</c>), or from the body. <c>?name=</c> gives the one image in it a name.
    /// </summary>
    public async Task LoadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        string? name = context.Request.Query["name"].ToString() is { Length: > 0 } given ? given : null;
        IReadOnlyList<ImageRecord> loaded = await WithArchiveAsync(context, path => dependencies.Images.LoadAsync(path, name, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        dependencies.ImagesChanged();
        await AnswerAsync(context, loaded, one: false, 201, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes a name away, or with an id all of them. <c>?force=true</c> also when pods use the image.</summary>
    public async Task DeleteAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, ImmutableArray<string>> users = IsTrue(context, "force")
            ? ImmutableDictionary<string, ImmutableArray<string>>.Empty
            : await dependencies.ImageUsers(cancellationToken).ConfigureAwait(false);
        if (!await dependencies.Library.RemoveAsync(reference, users, cancellationToken).ConfigureAwait(false)) throw ApiException.NotFound(View.Plural, reference);
        var status = new Status { Outcome = "Success", Details = new StatusDetails { Name = reference, Kind = View.Plural, Group = ApiGroup.Name } };
        await Answer.StatusAsync(context, status, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Calls with an archive's path on the node: the one in <c>?path=</c>, or that of the body.</summary>
    private async Task<T> WithArchiveAsync<T>(HttpContext context, Func<string, Task<T>> read, CancellationToken cancellationToken)
    {
        string path = context.Request.Query["path"].ToString();
        if (path.Length == 0) return await WithBodyAsync(context, read, cancellationToken).ConfigureAwait(false);
        if (!Path.IsPathFullyQualified(path)) throw ApiException.BadRequest($"path \"{path}\": expected an absolute path on the node");
        if (!Path.Exists(path)) throw new ApiException(404, StatusReason.NotFound, $"{path}: no such file or folder on the node");
        return await read(path).ConfigureAwait(false);
    }

    // Spooled first: the formats need more than one pass. The file has no name that outlives this request.
    private async Task<T> WithBodyAsync<T>(HttpContext context, Func<string, Task<T>> read, CancellationToken cancellationToken)
    {
        if (context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        string folder = Path.Combine(dependencies.Paths.Root, "uploads");
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string spool = Path.Combine(folder, Guid.NewGuid().ToString("N") + ".tar");
        try
        {
            var file = new FileStream(spool, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
                BufferSize = 0,
            });
            await using (file.ConfigureAwait(false)) await context.Request.Body.CopyToAsync(file, 1 << 17, cancellationToken).ConfigureAwait(false);
            if (new FileInfo(spool).Length == 0) throw ApiException.BadRequest("no archive was sent: give one as the body, or the path of one on the node as ?path=");
            return await read(spool).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(spool);
        }
    }

    private static bool IsTrue(HttpContext context, string parameter) => context.Request.Query[parameter].ToString() switch
    {
        "" or "false" => false,
        "true" => true,
        string other => throw ApiException.BadRequest($"{parameter} \"{other}\": expected true or false"),
    };

    /// <param name="info">Null: what has just come is not measured yet, and nobody is kept waiting for that.</param>
    private async Task AnswerAsync(HttpContext context, IReadOnlyList<ImageRecord> records, bool one, int code, CancellationToken cancellationToken, ImageFsInfo? info = null)
    {
        var writer = new ResourceWriter<ImageObject>(View, AcceptedForm.Of(context.Request), dependencies.Time);
        ImageObject[] objects = [.. records.SelectMany(record => ImageResource.Of(record, info?.Unpacked))];
        await Answer.JsonAsync(context, one ? writer.One(objects[0]) : writer.List(objects, 0), cancellationToken, code).ConfigureAwait(false);
    }
}
