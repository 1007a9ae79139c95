using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Testing.Contracts;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

public sealed class ImageServiceContractTests : ImageServiceContract, IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private ImageService? _images;

    protected override IImageService Images => _images!;

    protected override ISnapshotter Snapshots => _images!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        StatePaths paths = new(_folder["state"], _folder["run"], _folder["logs"], _folder["manifests"], "/sys/fs/cgroup");
        _images = await ImageService.OpenAsync(paths, TimeProvider.System, NullLogger<ImageService>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        if (_images is not null)
            await _images.DisposeAsync();
        _folder.Dispose();
    }

    protected override string MakeArchive(string marker, string? name)
    {
        string path = _folder[$"{marker}-{name?.Replace('/', '_')}.tar"];
        File.WriteAllBytes(path, DockerArchiveBuilder.Build(name, new TarBuilder().File("base").Build(), new TarBuilder().File(marker).Build()));
        return path;
    }
}
