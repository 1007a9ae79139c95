using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using NodeAgent.Images.References;
using NodeAgent.Images.Snapshots;

namespace NodeAgent.Images;

public sealed partial class ImageService
{
    private const string ImportedBy = "podctl image import";

    public async Task<ImageRecord> ImportAsync(string path, string name, ImageImport options, CancellationToken cancellationToken)
    {
        ImageReference reference = NewName(name);
        OciExecutionConfig run = ImageChanges.Apply(new OciExecutionConfig(), options.Changes);
        return await NamingAsync(
            $"import {path}", () => WholeOrNothingAsync(() => Task.Run(() => ImportArchiveAsync(path, reference, run, options.Message, cancellationToken), cancellationToken)));
    }

    private async Task<ImageRecord> ImportArchiveAsync(
        string path, ImageReference reference, OciExecutionConfig run, string? message, CancellationToken cancellationToken)
    {
        using ContentLease contentLease = _content.NewLease();
        using LayerLease layerLease = _layers.NewLease();
        (OciDescriptor layer, Digest diffId) = RootfsArchive.Ingest(path, _content, contentLease, cancellationToken);
        DateTimeOffset now = _time.GetUtcNow();
        string created = ImageTable.Timestamp(now);
        OciImageConfig config = new()
        {
            Created = created,
            Architecture = _platform.Architecture,
            Os = "linux",
            Config = run,
            Rootfs = new OciRootfs { Type = "layers", DiffIds = [$"{diffId}"] },
            History = [new OciHistory { Created = created, CreatedBy = ImportedBy, Comment = string.IsNullOrEmpty(message) ? null : message }],
        };
        OciDescriptor descriptor = ImageEnvelope.Write(JsonSerializer.SerializeToUtf8Bytes(config, OciJson.Default.OciImageConfig), [layer], _content, contentLease);
        ResolvedImage resolved = ResolvedImage.Resolve(descriptor, _platform, _content.ReadDocument);
        await UnpackAsync(resolved, layerLease, cancellationToken);
        await NameAsync([ImageTable.ToEntry(descriptor, reference, now)], cancellationToken);
        _layers.BeginSync();
        return Volatile.Read(ref _table).Find(resolved.ConfigDigest.ToString())?.Record
            ?? throw new ImageException(ImageFailure.ErrImagePull, $"image {reference} was removed while it was imported");
    }
}
