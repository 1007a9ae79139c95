using System.Collections.Concurrent;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Archives;

/// <summary>
/// What <c>docker save</c> and other tools' docker-archive write: <c>manifest.json</c> with names, a configuration and uncompressed layers per image.
/// It has no manifest, so one is written here from what is found.
/// </summary>
internal static class DockerArchive
{
    /// <summary>Throws <see cref="InvalidDataException"/>.</summary>
    public static List<ArchivedImage> List(ArchiveFiles files, NodePlatform platform)
    {
        byte[] manifest = files.Read("manifest.json") ?? throw new InvalidDataException(
            "it is neither an OCI image layout (oci-layout, index.json) nor a docker-archive (manifest.json)");
        ConcurrentDictionary<string, OciDescriptor> layers = new(StringComparer.Ordinal);
        return
        [
            .. ResolvedImage.Parse(manifest, OciJson.Default.DockerArchiveEntryArray, "manifest.json").Select(entry =>
                new DockerArchivedImage(files, entry, platform, layers) { Names = entry.RepoTags ?? [] }),
        ];
    }

    private sealed class DockerArchivedImage(
        ArchiveFiles files, DockerArchiveEntry entry, NodePlatform platform, ConcurrentDictionary<string, OciDescriptor> taken) : ArchivedImage
    {
        public override ResolvedImage Ingest(ContentStore store, ContentLease lease, CancellationToken cancellationToken)
        {
            string configName = entry.Config ?? throw new InvalidDataException("manifest.json names no configuration for an image");
            byte[] config = files.Read(configName) ?? throw new InvalidDataException($"{configName} is missing");
            OciImageConfig parsed = ResolvedImage.Parse(config, OciJson.Default.OciImageConfig, $"configuration {configName}");
            platform.Check(parsed);
            IReadOnlyList<string> names = entry.Layers ?? [];
            if (ResolvedImage.DiffIdsOf(parsed).Count != names.Count)
                throw new InvalidDataException($"manifest.json has {names.Count} layers for an image whose configuration has another number of them");

            OciDescriptor[] layers = IngestLayers(store, lease, names, cancellationToken);
            OciDescriptor descriptor = ImageEnvelope.Write(config, layers, store, lease);
            return ResolvedImage.Resolve(descriptor, platform, store.ReadDocument);
        }

        private OciDescriptor[] IngestLayers(ContentStore store, ContentLease lease, IReadOnlyList<string> names, CancellationToken cancellationToken)
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken };
            try
            {
                Parallel.ForEach(names.Distinct(StringComparer.Ordinal), options, name =>
                {
                    if (!taken.ContainsKey(name))
                        taken[name] = IngestLayer(store, lease, name, cancellationToken);
                });
            }
            catch (AggregateException e)
            {
                throw new InvalidDataException(e.InnerExceptions[0].Message, e.InnerExceptions[0]);
            }
            return [.. names.Select(name => taken[name])];
        }

        private OciDescriptor IngestLayer(ContentStore store, ContentLease lease, string name, CancellationToken cancellationToken)
        {
            using Stream source = files.Open(name) ?? throw new InvalidDataException($"layer {name} is missing");
            using ContentIngest ingest = store.BeginIngest(lease);
            byte[] buffer = new byte[Block.Size];
            LayerCompression? compression = null;
            for (int read; (read = source.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                compression ??= Decompression.Sniff(buffer.AsSpan(0, read));
                ingest.Write(buffer.AsSpan(0, read));
            }
            long size = ingest.Length;
            // What is in the archive is checked when it is unpacked: its configuration says the digest.
            Digest digest = ingest.Commit(null, null);
            return new OciDescriptor { MediaType = MediaTypes.LayerOf(compression ?? LayerCompression.None), Digest = $"{digest}", Size = size };
        }
    }
}
