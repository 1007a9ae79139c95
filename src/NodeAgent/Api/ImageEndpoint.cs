using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Resources;
using NodeAgent.Api.Selectors;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>Images: <c>/apis/podagent.io/v1alpha1/images[/{name}]</c>.</summary>
internal sealed partial class ImageEndpoint(IImageService images, Action imagesChanged, ImagePruning? prune, StatePaths paths, TimeProvider time)
{
    private static readonly ImageResource View = new();

    private static readonly FieldSelector<ImageObject> Fields = new(new Dictionary<string, Func<ImageObject, string?>>(StringComparer.Ordinal)
    {
        ["metadata.name"] = image => image.Metadata.Name,
    });

    public async Task ListAsync(HttpContext context, CancellationToken cancellationToken)
    {
        IReadOnlyList<ImageRecord> records = await images.ListImagesAsync(cancellationToken).ConfigureAwait(false);
        ImageFsInfo info = await images.ImageFsInfoAsync(cancellationToken).ConfigureAwait(false);
        ImmutableArray<ImageObject> objects = [.. records.SelectMany(record => ImageResource.Of(record, info.Unpacked))];
        await new ResourceEndpoint<ImageObject>(View, Fields, () => (0, objects), null, time).ListAsync(context, null, cancellationToken).ConfigureAwait(false);
    }

    public async Task GetAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        ImageRecord record = await images.ImageStatusAsync(reference, cancellationToken).ConfigureAwait(false)
            ?? throw ApiException.NotFound(View.Plural, reference);
        await AnswerAsync(context, [record], one: true, 200, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Loads an archive: from a path on the node (<c>?path=</c>), or from the body. <c>?name=</c> gives the one image in it a name.
    /// </summary>
    public async Task LoadAsync(HttpContext context, CancellationToken cancellationToken)
    {
        string? name = context.Request.Query["name"].ToString() is { Length: > 0 } given ? given : null;
        string path = context.Request.Query["path"].ToString();
        IReadOnlyList<ImageRecord> loaded;
        if (path.Length > 0)
        {
            if (!Path.IsPathFullyQualified(path)) throw ApiException.BadRequest($"path \"{path}\": expected an absolute path on the node");
            if (!Path.Exists(path)) throw new ApiException(404, StatusReason.NotFound, $"{path}: no such file or folder on the node");
            loaded = await images.LoadAsync(path, name, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            loaded = await LoadBodyAsync(context, name, cancellationToken).ConfigureAwait(false);
        }
        imagesChanged();
        await AnswerAsync(context, loaded, one: false, 201, cancellationToken).ConfigureAwait(false);
    }

    public async Task DeleteAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        if (!await images.RemoveImageAsync(reference, cancellationToken).ConfigureAwait(false)) throw ApiException.NotFound(View.Plural, reference);
        var status = new Status { Outcome = "Success", Details = new StatusDetails { Name = reference, Kind = View.Plural, Group = ApiGroup.Name } };
        await Answer.StatusAsync(context, status, cancellationToken).ConfigureAwait(false);
    }

    // Spooled first: the formats need more than one pass. The file has no name that outlives this request.
    private async Task<IReadOnlyList<ImageRecord>> LoadBodyAsync(HttpContext context, string? name, CancellationToken cancellationToken)
    {
        if (context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        string folder = Path.Combine(paths.Root, "uploads");
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
            return await images.LoadAsync(spool, name, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(spool);
        }
    }

    private async Task AnswerAsync(HttpContext context, IReadOnlyList<ImageRecord> records, bool one, int code, CancellationToken cancellationToken)
    {
        var writer = new ResourceWriter<ImageObject>(View, AcceptedForm.Of(context.Request), time);
        ImageFsInfo info = await images.ImageFsInfoAsync(cancellationToken).ConfigureAwait(false);
        ImageObject[] objects = [.. records.SelectMany(record => ImageResource.Of(record, info.Unpacked))];
        await Answer.JsonAsync(context, one ? writer.One(objects[0]) : writer.List(objects, 0), cancellationToken, code).ConfigureAwait(false);
    }
}
