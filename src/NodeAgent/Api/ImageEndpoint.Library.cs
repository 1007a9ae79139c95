using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Resources;
using NodeAgent.Core.Cri;

namespace NodeAgent.Api;

internal sealed partial class ImageEndpoint
{
    public async Task InspectAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        if (!IsTrue(context, "details"))
        {
            await GetAsync(context, reference, cancellationToken).ConfigureAwait(false);
            return;
        }
        ImageDetails details = await dependencies.Library.InspectAsync(reference, cancellationToken).ConfigureAwait(false)
            ?? throw ApiException.NotFound(View.Plural, reference);
        await Answer.JsonAsync(context, ImageDetailsObject.Of(details), ApiGroupJson.Default.ImageDetailsObject, cancellationToken).ConfigureAwait(false);
    }

    /// <summary><c>?tag=</c> any number of times.</summary>
    public async Task TagAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        ImageRecord tagged = await dependencies.Library.TagAsync(reference, Values(context, "tag"), cancellationToken).ConfigureAwait(false);
        dependencies.ImagesChanged();
        await AnswerAsync(context, [tagged], one: false, 200, cancellationToken).ConfigureAwait(false);
    }

    /// <summary><c>?import=NAME</c>, with <c>change=</c> any number of times, <c>message=</c>, and the archive in the body or at <c>path=</c>.</summary>
    public async Task ImportAsync(HttpContext context, CancellationToken cancellationToken)
    {
        string name = context.Request.Query["import"].ToString();
        string message = context.Request.Query["message"].ToString();
        var options = new ImageImport([.. context.Request.Query["change"].OfType<string>()], message.Length > 0 ? message : null);
        ImageRecord imported = await WithArchiveAsync(context, path => dependencies.Library.ImportAsync(path, name, options, cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        dependencies.ImagesChanged();
        await AnswerAsync(context, [imported], one: false, 201, cancellationToken).ConfigureAwait(false);
    }

    /// <summary><c>?save=NAME</c> any number of times, with <c>format=</c> oci-archive or docker-archive. An answer that is cut off is no archive.</summary>
    public async Task SaveAsync(HttpContext context, CancellationToken cancellationToken)
    {
        ImageArchiveFormat format = context.Request.Query["format"].ToString() switch
        {
            "" or "oci-archive" => ImageArchiveFormat.OciArchive,
            "docker-archive" => ImageArchiveFormat.DockerArchive,
            string other => throw ApiException.BadRequest($"format \"{other}\": expected oci-archive or docker-archive"),
        };
        context.Response.ContentType = "application/x-tar";
        await dependencies.Library.SaveAsync(Values(context, "save"), format, context.Response.Body, cancellationToken).ConfigureAwait(false);
    }

    public async Task VerifyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (!IsTrue(context, "verify")) throw ApiException.BadRequest("verify: expected true");
        ImageVerification verification = await dependencies.Library.VerifyAsync(cancellationToken).ConfigureAwait(false);
        await Answer.JsonAsync(context, ImageVerificationObject.Of(verification), ApiGroupJson.Default.ImageVerificationObject, cancellationToken).ConfigureAwait(false);
    }

    private static string[] Values(HttpContext context, string parameter)
    {
        string[] values = [.. context.Request.Query[parameter].OfType<string>()];
        return values.Contains("") ? throw ApiException.BadRequest($"{parameter}: the name of an image is expected") : values;
    }
}
