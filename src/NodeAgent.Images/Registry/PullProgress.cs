using System.Collections.Immutable;
using NodeAgent.Core.Cri;

namespace NodeAgent.Images.Registry;

/// <summary>How far the layers of one pull are, written by those who work and read by those who watch. Thread-safe.</summary>
internal sealed class PullProgress
{
    private sealed class Layer(string digest, long size)
    {
        public string Digest { get; } = digest;
        public long Size { get; } = size;
        public LayerPullState State { get; set; }
        public BlobDownload? Download { get; set; }
        public long Received { get; set; }
    }

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Layer> _layers = new(StringComparer.Ordinal);
    private ImmutableArray<string> _order = [];

    public PullStatus Current
    {
        get
        {
            lock (_gate)
                return new PullStatus([.. _order.Select(digest => Describe(_layers[digest]))]);
        }
    }

    private static LayerPull Describe(Layer layer) =>
        new(layer.Digest, layer.Size, layer.Download?.Available ?? layer.Received, layer.State);

    public void Begin(IEnumerable<(string Digest, long Size)> layers)
    {
        lock (_gate)
        {
            foreach ((string digest, long size) in layers)
                _layers.TryAdd(digest, new Layer(digest, size));
            _order = [.. _layers.Keys];
        }
    }

    public void Downloading(string digest, BlobDownload download)
    {
        lock (_gate)
        {
            _layers[digest].Download = download;
            _layers[digest].State = LayerPullState.Downloading;
        }
    }

    public void Set(string digest, LayerPullState state)
    {
        lock (_gate)
        {
            Layer layer = _layers[digest];
            // The download may be gone before the last look.
            layer.Received = layer.Download?.Available ?? layer.Received;
            layer.Download = null;
            layer.State = state;
        }
    }
}
