using System.Text;
using NodeAgent.Images.Archives;
using NodeAgent.Images.Layers;
using Xunit;

namespace NodeAgent.UnitTests.Images;

public sealed class TarOutputTests
{
    private static async Task<byte[]> WriteAsync(Func<TarOutput, Task> write)
    {
        using MemoryStream archive = new();
        TarOutput output = new(archive);
        await write(output);
        await output.EndAsync(CancellationToken.None);
        return archive.ToArray();
    }

    private static List<(TarEntry Entry, string Data)> Read(byte[] archive)
    {
        TarReader reader = new(new StreamTarInput(new MemoryStream(archive)));
        List<(TarEntry, string)> entries = [];
        while (reader.TryReadEntry(out TarEntry? entry))
        {
            StringBuilder data = new();
            for (ReadOnlySpan<byte> piece; !(piece = reader.ReadData(300)).IsEmpty;)
                data.Append(Encoding.UTF8.GetString(piece));
            entries.Add((entry, data.ToString()));
        }
        return entries;
    }

    [Theory(DisplayName = "files and folders come back with their names and contents, whatever their lengths")]
    [InlineData(1, 0)]
    [InlineData(100, 1)]
    [InlineData(101, 511)]
    [InlineData(141, 512)]
    [InlineData(990, 513)]
    public async Task RoundTrip(int nameLength, int size)
    {
        string name = new('n', nameLength);
        byte[] archive = await WriteAsync(async output =>
        {
            await output.DirectoryAsync("d/", CancellationToken.None);
            await output.FileAsync(name, Encoding.ASCII.GetBytes(new string('x', size)), CancellationToken.None);
            await output.FileAsync("last", "end"u8.ToArray(), CancellationToken.None);
        });

        List<(TarEntry Entry, string Data)> entries = Read(archive);
        Assert.Equal(0, archive.Length % 512);
        Assert.Equal(["d/", name, "last"], entries.Select(entry => Encoding.ASCII.GetString(entry.Entry.Name)));
        Assert.Equal(["", new string('x', size), "end"], entries.Select(entry => entry.Data));
        Assert.Equal([0x1EDu, 0x1A4u, 0x1A4u], entries.Select(entry => entry.Entry.Mode));
        Assert.All(entries, entry => Assert.Equal((0L, 0u, 0u), (entry.Entry.ModifiedSeconds, entry.Entry.Uid, entry.Entry.Gid)));
    }

    [Fact(DisplayName = "a file above 8 GiB has its size in the header")]
    public async Task Large()
    {
        using MemoryStream archive = new();
        await new TarOutput(archive).BeginFileAsync("big", 9L << 30, CancellationToken.None);

        archive.Position = 0;
        Assert.True(new TarReader(new StreamTarInput(archive)).TryReadEntry(out TarEntry? entry));
        Assert.Equal(9L << 30, entry.Size);
    }

    [Fact(DisplayName = "a file that grows or shrinks under the archive is an error, not a broken archive")]
    public async Task Changed()
    {
        using MemoryStream archive = new();
        TarOutput output = new(archive);
        await output.BeginFileAsync("a", 3, CancellationToken.None);

        await Assert.ThrowsAsync<InvalidDataException>(() => output.WriteAsync(new byte[4], CancellationToken.None));
        await output.WriteAsync(new byte[2], CancellationToken.None);
        await Assert.ThrowsAsync<InvalidDataException>(() => output.EndAsync(CancellationToken.None));
    }
}
