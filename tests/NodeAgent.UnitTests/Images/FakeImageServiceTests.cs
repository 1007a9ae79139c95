using NodeAgent.Core.Cri;
using NodeAgent.Testing.Contracts;
using NodeAgent.Testing.Fakes;

namespace NodeAgent.UnitTests.Images;

public sealed class FakeImageServiceTests : ImageServiceContract
{
    private readonly FakeImageService _fake = new();

    protected override IImageService Images => _fake;

    protected override ISnapshotter Snapshots => _fake;

    protected override string MakeArchive(string marker, string? name)
    {
        string path = $"/archives/{marker}-{name?.Replace('/', '_')}.tar";
        _fake.AddArchive(path, FakeImageService.MakeImage(marker) with { Names = name is null ? [] : [name] });
        return path;
    }
}
