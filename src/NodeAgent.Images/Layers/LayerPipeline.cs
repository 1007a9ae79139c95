using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using NodeAgent.Images.Content;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Layers;

/// <summary>
/// Unpacks one layer while both of its digests are computed:
/// <code>
///   read + digest of the blob --4 blocks--> decompress --4 blocks--> digest of the archive
///                                                     \--4 blocks--> tar entries -> files       (the calling thread)
/// </code>
/// A thread per stage; decompressing is the slowest, the others hide behind it. The first failure stops all stages and is the one that is thrown.
/// </summary>
internal sealed class LayerPipeline : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly CancellationToken _caller;
    private readonly BlockQueue _packed;
    private readonly BlockQueue _toHash;
    private readonly BlockQueue _toWrite;
    private readonly Lock _gate = new();
    private Exception? _failure;

    private LayerPipeline(CancellationToken cancellationToken)
    {
        _caller = cancellationToken;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _packed = new BlockQueue(_stop.Token);
        _toHash = new BlockQueue(_stop.Token);
        _toWrite = new BlockQueue(_stop.Token);
    }

    /// <summary>
    /// Reads the source to its end and writes its entries into a folder. Throws <see cref="LayerException"/>, also when a digest is not the expected
    /// one; what is in the folder then is worthless.
    /// </summary>
    /// <param name="open">Opens the blob; reads of it may wait for more to come, and give up when they are cancelled.</param>
    /// <param name="folder">Empty, nobody else's.</param>
    /// <param name="blob">Digest of the packed bytes; null when it is checked elsewhere.</param>
    /// <param name="diffId">Digest of the archive in it.</param>
    public static LayerFixups Unpack(Func<CancellationToken, Stream> open, string folder, Digest? blob, Digest diffId, CancellationToken cancellationToken)
    {
        using LayerPipeline pipeline = new(cancellationToken);
        using Stream source = open(pipeline._stop.Token);
        return pipeline.Run(source, folder, blob, diffId);
    }

    private LayerFixups Run(Stream source, string folder, Digest? blob, Digest diffId)
    {
        Digest? packedDigest = null;
        Digest? archiveDigest = null;
        LayerFixups? fixups = null;
        bool isPlain = false;
        Task[] stages =
        [
            Start(() => packedDigest = Read(source, blob?.Algorithm)),
            Start(() => isPlain = Decompress(blob?.Algorithm == diffId.Algorithm)),
            Start(() => archiveDigest = Hash(diffId.Algorithm)),
        ];
        Guard(() => fixups = Write(folder));
        Task.WaitAll(stages, CancellationToken.None);

        if (packedDigest is { } packed && packed != blob)
            throw new LayerException($"the blob is damaged: its content has digest {packed}", _failure);
        if (_failure is not null)
            ExceptionDispatchInfo.Throw(_failure);
        _caller.ThrowIfCancellationRequested();
        if (isPlain)
            archiveDigest = packedDigest;
        if (archiveDigest != diffId)
            throw new LayerException($"its archive has digest {archiveDigest}, the image configuration says {diffId}");
        return fixups!;
    }

    private Task Start(Action stage) =>
        Task.Factory.StartNew(() => Guard(stage), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Runs a stage; its failure stops the others, whose cancellations are then no failures of their own.</summary>
    private void Guard(Action stage)
    {
        try
        {
            stage();
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                if (_failure is null && !(e is OperationCanceledException && _stop.IsCancellationRequested))
                    _failure = e;
            }
            _stop.Cancel();
        }
    }

    /// <param name="algorithm">Of the digest to compute; null for none.</param>
    private Digest? Read(Stream source, string? algorithm)
    {
        using IncrementalHash? hash = algorithm is null ? null : Digest.CreateHash(algorithm);
        while (true)
        {
            Block block = new();
            block.Length = source.ReadAtLeast(block.Memory.AsSpan(0, Block.Size), Block.Size, throwOnEndOfStream: false);
            if (block.Length == 0)
            {
                block.Release();
                break;
            }
            hash?.AppendData(block.Data);
            _packed.Add(block);
        }
        _packed.Complete();
        return hash is null ? null : Digest.FromHash(algorithm!, hash.GetHashAndReset());
    }

    /// <summary>True when the blob is the archive itself and one digest does for both.</summary>
    private bool Decompress(bool oneDigestDoes)
    {
        using BlockQueueStream packed = new(_packed);
        ReadOnlySpan<byte> start = packed.Peek();
        LayerCompression compression = Decompression.Sniff(start[..Math.Min(start.Length, Decompression.MagicLength)]);
        bool isPlain = oneDigestDoes && compression == LayerCompression.None;
        try
        {
            using Stream archive = Decompression.Open(packed, compression);
            while (true)
            {
                Block block = new();
                block.Length = archive.ReadAtLeast(block.Memory.AsSpan(0, Block.Size), Block.Size, throwOnEndOfStream: false);
                if (block.Length == 0)
                {
                    block.Release();
                    break;
                }
                if (!isPlain)
                {
                    block.Share();
                    _toHash.Add(block);
                }
                _toWrite.Add(block);
            }
        }
        catch (InvalidDataException e)
        {
            throw new LayerException($"it cannot be decompressed: {e.Message}", e);
        }
        _toHash.Complete();
        _toWrite.Complete();
        // The digest of the blob covers what may follow the packed data.
        for (int length; (length = packed.Peek().Length) > 0;)
            packed.Advance(length);
        return isPlain;
    }

    private Digest Hash(string algorithm)
    {
        using IncrementalHash hash = Digest.CreateHash(algorithm);
        while (_toHash.Take() is { } block)
        {
            hash.AppendData(block.Data);
            block.Release();
        }
        return Digest.FromHash(algorithm, hash.GetHashAndReset());
    }

    private LayerFixups Write(string folder)
    {
        BlockQueueTarInput archive = new(_toWrite);
        LayerFixups fixups = LayerUnpacker.Unpack(folder, archive, _stop.Token);
        archive.Drain();
        return fixups;
    }

    public void Dispose()
    {
        _packed.Dispose();
        _toHash.Dispose();
        _toWrite.Dispose();
        _stop.Dispose();
    }
}
