using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>
/// <c>…/pods/{name}/files?path=…&amp;container=…</c> of our own group. GET answers with a tar archive whose first entry is <c>root</c>; PUT takes one, and
/// <c>&amp;name=…</c> for where the path is a folder. See <see cref="IContainerFiles"/>. Both stream; a GET that fails in the middle is cut off.
/// </summary>
internal sealed class FilesEndpoint(IContainerFiles files)
{
    // The archive is written and read in blocks of 512 bytes.
    private const int BufferBytes = 128 * 1024;

    public async Task ReadAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        (ContainerId container, string path) = Target(context, pod);
        context.Response.ContentType = "application/x-tar";
        var archive = new BufferedStream(new LateStream(context.Response), BufferBytes);
        await files.CopyOutAsync(container, path, archive, cancellationToken).ConfigureAwait(false);
        await archive.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public async Task WriteAsync(HttpContext context, Pod pod, CancellationToken cancellationToken)
    {
        (ContainerId container, string path) = Target(context, pod);
        string name = context.Request.Query["name"].ToString();
        if (name is "" or "." or ".." || name.AsSpan().ContainsAny('/', '\0')) throw ApiException.BadRequest($"name \"{name}\": expected a file's name");
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        var archive = new BufferedStream(context.Request.Body, BufferBytes);
        IReadOnlyList<string> skipped = await files.CopyInAsync(container, path, name, archive, cancellationToken).ConfigureAwait(false);
        var status = new Status
        {
            Outcome = "Success",
            Details = skipped.Count == 0 ? null : new StatusDetails { Causes = [.. skipped.Select(line => new StatusCause { Reason = "Skipped", Message = line })] },
            Code = 200,
        };
        await Answer.StatusAsync(context, status, cancellationToken).ConfigureAwait(false);
    }

    private static (ContainerId Container, string Path) Target(HttpContext context, Pod pod)
    {
        string path = context.Request.Query["path"].ToString();
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal)) throw ApiException.BadRequest("files: a path in the container is needed, as ?path=");
        return (new ContainerId(PodContainer.Find(pod, context.Request.Query["container"]).RunningId()), path);
    }

    /// <summary>The answer's body, which begins with its first byte: what fails before is still told as a Status.</summary>
    private sealed class LateStream(HttpResponse response) : Stream
    {
        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => response.Body.WriteAsync(buffer, cancellationToken);
        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => response.Body.WriteAsync(buffer, offset, count, cancellationToken);

        // Each write goes out by itself; flushing nothing would begin the answer.
        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public override void Flush()
        {
        }

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
