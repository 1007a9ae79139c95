namespace NodeAgent.Images.Registry;

/// <summary>Reads documents that others send, up to a size.</summary>
internal static class BoundedBody
{
    /// <summary>Throws <see cref="InvalidDataException"/> when it is larger, <see cref="HttpRequestException"/> or <see cref="IOException"/> when it is cut.</summary>
    public static async Task<byte[]> ReadAsync(HttpResponseMessage response, int most, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentLength > most)
            throw new InvalidDataException($"it has {response.Content.Headers.ContentLength} bytes; {most} is the most for a document");
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using MemoryStream copy = new();
        byte[] buffer = new byte[16 * 1024];
        for (int read; (read = await body.ReadAsync(buffer, cancellationToken)) > 0;)
        {
            if (copy.Length + read > most)
                throw new InvalidDataException($"it has more than {most} bytes, which is the most for a document");
            copy.Write(buffer, 0, read);
        }
        return copy.ToArray();
    }
}
