using System.Text;
using NodeAgent.Images.Content;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;

namespace NodeAgent.Fuzz.Images;

/// <summary>
/// Any bytes are a layer or are refused with a <see cref="LayerException"/>, and nothing beside the layer's folder is touched. The bytes are taken
/// twice: as they are, and with the checksums of all headers put right, so that mutations get past the first check.
/// </summary>
public static class TarLayerFuzz
{
    private const string Memory = "/dev/shm";
    private static readonly string Root = MakeRoot();
    private static readonly string Victim = Path.Combine(Root, "victim");
    private static int _runs;

    public static string Name => "tar-layer";

    private static string MakeRoot()
    {
        string parent = Directory.Exists(Memory) ? Memory : Path.GetTempPath();
        string root = Directory.CreateDirectory(Path.Combine(parent, $"podagent-fuzz-{Environment.ProcessId}")).FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => TreeRemoval.Remove(root);
        return root;
    }

    public static void Run(ReadOnlySpan<byte> data)
    {
        Unpack(data.ToArray());
        Unpack(Sealed(data));
    }

    private static void Unpack(byte[] archive)
    {
        File.WriteAllText(Victim, "untouched");
        string below = Directory.CreateDirectory(Path.Combine(Root, "below")).FullName;
        File.WriteAllText(Path.Combine(below, "base"), "base");
        string layer = Directory.CreateDirectory(Path.Combine(Root, $"layer{_runs++}")).FullName;
        try
        {
            using MemoryStream source = new(archive);
            Unpack(source, archive, layer).Apply(layer, [below]);
        }
        catch (LayerException)
        {
            // Refused: what was written until then must lie within the layer as well.
        }
        finally
        {
            TreeRemoval.Remove(layer);
        }
        string[] beside = [.. Directory.EnumerateFileSystemEntries(Root).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];
        if (!beside.SequenceEqual(["below", "victim"], StringComparer.Ordinal) || File.ReadAllText(Victim) != "untouched" || File.ReadAllText(Path.Combine(below, "base")) != "base")
            throw new InvalidOperationException($"a layer changed what is beside it: {string.Join(' ', beside)}");
    }

    private static LayerFixups Unpack(MemoryStream source, byte[] archive, string layer)
    {
        if (Decompression.Sniff(archive) == LayerCompression.None)
            return LayerUnpacker.Unpack(layer, new StreamTarInput(source), CancellationToken.None);
        // A packed archive has another digest than its blob: the refusal at the end is the expected one.
        Digest digest = Digest.OfSha256(archive);
        return LayerPipeline.Unpack(_ => source, layer, digest, digest, CancellationToken.None);
    }

    /// <summary>Every block that could be a header gets the checksum that its bytes have.</summary>
    private static byte[] Sealed(ReadOnlySpan<byte> data)
    {
        byte[] archive = data.ToArray();
        for (int at = 0; at + 512 <= archive.Length; at += 512)
        {
            Span<byte> block = archive.AsSpan(at, 512);
            if (!block.ContainsAnyExcept((byte)0))
                continue;
            block[148..156].Fill((byte)' ');
            int sum = 0;
            foreach (byte b in block)
                sum += b;
            Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(block[148..]);
        }
        return archive;
    }

    public static IEnumerable<byte[]> Seeds()
    {
        yield return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        yield return [0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x00, 0x01, 0x00, 0x00, 0x99, 0xe9, 0xd8, 0x51];
        yield return new TarBuilder().Directory("./").Directory("d/").File("d/f", "data", mode: 0x9ED, uid: 1, gid: 2).HardLink("h", "d/f").Symlink("s", "../victim")
            .File("s/x").Device('3', "n", 1, 3).Device('4', "b", 7, 0).Fifo("p").Build();
        yield return new TarBuilder().File("../victim", "changed").Build();
        yield return new TarBuilder().Symlink("l", Root).File("l/victim", "changed").HardLink("h", "/victim").Build();
        yield return new TarBuilder().File(".wh.base").File("d/.wh..wh..opq").File("d/.wh.x", "data").HardLink("again", "base").Build();
        yield return new TarBuilder().Pax('g', ("uid", "7")).Pax('x', ("path", "long/name"), ("mtime", "-1.5"), ("size", "3"), ("SCHILY.xattr.user.a", "b\0c")).File("s", "abc").Build();
        yield return new TarBuilder().Add('L', "././@LongLink", data: Encoding.ASCII.GetBytes(new string('n', 200) + "/x\0")).File("short", "y").Build();
        yield return new TarBuilder().Pax('x', ("GNU.sparse.size", "10000"), ("GNU.sparse.map", "0,3,9000,2")).Add('0', "f", data: "abcde"u8.ToArray()).Build();
        byte[] map = new byte[512];
        "1\n5000\n4\n"u8.CopyTo(map);
        yield return new TarBuilder().Pax('x', ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "n"), ("GNU.sparse.realsize", "9000"))
            .Add('0', "f", data: [.. map, .. "data"u8]).Build();
        yield return new TarBuilder().Add('S', "f", data: "x"u8.ToArray(), change: h =>
        {
            TarBuilder.Octal(h, 386, 12, 4096);
            TarBuilder.Octal(h, 398, 12, 1);
            TarBuilder.Octal(h, 483, 12, 5000);
        }).Build();
    }
}
