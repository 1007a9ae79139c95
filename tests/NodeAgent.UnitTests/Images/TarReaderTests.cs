using System.Text;
using NodeAgent.Images.Layers;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.UnitTests.Images;

public sealed class TarReaderTests
{
    /// <summary>Hands out few bytes at a time, so that nothing can rely on getting a whole block.</summary>
    private sealed class Crumbs(byte[] archive, int size) : TarInput
    {
        private int _position;

        public override ReadOnlySpan<byte> Next(int most)
        {
            int length = Math.Min(Math.Min(most, size), archive.Length - _position);
            _position += length;
            return archive.AsSpan(_position - length, length);
        }
    }

    private static List<(TarEntry Entry, string Data)> Read(byte[] archive, int crumbs = 1000)
    {
        TarReader reader = new(new Crumbs(archive, crumbs));
        List<(TarEntry, string)> entries = [];
        while (reader.TryReadEntry(out TarEntry? entry))
        {
            StringBuilder data = new();
            for (ReadOnlySpan<byte> piece; !(piece = reader.ReadData(300)).IsEmpty;)
                data.Append(Encoding.Latin1.GetString(piece));
            entries.Add((entry, data.ToString()));
        }
        return entries;
    }

    private static TarEntry ReadOne(TarBuilder builder) => Assert.Single(Read(builder.Build())).Entry;

    private static string Name(TarEntry entry) => Encoding.Latin1.GetString(entry.Name);

