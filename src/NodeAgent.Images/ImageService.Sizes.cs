using NodeAgent.Core.Cri;
using NodeAgent.Linux;

namespace NodeAgent.Images;

/// <summary>What images take on disk.</summary>
public sealed partial class ImageService
{
    public async Task<ImageFsInfo> ImageFsInfoAsync(CancellationToken cancellationToken)
    {
        IReadOnlyDictionary<string, long> layers = await _layers.SizesAsync(cancellationToken);
        (long content, long freed) = _content.Usage();
        Dictionary<string, long> unpacked = new(StringComparer.Ordinal);
        foreach (StoredImage image in Volatile.Read(ref _table).Images)
        {
            if (image.Resolved.Chain.All(layers.ContainsKey))
                unpacked[image.Record.Id] = image.Resolved.Chain.Sum(chain => layers[chain]);
        }

        return new ImageFsInfo(content, layers.Values.Sum(), freed + _layers.FreedBytes, unpacked);
    }

    public Task<long> WrittenBytesAsync(CancellationToken cancellationToken) =>
        Task.Run(() => _containers.Keys.Sum(key => DirectoryUsage.Of(WritableFolder(key), cancellationToken).Bytes), cancellationToken);
}
