using System.Net;
using System.Net.Http.Headers;
using System.Buffers;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Registry;

/// <summary>A manifest or index as a registry gave it.</summary>
/// <param name="Descriptor">Media type, digest and size.</param>
internal sealed record RemoteDocument(OciDescriptor Descriptor, byte[] Content);

/// <summary>
/// Where one image can be had: the endpoints of its registry in their order. Each request goes to the endpoint that answered last, then to the others in
/// order; only the last of them is waited for when it is busy. Thread-safe.
/// </summary>
internal sealed class RegistrySource(ImageReference reference, IReadOnlyList<RegistryConnection> endpoints, TimeProvider time)
{
    private const int MostInterruptions = 100;
    private const int MostFruitless = 5;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(60);

    private static readonly string[] ManifestTypes =
    [
        MediaTypes.OciIndex, MediaTypes.DockerIndex, MediaTypes.OciManifest, MediaTypes.DockerManifest,
        // Asked for last, so that a registry that has nothing newer says so and the refusal can name the reason.
        MediaTypes.DockerSchema1Signed + ";q=0.1", MediaTypes.DockerSchema1 + ";q=0.1",
    ];

    private int _preferred;

    /// <summary>The digest that the reference stands for now, without its content; null when the registry does not say. Throws <see cref="ImageException"/>.</summary>
    public Task<Digest?> FindDigestAsync(CancellationToken cancellationToken) => AskEachAsync(
        async (endpoint, patient) =>
        {
            try
            {
                using HttpResponseMessage response = await endpoint.SendAsync(HttpMethod.Head, reference.Path, "manifests/" + Target, Namespace(endpoint), Accept, patient, cancellationToken);
                return DigestHeader(response);
            }
            catch (RegistryException e) when (e.Status is HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
            {
                return null;
            }
        });

    private string Target => reference.Digest?.ToString() ?? reference.Tag ?? ImageReference.DefaultTag;

    /// <summary>What the reference names: an index or a manifest. Throws <see cref="ImageException"/>.</summary>
    public Task<RemoteDocument> GetManifestAsync(CancellationToken cancellationToken) =>
        AskEachAsync((endpoint, patient) => WholeAsync(() => ManifestAsync(endpoint, Target, reference.Digest, patient, cancellationToken), cancellationToken));

    /// <summary>A document that another one names by its digest. Throws <see cref="ImageException"/>.</summary>
    public async Task<byte[]> GetDocumentAsync(OciDescriptor descriptor, Digest digest, CancellationToken cancellationToken)
    {
        if (descriptor.MediaType is MediaTypes.OciConfig or MediaTypes.DockerConfig)
            return await AskEachAsync((endpoint, patient) => WholeAsync(() => BlobDocumentAsync(endpoint, digest, patient, cancellationToken), cancellationToken));
        RemoteDocument document = await AskEachAsync(
            (endpoint, patient) => WholeAsync(() => ManifestAsync(endpoint, digest.ToString(), digest, patient, cancellationToken), cancellationToken));
        return document.Content;
    }

    /// <summary>Documents are small: one that was cut off is asked for again as a whole.</summary>
    private async Task<T> WholeAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await ask();
            }
            catch (RegistryException e) when (e.InnerException is IOException && attempt < MostFruitless)
            {
                await Task.Delay(FirstPause, time, cancellationToken);
            }
        }
    }

    private async Task<RemoteDocument> ManifestAsync(RegistryConnection endpoint, string target, Digest? expected, bool patient, CancellationToken cancellationToken)
    {
        string what = "manifests/" + target;
        using HttpResponseMessage response = await endpoint.SendAsync(HttpMethod.Get, reference.Path, what, Namespace(endpoint), Accept, patient, cancellationToken);
        byte[] content = await DocumentAsync(endpoint, what, response, cancellationToken);
        string? mediaType = response.Content.Headers.ContentType?.MediaType;
        // Registries that serve files say nothing useful; the document then speaks for itself.
        if (!MediaTypes.IsIndex(mediaType) && !MediaTypes.IsManifest(mediaType) && !MediaTypes.IsSchema1(mediaType))
            mediaType = null;
        expected ??= DigestHeader(response);
        Digest actual = expected?.OfSameAlgorithm(content) ?? Digest.OfSha256(content);
        // Of a signed manifest of schema 1 the digest is that of a part; it is refused anyway.
        if (expected is { } digest && digest != actual && !MediaTypes.IsSchema1(mediaType))
            throw new RegistryException($"{endpoint}: manifest {target} is damaged: its content has digest {actual}, not {digest}", unavailable: false);
        return new RemoteDocument(new OciDescriptor { MediaType = mediaType, Digest = actual.ToString(), Size = content.Length }, content);
    }

    private async Task<byte[]> BlobDocumentAsync(RegistryConnection endpoint, Digest digest, bool patient, CancellationToken cancellationToken)
    {
        string what = "blobs/" + digest;
        using HttpResponseMessage response = await endpoint.SendAsync(HttpMethod.Get, reference.Path, what, Namespace(endpoint), null, patient, cancellationToken);
        byte[] content = await DocumentAsync(endpoint, what, response, cancellationToken);
        Digest actual = digest.OfSameAlgorithm(content);
        return actual == digest ? content
            : throw new RegistryException($"{endpoint}: blob {digest} is damaged: its content has digest {actual}", unavailable: false);
    }

    private static async Task<byte[]> DocumentAsync(RegistryConnection endpoint, string what, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            return await BoundedBody.ReadAsync(response, ContentStore.MaxDocumentBytes, cancellationToken);
        }
        catch (InvalidDataException e)
        {
            throw new RegistryException($"{endpoint}: {what}: {e.Message}", unavailable: false, inner: e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new RegistryException($"{endpoint}: {what}: its answer was cut off: {RegistryTls.Describe(e)}", unavailable: true, inner: e);
        }
    }

    private static Digest? DigestHeader(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Docker-Content-Digest", out IEnumerable<string>? values) && Digest.TryParse(values.First(), out Digest digest) ? digest : null;

    private static void Accept(HttpRequestMessage request)
    {
        foreach (string type in ManifestTypes)
            request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(type));
    }

    /// <summary>Tells a mirror of many registries which one is meant.</summary>
    private string Namespace(RegistryConnection endpoint) => endpoint.IsMirror ? "?ns=" + Uri.EscapeDataString(reference.Domain) : "";

    /// <summary>
    /// Brings a blob in, going on where a connection broke, at another endpoint if it must be. Commits it. Throws <see cref="ImageException"/>, and
    /// <see cref="IOException"/> when the disk does not take it.
    /// </summary>
    public Task DownloadAsync(BlobDownload blob, CancellationToken cancellationToken) => AskEachAsync(
        async (endpoint, patient) =>
        {
            await ArriveAsync(endpoint, blob, patient, cancellationToken);
            try
            {
                // Waits for the disk.
                await Task.Run(blob.Commit, cancellationToken);
            }
            catch (InvalidDataException e)
            {
                blob.Restart();
                throw new RegistryException($"{endpoint}: {e.Message}", unavailable: false, inner: e);
            }
            return true;
        });

    private async Task ArriveAsync(RegistryConnection endpoint, BlobDownload blob, bool patient, CancellationToken cancellationToken)
    {
        int fruitless = 0;
        for (int interruptions = 0; blob.Available < blob.Size; interruptions++)
        {
            long before = blob.Available;
            if (await CopyAsync(endpoint, blob, patient, cancellationToken) is not { } broken)
                return;
            fruitless = blob.Available > before ? 0 : fruitless + 1;
            if (fruitless == MostFruitless || interruptions == MostInterruptions)
                throw new RegistryException($"{endpoint}: blob {blob.Digest}: {broken}, with {blob.Available} of {blob.Size} bytes received", unavailable: true);
            if (fruitless > 0)
                await Task.Delay(FirstPause * (1 << fruitless), time, cancellationToken);
        }
    }

    /// <summary>One request's worth of the blob, from where it stands. Null when it came to its end, else what broke it.</summary>
    private async Task<string?> CopyAsync(RegistryConnection endpoint, BlobDownload blob, bool patient, CancellationToken cancellationToken)
    {
        long from = blob.Available;
        using HttpResponseMessage response = await endpoint.SendAsync(
            HttpMethod.Get, reference.Path, "blobs/" + blob.Digest, Namespace(endpoint), request => request.Headers.Range = from > 0 ? new RangeHeaderValue(from, null) : null,
            patient, cancellationToken);
        // An endpoint that does not know ranges sends all of it again.
        long start = response.StatusCode == HttpStatusCode.PartialContent ? response.Content.Headers.ContentRange?.From ?? 0 : 0;
        if (start > from)
            throw new RegistryException($"{endpoint}: blob {blob.Digest}: asked for what begins at {from}, it sent what begins at {start}", unavailable: false);
        long skip = from - start;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(256 * 1024);
        using CancellationTokenSource stall = new(StallLimit, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stall.Token);
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(limit.Token);
            while (true)
            {
                int read;
                try
                {
                    read = await body.ReadAsync(buffer, limit.Token);
                }
                catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
                {
                    return $"nothing came for {StallLimit.TotalSeconds} s";
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    return $"its connection broke: {RegistryTls.Describe(e)}";
                }
                stall.CancelAfter(StallLimit);
                if (read == 0)
                    return blob.Available == blob.Size ? null : "it ended early";
                int skipped = (int)Math.Min(skip, read);
                skip -= skipped;
                if (blob.Available + (read - skipped) > blob.Size)
                    throw new RegistryException($"{endpoint}: blob {blob.Digest} has more than the {blob.Size} bytes that its manifest announces", unavailable: false);
                if (read > skipped)
                    blob.Write(buffer.AsSpan(skipped, read - skipped));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<T> AskEachAsync<T>(Func<RegistryConnection, bool, Task<T>> ask)
    {
        SortedList<int, RegistryException> refusals = [];
        int first = Volatile.Read(ref _preferred);
        for (int i = 0; i < endpoints.Count; i++)
        {
            int index = i == 0 ? first : i <= first ? i - 1 : i;
            try
            {
                T answer = await ask(endpoints[index], i == endpoints.Count - 1);
                Volatile.Write(ref _preferred, index);
                return answer;
            }
            catch (RegistryException e)
            {
                refusals.Add(index, e);
            }
        }
        // The registry itself is the last in the order of the configuration, and its word decides; a mirror may be down or not have it.
        RegistryException deciding = refusals.Values[^1];
        throw new ImageException(deciding.Failure, string.Join("; ", refusals.Values.Select(refusal => refusal.Message)), deciding);
    }
}