    private static string Refusal(byte[] archive) => Assert.Throws<LayerException>(() => Read(archive)).Message;

    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(100_000)]
    public void Entries_come_with_their_data_however_the_bytes_arrive(int crumbs)
    {
        byte[] archive = new TarBuilder()
            .Directory("d/").File("d/empty").File("d/small", "hello").File("d/block", new string('x', 512)).File("d/large", new string('y', 5000)).Build();

        List<(TarEntry Entry, string Data)> entries = Read(archive, crumbs);

        Assert.Equal(["d/", "d/empty", "d/small", "d/block", "d/large"], entries.Select(entry => Name(entry.Entry)));
        Assert.Equal(["", "", "hello", new string('x', 512), new string('y', 5000)], entries.Select(entry => entry.Data));
    }

    [Fact]
    public void Data_that_nobody_read_is_passed_by()
    {
        TarReader reader = new(new Crumbs(new TarBuilder().File("a", new string('x', 1300)).File("b").Build(), 700));

        Assert.True(reader.TryReadEntry(out _));
        _ = reader.ReadData(10);
        Assert.True(reader.TryReadEntry(out TarEntry? second));
        Assert.Equal("b", Name(second));
        Assert.False(reader.TryReadEntry(out _));
    }

    [Fact]
    public void Kinds_modes_owners_and_times_are_read()
    {
        List<(TarEntry Entry, string Data)> entries = Read(new TarBuilder()
            .File("f", mode: 0x9ED, uid: 1000, gid: 1001, mtime: 1234567890)
            .HardLink("h", "f").Symlink("s", "/etc/x").Device('3', "c", 1, 3).Device('4', "b", 8, 17).Fifo("p").Directory("d").Build());

        Assert.Equal(
            [TarEntryKind.RegularFile, TarEntryKind.HardLink, TarEntryKind.SymbolicLink, TarEntryKind.CharacterDevice, TarEntryKind.BlockDevice, TarEntryKind.Fifo, TarEntryKind.Directory],
            entries.Select(entry => entry.Entry.Kind));
        TarEntry file = entries[0].Entry;
        Assert.Equal((0x9EDu, 1000u, 1001u, 1234567890L), (file.Mode, file.Uid, file.Gid, file.ModifiedSeconds));
        Assert.Equal("/etc/x", Encoding.Latin1.GetString(entries[2].Entry.LinkName));
        Assert.Equal((8u, 17u), (entries[4].Entry.DeviceMajor, entries[4].Entry.DeviceMinor));
    }

    [Fact]
    public void The_prefix_of_ustar_stands_before_the_name_and_that_of_gnu_does_not()
    {
        Assert.Equal("some/prefix/name", Name(ReadOne(new TarBuilder().Add('0', "name", change: h => TarBuilder.Text(h, 345, 155, "some/prefix")))));
        Assert.Equal("name", Name(ReadOne(new TarBuilder().Add('0', "name", change: h =>
        {
            TarBuilder.Text(h, 257, 8, "ustar  \0");
            TarBuilder.Text(h, 345, 155, "12345670123");
        }))));
        Assert.Equal("pre/name", Name(ReadOne(new TarBuilder().Add('0', "name", change: h =>
        {
            TarBuilder.Text(h, 345, 131, "pre");
            TarBuilder.Text(h, 476, 12, "12345670123");
            TarBuilder.Text(h, 508, 4, "tar\0");
        }))));
    }

    [Fact]
    public void A_file_whose_name_ends_in_a_slash_is_a_directory_as_in_old_archives() =>
        Assert.Equal(TarEntryKind.Directory, ReadOne(new TarBuilder().Add('\0', "old/", change: h => h.AsSpan(257, 8).Clear())).Kind);

    [Fact]
    public void Long_names_of_gnu_are_read()
    {
        string name = new('n', 300);
        string link = new('l', 400);
        TarEntry entry = ReadOne(new TarBuilder()
            .Add('L', "././@LongLink", data: Encoding.Latin1.GetBytes(name + "\0"))
            .Add('K', "././@LongLink", data: Encoding.Latin1.GetBytes(link + "\0"))
            .Symlink("short", "short"));

        Assert.Equal(name, Name(entry));
        Assert.Equal(link, Encoding.Latin1.GetString(entry.LinkName));
    }

    [Theory]
    [InlineData(8L << 30)]
    [InlineData(1L)]
    public void Sizes_in_base_256_are_read(long size)
    {
        TarReader reader = new(new Crumbs(new TarBuilder().Add('0', "f", change: h => TarBuilder.Base256(h, 124, 12, size)).Build(), 512));

        Assert.True(reader.TryReadEntry(out TarEntry? entry));
        Assert.Equal(size, entry.Size);
    }

    [Theory]
    [InlineData(-1, -1)]
    [InlineData(-86400, -86400)]
    [InlineData(1L << 40, 1L << 40)]
    public void Times_in_base_256_may_be_before_1970(long written, long read) =>
        Assert.Equal(read, ReadOne(new TarBuilder().Add('0', "f", change: h => TarBuilder.Base256(h, 136, 12, written))).ModifiedSeconds);

    [Theory]
    [InlineData("1234567890.123456789", 1234567890, 123456789)]
    [InlineData("1234567890.1", 1234567890, 100000000)]
    [InlineData("1234567890.1234567899999", 1234567890, 123456789)]
    [InlineData("1234567890", 1234567890, 0)]
    [InlineData("-1.5", -2, 500000000)]
    [InlineData("-2", -2, 0)]
    [InlineData("0.000000001", 0, 1)]
    public void Times_of_pax_are_read_to_the_nanosecond(string text, long seconds, int nanoseconds)
    {
        TarEntry entry = ReadOne(new TarBuilder().Pax('x', ("mtime", text)).File("f"));

        Assert.Equal((seconds, nanoseconds), (entry.ModifiedSeconds, entry.ModifiedNanoseconds));
    }

    [Fact]
    public void Records_of_pax_override_the_header_of_one_entry()
    {
        List<(TarEntry Entry, string Data)> entries = Read(new TarBuilder()
            .Pax('x', ("path", "long/päth"), ("uid", "4000000000"), ("gid", "3000000"), ("size", "3"), ("SCHILY.xattr.user.a", "b\0c\n=d"), ("comment", "x"))
            .Add('0', "short", data: null).Raw("abc"u8).Raw(new byte[509])
            .File("next").Build());

        TarEntry entry = entries[0].Entry;
        Assert.Equal(("long/päth", 4000000000u, 3000000u, 3L), (Name(entry), entry.Uid, entry.Gid, entry.Size));
        Assert.Equal("abc", entries[0].Data);
        TarXattr xattr = Assert.Single(entry.Xattrs);
        Assert.Equal(("user.a", "b\0c\n=d"), (Encoding.Latin1.GetString(xattr.Name), Encoding.Latin1.GetString(xattr.Value)));
        Assert.Equal(("next", 0u, 0), (Name(entries[1].Entry), entries[1].Entry.Uid, entries[1].Entry.Xattrs.Count));
    }

    [Fact]
    public void Global_records_count_for_all_that_follow_and_local_ones_go_before()
    {
        List<(TarEntry Entry, string Data)> entries = Read(new TarBuilder()
            .File("before").Pax('g', ("uid", "7"), ("mtime", "99"), ("path", "not-for-all")).File("one").Pax('x', ("uid", "8")).File("two").File("three").Build());

        Assert.Equal([0u, 7u, 8u, 7u], entries.Select(entry => entry.Entry.Uid));
        Assert.Equal([1L, 99L, 99L, 99L], entries.Select(entry => entry.Entry.ModifiedSeconds));
        Assert.Equal(["before", "one", "two", "three"], entries.Select(entry => Name(entry.Entry)));
    }

    [Fact]
    public void An_empty_value_takes_a_record_away() =>
        Assert.Equal("short", Name(ReadOne(new TarBuilder().Pax('x', ("path", "long"), ("path", "")).File("short"))));

    public static TheoryData<string> SparseForms => ["old", "0.0", "0.1", "1.0"];

    [Theory]
    [MemberData(nameof(SparseForms))]
    public void Sparse_files_of_every_form_say_where_their_data_belongs(string form)
    {
        TarBuilder builder = new();
        byte[] data = Encoding.Latin1.GetBytes(new string('a', 512) + new string('b', 512));
        switch (form)
        {
            case "old":
                builder.Add('S', "f", data: data, change: h =>
                {
                    TarBuilder.Text(h, 257, 8, "ustar  \0");
                    Run(h, 386, 1024, 512);
                    Run(h, 410, 4096, 512);
                    Run(h, 434, 10000, 0);
                    TarBuilder.Octal(h, 483, 12, 10000);
                });
                break;
            case "0.0":
                builder.Pax('x', ("GNU.sparse.size", "10000"), ("GNU.sparse.numblocks", "3"),
                    ("GNU.sparse.offset", "1024"), ("GNU.sparse.numbytes", "512"), ("GNU.sparse.offset", "4096"), ("GNU.sparse.numbytes", "512"),
                    ("GNU.sparse.offset", "10000"), ("GNU.sparse.numbytes", "0")).Add('0', "f", data: data);
                break;
            case "0.1":
                builder.Pax('x', ("GNU.sparse.name", "f"), ("GNU.sparse.size", "10000"), ("GNU.sparse.numblocks", "3"),
                    ("GNU.sparse.map", "1024,512,4096,512,10000,0")).Add('0', "GNUSparseFile.1/f", data: data);
                break;
            default:
                byte[] map = new byte[512];
                "3\n1024\n512\n4096\n512\n10000\n0\n"u8.CopyTo(map);
                builder.Pax('x', ("GNU.sparse.name", "f"), ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "10000"))
                    .Add('0', "GNUSparseFile.1/f", data: [.. map, .. data]);
                break;
        }

        (TarEntry entry, string content) = Assert.Single(Read(builder.Build(), 100));

        Assert.Equal("f", Name(entry));
        Assert.Equal(10000, entry.Size);
        Assert.Equal([new SparseRun(1024, 512), new SparseRun(4096, 512), new SparseRun(10000, 0)], entry.Sparse);
        Assert.Equal(Encoding.Latin1.GetString(data), content);
    }

    private static void Run(byte[] header, int at, long offset, long length)
    {
        TarBuilder.Octal(header, at, 12, offset);
        TarBuilder.Octal(header, at + 12, 12, length);
    }

    [Fact]
    public void A_sparse_map_goes_on_in_blocks_of_its_own()
    {
        byte[] extension = new byte[512];
        Run(extension, 0, 8192, 1);
        Run(extension, 24, 9000, 1);

        TarEntry entry = Assert.Single(Read(new TarBuilder()
            .Add('S', "f", change: h =>
            {
                for (int i = 0; i < 4; i++)
                    Run(h, 386 + (24 * i), 1024 * i, 1);
                h[482] = 1;
                TarBuilder.Octal(h, 483, 12, 10000);
                TarBuilder.Octal(h, 124, 12, 6);
            })
            .Raw(extension).Raw("abcdef"u8).Raw(new byte[506]).Build())).Entry;

        Assert.Equal(6, entry.Sparse!.Count);
        Assert.Equal(new SparseRun(9000, 1), entry.Sparse[5]);
    }

    [Fact]
    public void An_archive_may_end_without_its_mark_but_not_within_an_entry()
    {
        byte[] cut = new TarBuilder().File("a", "x").BuildCut();

        Assert.Single(Read(cut));
        Assert.Contains("ends within an entry", Refusal([.. new TarBuilder().File("a", new string('x', 600)).BuildCut()[..1000]]), StringComparison.Ordinal);
        Assert.Contains("ends within a header", Refusal(cut[..300]), StringComparison.Ordinal);
        Assert.Contains("after an extension header", Refusal(new TarBuilder().Pax('x', ("path", "p")).BuildCut()), StringComparison.Ordinal);
        Assert.Empty(Read([]));
    }

    [Fact]
    public void What_follows_the_end_mark_is_refused_unless_it_is_padding()
    {
        Assert.Single(Read([.. new TarBuilder().File("a").Build(), .. new byte[9216]]));
        Assert.Contains("goes on after its end mark", Refusal([.. new byte[512], .. new TarBuilder().File("a").Build()]), StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[], string> Broken => new()
    {
        { "no tar", Encoding.ASCII.GetBytes(new string('z', 2048)), "checksum" },
        { "negative size", new TarBuilder().Add('0', "f", change: h => TarBuilder.Base256(h, 124, 12, -1)).Build(), "entry 'f': it has a negative size" },
        { "size beyond 64 bits", new TarBuilder().Add('0', "f", change: h => h.AsSpan(124, 12).Fill(0xbf)).Build(), "a size that is not one" },
        { "size of letters", new TarBuilder().Add('0', "f", change: h => TarBuilder.Text(h, 124, 12, "abcdefghijk")).Build(), "a size that is not one" },
        { "negative pax size", new TarBuilder().Pax('x', ("size", "-5")).File("f").Build(), "negative size" },
        { "pax size of letters", new TarBuilder().Pax('x', ("size", "1e3")).File("f").Build(), "a size that is not one" },
        { "negative uid", new TarBuilder().Pax('x', ("uid", "-1")).File("f").Build(), "a uid that is not one" },
        { "uid that means none", new TarBuilder().Pax('x', ("uid", "4294967295")).File("f").Build(), "a uid that is not one" },
        { "gid too large", new TarBuilder().Add('0', "f", change: h => TarBuilder.Base256(h, 116, 8, 1L << 40)).Build(), "a gid that is not one" },
        { "time of letters", new TarBuilder().Pax('x', ("mtime", "now")).File("f").Build(), "modification time" },
        { "time with a bad fraction", new TarBuilder().Pax('x', ("mtime", "1.-5")).File("f").Build(), "modification time" },
        { "device number", new TarBuilder().Add('3', "f", change: h => TarBuilder.Base256(h, 329, 8, -1)).Build(), "a device number that is not one" },
        { "unknown type", new TarBuilder().Add('M', "f").Build(), "type 0x4d" },
        { "header bomb", new TarBuilder().Add('x', "f", change: h => TarBuilder.Octal(h, 124, 12, 1L << 32)).Build(), "extension header has 4294967296 bytes" },
        { "long name bomb", new TarBuilder().Add('L', "f", change: h => TarBuilder.Octal(h, 124, 12, 1L << 40)).Build(), "extension header has" },
        { "pax without length", new TarBuilder().Add('x', "f", data: "path=x\n"u8.ToArray()).Build(), "valid length" },
        { "pax length too long", new TarBuilder().Add('x', "f", data: "99 path=x\n"u8.ToArray()).Build(), "valid length" },
        { "pax length too short", new TarBuilder().Add('x', "f", data: "3 path=x\n"u8.ToArray()).Build(), "valid length" },
        { "pax negative length", new TarBuilder().Add('x', "f", data: "-9 path=x\n"u8.ToArray()).Build(), "valid length" },
        { "pax without key", new TarBuilder().Add('x', "f", data: "5 =x\n"u8.ToArray()).Build(), "not key=value" },
        { "pax without line end", new TarBuilder().Add('x', "f", data: "9 path=xy"u8.ToArray()).Build(), "not key=value" },
        { "NUL in a pax path", new TarBuilder().Pax('x', ("path", "a\0b")).File("f").Build(), "NUL" },
        { "xattr without a name", new TarBuilder().Pax('x', ("SCHILY.xattr.", "b")).File("f").Build(), "without a name" },
        { "NUL in an xattr's name", new TarBuilder().Pax('x', ("SCHILY.xattr.user.\0", "b")).File("f").Build(), "without a name" },
        { "sparse runs overlap", Sparse("0,512,256,512", "10000"), "does not fit" },
        { "sparse runs go back", Sparse("4096,512,0,512", "10000"), "does not fit" },
        { "sparse run beyond the end", Sparse("0,512,9999,512", "10000"), "does not fit" },
        { "sparse run overflows", Sparse("0,512,9223372036854775807,512", "9223372036854775807"), "does not fit" },
        { "sparse data missing", Sparse("0,512", "10000"), "covers 512 bytes" },
        { "half a sparse run", Sparse("0,512,600", "10000"), "half a run" },
        { "negative sparse run", Sparse("0,-1,600,1025", "10000"), "not one" },
        { "sparse without size", new TarBuilder().Pax('x', ("GNU.sparse.map", "0,0")).File("f").Build(), "sparse size" },
        { "sparse 1.0 without map", Sparse10("x\n"), "not one" },
        { "sparse 1.0 map bomb", Sparse10("99999999\n"), "announces 99999999 runs" },
        { "sparse 1.0 map without end", Sparse10(new string('0', 512)), "too long" },
        { "sparse 1.0 map over the data", Sparse10("200\n" + string.Concat(Enumerable.Repeat("1\n", 254))), "ends within its sparse map" },
        { "endless old sparse map", new TarBuilder().Add('S', "f", change: h => h[482] = 1).Raw(Extended()).Raw(Extended()).Build(), "empty piece" },
    };

    private static byte[] Sparse(string map, string size) =>
        new TarBuilder().Pax('x', ("GNU.sparse.size", size), ("GNU.sparse.map", map)).Add('0', "f", data: new byte[1024]).Build();

    private static byte[] Sparse10(string map)
    {
        byte[] data = new byte[512];
        Encoding.Latin1.GetBytes(map).CopyTo(data, 0);
        return new TarBuilder().Pax('x', ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "1000")).Add('0', "f", data: data).Build();
    }

    private static byte[] Extended()
    {
        byte[] extension = new byte[512];
        extension[504] = 1;
        return extension;
    }

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_archive_is_refused_with_the_reason(string what, byte[] archive, string reason)
    {
        Assert.NotEmpty(what);
        Assert.Contains(reason, Refusal(archive), StringComparison.Ordinal);
    }

    [Fact]
    public void Extension_headers_in_a_row_and_global_records_are_bounded()
    {
        TarBuilder row = new();
        for (int i = 0; i < 100; i++)
            row.Pax('x', ("path", "p"));
        Assert.Contains("too many extension headers", Refusal(row.File("f").Build()), StringComparison.Ordinal);

        TarBuilder global = new();
        for (int i = 0; i < 20; i++)
            global.Pax('g', ($"key{i}", new string('v', 100_000)));
        Assert.Contains("more than 1 MiB", Refusal(global.File("f").Build()), StringComparison.Ordinal);
    }

    [Fact]
    public void An_old_checksum_of_signed_bytes_is_taken()
    {
        byte[] archive = new TarBuilder().File("f\u00e4").Build();
        int sum = 8 * ' ';
        for (int i = 0; i < 512; i++)
            sum += i is >= 148 and < 156 ? 0 : (sbyte)archive[i];
        TarBuilder.Text(archive, 148, 8, Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ");

        Assert.Equal("f\u00e4", Name(Assert.Single(Read(archive)).Entry));
    }
}
