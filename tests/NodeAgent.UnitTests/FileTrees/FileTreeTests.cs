using System.Formats.Tar;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using NodeAgent.Linux.FileTrees;
using Xunit;

namespace NodeAgent.UnitTests.FileTrees;

/// <summary>Trees that travel, and archives that would like to write elsewhere.</summary>
public sealed class FileTreeTests : IDisposable
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;
    private readonly string _folder = Directory.CreateTempSubdirectory("trees").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(DisplayName = "a folder comes out as it went in: contents, modes, links, empty folders, long names")]
    public async Task RoundTrip()
    {
        string source = Made("source");
        Directory.CreateDirectory(source + "/sub/empty");
        string longName = new('n', 200);
        byte[] large = new byte[3_000_001];
        new Random(7).NextBytes(large);
        await File.WriteAllBytesAsync($"{source}/sub/{longName}", large, Cancel);
        await File.WriteAllTextAsync(source + "/run.sh", "#!/bin/sh\n", Cancel);
        await File.WriteAllTextAsync(source + "/nothing", "", Cancel);
        File.SetUnixFileMode(source + "/run.sh", (UnixFileMode)Convert.ToInt32("751", 8));
        File.CreateSymbolicLink(source + "/dangling", "/no/such/thing");
        File.CreateSymbolicLink(source + "/sub/up", "../run.sh");
        File.SetUnixFileMode(source + "/sub/empty", (UnixFileMode)Convert.ToInt32("500", 8));

        Assert.Empty(await PutAsync(await ArchiveAsync(source), "target"));
        string target = _folder + "/target";
        Assert.Equal(large, await File.ReadAllBytesAsync($"{target}/sub/{longName}", Cancel));
        Assert.Equal("#!/bin/sh\n", await File.ReadAllTextAsync(target + "/sub/up", Cancel));
        Assert.Equal((UnixFileMode)Convert.ToInt32("751", 8), File.GetUnixFileMode(target + "/run.sh"));
        Assert.Equal((UnixFileMode)Convert.ToInt32("500", 8), File.GetUnixFileMode(target + "/sub/empty"));
        Assert.Equal(0, new FileInfo(target + "/nothing").Length);
        Assert.Equal("/no/such/thing", new FileInfo(target + "/dangling").LinkTarget);
        Assert.Equal((4, 3), (Directory.EnumerateFileSystemEntries(target).Count(), Directory.EnumerateFileSystemEntries(target + "/sub").Count()));
    }

    [Fact(DisplayName = "a file replaces what is there, also a link, whose target stays as it is; nothing else is left beside it")]
    public async Task Replaces()
    {
        await File.WriteAllTextAsync(_folder + "/source", "new", Cancel);
        await File.WriteAllTextAsync(_folder + "/elsewhere", "old", Cancel);
        Made("target");
        File.CreateSymbolicLink(_folder + "/target/file", _folder + "/elsewhere");
        await PutAsync(await ArchiveAsync(_folder + "/source"), "target/file");
        Assert.Equal(("new", "old"), (await File.ReadAllTextAsync(_folder + "/target/file", Cancel), await File.ReadAllTextAsync(_folder + "/elsewhere", Cancel)));
        Assert.Null(new FileInfo(_folder + "/target/file").LinkTarget);
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder + "/target"));
    }

    [Fact(DisplayName = "rights of others do not travel: set-id bits are taken off unless they are asked for")]
    public async Task SetId()
    {
        await File.WriteAllTextAsync(_folder + "/source", "x", Cancel);
        File.SetUnixFileMode(_folder + "/source", (UnixFileMode)Convert.ToInt32("4755", 8));
        await PutAsync(await ArchiveAsync(_folder + "/source"), "target");
        Assert.Equal((UnixFileMode)Convert.ToInt32("755", 8), File.GetUnixFileMode(_folder + "/target"));
    }

    [Fact(DisplayName = "what is neither file, folder nor link is left out and told, and never opened")]
    public async Task Special()
    {
        string source = Made("source");
        Assert.Equal(0, DirectoryEntries.mknodat(Openat2.AT_FDCWD, CString.Of(source + "/fifo"), InodeAttributes.S_IFIFO | 0x1B6, 0));
        await File.WriteAllTextAsync(source + "/file", "x", Cancel);
        Assert.Equal([$"{source}/fifo: neither file, folder nor link"], await PutAsync(await ArchiveAsync(source), "target"));
        Assert.Equal(["file"], Directory.EnumerateFileSystemEntries(_folder + "/target").Select(Path.GetFileName));
    }

    [Fact(DisplayName = "a file that says it has no size is read to its end, as those of /proc need it")]
    public async Task Unsized()
    {
        await PutAsync(await ArchiveAsync("/proc/self/status"), "target");
        Assert.Contains("Name:", await File.ReadAllTextAsync(_folder + "/target", Cancel));
    }

    [Fact(DisplayName = "a tree deeper than any descriptor table is refused, not followed")]
    public async Task Deep()
    {
        string path = Made("source");
        for (int i = 0; i < FileTreeArchive.MaxDepth + 2; i++) path = Directory.CreateDirectory(path + "/d").FullName;
        IOException error = await Assert.ThrowsAsync<IOException>(() => ArchiveAsync(_folder + "/source"));
        Assert.Contains("deeper than 256 folders", error.Message);
    }

    [Theory(DisplayName = "an entry with a name that leads elsewhere is refused, and nothing of it is written")]
    [InlineData("root/../../escaped")]
    [InlineData("root/./escaped")]
    [InlineData("root//escaped")]
    [InlineData("/escaped")]
    [InlineData("../escaped")]
    [InlineData("escaped")]
    public async Task Names(string name)
    {
        MemoryStream archive = Tar(Folder("root"), Regular(name, "bad"));
        await Assert.ThrowsAsync<InvalidDataException>(() => PutAsync(archive, "target"));
        Assert.DoesNotContain("escaped", Directory.EnumerateFileSystemEntries(_folder, "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Theory(DisplayName = "a link that comes with the archive, or was there, leads nothing elsewhere")]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Links(bool comes)
    {
        string outside = Made("outside");
        MemoryStream archive = comes
            ? Tar(Folder("root"), Link("root/way", outside), Regular("root/way/escaped", "bad"))
            : Tar(Folder("root"), Regular("root/way/escaped", "bad"));
        Made("target");
        if (!comes) File.CreateSymbolicLink(_folder + "/target/way", outside);
        LinuxException error = await Assert.ThrowsAsync<LinuxException>(() => PutAsync(archive, "target"));
        Assert.Equal(Errno.ELOOP, error.Errno);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside));
    }

    [Fact(DisplayName = "a folder over a link to a folder is refused: it would be written into elsewhere")]
    public async Task FolderOverLink()
    {
        string outside = Made("outside");
        Made("target");
        File.CreateSymbolicLink(_folder + "/target/way", outside);
        LinuxException error = await Assert.ThrowsAsync<LinuxException>(() => PutAsync(Tar(Folder("root"), Folder("root/way"), Regular("root/way/escaped", "bad")), "target"));
        Assert.Equal(Errno.ENOTDIR, error.Errno);
        Assert.Empty(Directory.EnumerateFileSystemEntries(outside));
    }

    [Fact(DisplayName = "archives that are none are told so: rubbish, nothing, two roots, a root that is a file with something below, hard links left out")]
    public async Task Rubbish()
    {
        await Assert.ThrowsAsync<InvalidDataException>(() => PutAsync(new MemoryStream(Encoding.ASCII.GetBytes(new string('x', 2000))), "a"));
        await Assert.ThrowsAsync<InvalidDataException>(() => PutAsync(new MemoryStream(), "b"));
        await Assert.ThrowsAsync<InvalidDataException>(() => PutAsync(Tar(Regular("root", "x"), Regular("root/y", "z")), "c"));
        await Assert.ThrowsAsync<InvalidDataException>(() => PutAsync(Tar(Regular("root", "x"), Regular("root", "y")), "d"));
        byte[] cut = Tar(Regular("root", new string('x', 5000))).ToArray()[..2000];
        await Assert.ThrowsAsync<InvalidDataException>(() => PutAsync(new MemoryStream(cut), "e"));
        Assert.False(File.Exists(_folder + "/e"));
        var hard = new PaxTarEntry(TarEntryType.HardLink, "root/hard") { LinkName = "/etc/passwd" };
        Assert.Equal(["hard: neither file, folder nor link"], await PutAsync(Tar(Folder("root"), hard), "f"));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder + "/f"));
    }

    private string Made(string name) => Directory.CreateDirectory($"{_folder}/{name}").FullName;

    private static PaxTarEntry Folder(string name) => new(TarEntryType.Directory, name + "/") { Mode = (UnixFileMode)0x1ED };

    private static PaxTarEntry Link(string name, string target) => new(TarEntryType.SymbolicLink, name) { LinkName = target };

    private static PaxTarEntry Regular(string name, string content) =>
        new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) };

    private static MemoryStream Tar(params PaxTarEntry[] entries)
    {
        var archive = new MemoryStream();
        using (var tar = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (PaxTarEntry entry in entries) tar.WriteEntry(entry);
        }
        archive.Position = 0;
        return archive;
    }

    private static async Task<MemoryStream> ArchiveAsync(string path)
    {
        var archive = new MemoryStream();
        using var root = new SafeFileHandle(Openat2.OpenPath(path, Openat2.O_PATH | Openat2.O_CLOEXEC), ownsHandle: true);
        await new FileTreeReader().WriteAsync(root, path, archive, Cancel);
        archive.Position = 0;
        return archive;
    }

    private async Task<IReadOnlyList<string>> PutAsync(MemoryStream archive, string to)
    {
        string path = $"{_folder}/{to}";
        using var writer = new FileTreeWriter(_ => new FileTreePlace(
            new SafeFileHandle(Openat2.OpenPath(Path.GetDirectoryName(path)!, Openat2.O_PATH | Openat2.O_CLOEXEC), ownsHandle: true), Path.GetFileName(path)));
        // As it comes over a network: not to be sought in.
        return await writer.ReadAsync(new BufferedStream(new ForwardOnly(archive)), Cancel);
    }

    private sealed class ForwardOnly(Stream inner) : Stream
    {
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, Math.Min(count, 1000));
        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
