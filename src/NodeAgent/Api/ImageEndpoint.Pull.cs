using System.Threading.Channels;
using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Resources;
using NodeAgent.Core.Cri;

namespace NodeAgent.Api;

internal sealed partial class ImageEndpoint
{
    /// <summary>
    /// Pulls an image: <c>POST …/images?pull=REFERENCE</c>. With <c>watch=true</c> the answer is a watch: lines of type PROGRESS with an ImagePull, then ADDED
    /// with the image, or ERROR with a Status.
    /// </summary>
    public async Task PullAsync(HttpContext context, string reference, CancellationToken cancellationToken)
    {
        if (context.Request.Query["watch"] != "true")
        {
            ImageRecord image = await dependencies.Images.PullImageAsync(reference, cancellationToken).ConfigureAwait(false);
            dependencies.ImagesChanged();
            await AnswerAsync(context, [image], one: true, 201, cancellationToken).ConfigureAwait(false);
            return;
        }

        context.Response.ContentType = "application/json";
        var writer = new ResourceWriter<ImageObject>(View, AcceptedForm.Of(context.Request), dependencies.Time);
        var moves = new PullWatch();
        Task<ImageRecord> pull = moves.RunAsync(dependencies.Images, reference, cancellationToken);
        await foreach (PullStatus status in moves.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            byte[] line = ResourceWriter<ImageObject>.Progress(ImagePullObject.Of(status), ApiGroupJson.Default.ImagePullObject);
            await context.Response.BodyWriter.WriteAsync(line, cancellationToken).ConfigureAwait(false);
        }
        byte[] last;
        try
        {
            ImageRecord image = await pull.ConfigureAwait(false);
            dependencies.ImagesChanged();
            last = writer.Event("ADDED", ImageResource.Of(image).First());
        }
        catch (ImageException e)
        {
            last = ResourceWriter<ImageObject>.Error(ApiApplication.Explain(e).ToStatus());
        }
        await context.Response.BodyWriter.WriteAsync(last, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Hands on what a pull tells, the latest at least, to one who writes it to a client that may be slower.</summary>
    private sealed class PullWatch : IProgress<PullStatus>
    {
        private readonly Channel<PullStatus> _moves = Channel.CreateBounded<PullStatus>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

        public void Report(PullStatus value) => _moves.Writer.TryWrite(value);

        public IAsyncEnumerable<PullStatus> ReadAllAsync(CancellationToken cancellationToken) => _moves.Reader.ReadAllAsync(cancellationToken);

        public async Task<ImageRecord> RunAsync(IImageService images, string reference, CancellationToken cancellationToken)
        {
            try
            {
                return await images.PullImageAsync(reference, this, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                _moves.Writer.TryComplete();
            }
        }
    }
}
