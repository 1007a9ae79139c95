using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Resources;
using NodeAgent.Core.Cri;
using NodeAgent.Pods;

namespace NodeAgent.Api;

/// <summary>What images take on disk, and getting rid of those that no pod uses.</summary>
internal sealed partial class ImageEndpoint
{
    /// <summary>With <c>?containers=true</c> also what containers have written over the images, which takes a walk.</summary>
    public async Task UsageAsync(HttpContext context, CancellationToken cancellationToken)
    {
        long? written = IsTrue(context, "containers") ? await dependencies.WrittenBytes(cancellationToken).ConfigureAwait(false) : null;
        ImageFsInfo info = await dependencies.Images.ImageFsInfoAsync(cancellationToken).ConfigureAwait(false);
        var usage = new ImageFsObject(info.ContentBytes, info.UnpackedBytes, info.FreedBytes, written);
        await Answer.JsonAsync(context, usage, ApiGroupJson.Default.ImageFsObject, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// <c>?prune=untagged</c> removes images that no pod uses and that have no tag, <c>?prune=unused</c> all that no pod uses; pinned ones stay.
    /// <c>&amp;dryRun=All</c> tells what would go. Without a word nothing is deleted: the field's clients mean everything by that.
    /// </summary>
    public async Task PruneAsync(HttpContext context, CancellationToken cancellationToken)
    {
        bool all = context.Request.Query["prune"].ToString() switch
        {
            "untagged" => false,
            "unused" => true,
            _ => throw ApiException.BadRequest("all images at once are not deleted: name one, or say which go: ?prune=untagged or ?prune=unused"),
        };
        bool dryRun = context.Request.Query["dryRun"].ToString() switch
        {
            "" => false,
            "All" => true,
            string other => throw ApiException.BadRequest($"dryRun \"{other}\": expected All"),
        };
        if (dependencies.PruneImages is not { } prune) throw ApiException.MethodNotAllowed("images can't be pruned here");
        ImageFsInfo before = await dependencies.Images.ImageFsInfoAsync(cancellationToken).ConfigureAwait(false);
        ImagePrune done = await prune(all, dryRun, cancellationToken).ConfigureAwait(false);
        var report = new ImagePruneObject([.. done.Removals.Removed.SelectMany(image => ImageResource.Of(image, before.Unpacked))], done.Removals.Failures, done.FreedBytes);
        await Answer.JsonAsync(context, report, ApiGroupJson.Default.ImagePruneObject, cancellationToken).ConfigureAwait(false);
    }
}
