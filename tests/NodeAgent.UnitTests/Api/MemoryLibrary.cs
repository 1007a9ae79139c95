using System.Collections.Immutable;
using System.Text;
using NodeAgent.Core.Cri;

namespace NodeAgent.UnitTests.Api;

/// <summary>The library over images in a dictionary: it remembers what it was asked for, and saves names where the real one saves images.</summary>
public sealed class MemoryLibrary(MemoryImages images) : IImageLibrary
{
    public List<string> Calls { get; } = [];

    public ImageVerification Verification { get; set; } = new(1, 3, 2_000_000, []);

    /// <summary>When set, a save breaks off after so many bytes.</summary>
    public bool SaveBreaksOff { get; set; }

    public async ValueTask<ImageRecord?> FindAsync(string reference, CancellationToken cancellationToken) => reference == "aaaa"
        ? throw new ImageRefusedException(ImageRefusal.Ambiguous, "image id aaaa fits 2 images: x, y; give more digits")
        : await images.ImageStatusAsync(reference, cancellationToken);

    public async ValueTask<ImageDetails?> InspectAsync(string reference, CancellationToken cancellationToken)
    {
        if (await FindAsync(reference, cancellationToken) is not { } image) return null;
        var created = new DateTimeOffset(2026, 2, 27, 12, 0, 0, TimeSpan.Zero);
        byte[] configuration = """{"os":"linux","config":{"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}}}}"""u8.ToArray();
        return new ImageDetails(
            image, ["localhost/web@" + image.Digest], created, "somebody", "v2", "application/vnd.oci.image.manifest.v1+json", configuration,
            [new ImageLayer("sha256:blob1", "sha256:1", 1_500_000, "tar+gzip"), new ImageLayer("sha256:blob2", "sha256:2", 12, "tar+gzip")],
            [
                new ImageHistoryEntry(created.AddDays(-10), "ADD rootfs.tar.xz / # buildkit and a lot more of this and that", "", "", "sha256:blob1", 1_500_000),
                new ImageHistoryEntry(null, "", "", "", "sha256:blob2", 12),
                new ImageHistoryEntry(created, "CMD [\"sh\"]\n\u001b[31m", "", "made by hand", null, 0),
            ]);
    }

    public async Task<ImageRecord> TagAsync(string reference, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        if (await FindAsync(reference, cancellationToken) is not { } image) throw new ImageRefusedException(ImageRefusal.NotFound, $"images \"{reference}\" not found");
        if (names.Any(name => name.Contains('@'))) throw new ImageRefusedException(ImageRefusal.Invalid, "a digest says what an image is");
        foreach (string name in names) images.Add(name, image.SizeBytes);
        return image;
    }

    public async Task<bool> RemoveAsync(string reference, IReadOnlyDictionary<string, ImmutableArray<string>> users, CancellationToken cancellationToken) =>
        await FindAsync(reference, cancellationToken) is { } image && users.TryGetValue(image.Id, out ImmutableArray<string> pods)
            ? throw new ImageRefusedException(ImageRefusal.InUse, $"image {reference} is used by pods {string.Join(", ", pods)}")
            : await images.RemoveImageAsync(reference, cancellationToken);

    public async Task<ImageRecord> ImportAsync(string path, string name, ImageImport options, CancellationToken cancellationToken)
    {
        Calls.Add($"import {name} [{string.Join("][", options.Changes)}] {options.Message}: {await File.ReadAllTextAsync(path, cancellationToken)}");
        images.Add(name, 1);
        return (await images.ImageStatusAsync(name, cancellationToken))!;
    }

    public async Task SaveAsync(IReadOnlyList<string> references, ImageArchiveFormat format, Stream output, CancellationToken cancellationToken)
    {
        foreach (string reference in references)
        {
            if (await FindAsync(reference, cancellationToken) is null) throw new ImageRefusedException(ImageRefusal.NotFound, $"images \"{reference}\" not found");
        }
        await output.WriteAsync(Encoding.UTF8.GetBytes($"{format}: {string.Join(' ', references)}"), cancellationToken);
        if (!SaveBreaksOff) return;
        await output.FlushAsync(cancellationToken);
        throw new ImageRefusedException(ImageRefusal.Damaged, "blob x is damaged");
    }

    public Task<ImageVerification> VerifyAsync(CancellationToken cancellationToken) => Task.FromResult(Verification);
}
