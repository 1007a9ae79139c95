using NodeAgent.Images.References;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>A tree with everything that a filesystem can hold, packed by GNU tar, unpacked by us and by others, compared name by name.</summary>
public sealed class UnpackAsOthersDoTests : IDisposable
{
    private readonly Unpacking _unpacking = new();
    private readonly string _tree;

    public UnpackAsOthersDoTests()
    {
        Assert.SkipUnless(Tool.Exists("setfattr") && Tool.Exists("setcap"), "needs attr and libcap2-bin");
        _tree = MakeTree(_unpacking.Folder["tree"]);
    }

    public void Dispose() => _unpacking.Dispose();

    private static string MakeTree(string tree)
    {
        string longName = new('n', 200);
        string deep = string.Join('/', Enumerable.Repeat("deeper-and-deeper", 30));
        Tool.Shell($$"""
            mkdir -p {{tree}}/bin {{tree}}/etc {{tree}}/dev {{tree}}/tmp {{tree}}/locked {{tree}}/{{deep}} {{tree}}/odd
            cd {{tree}}
            chmod 1777 tmp; chmod 2755 etc; chown 5:6 etc; chown 12345:54321 .; chmod 751 .
            head -c 100000 /dev/urandom > bin/tool; chmod 4755 bin/tool; chown 7:8 bin/tool
            cp bin/tool bin/capable; chmod 755 bin/capable; chown 3:4 bin/capable; setcap cap_net_bind_service,cap_net_raw=ep bin/capable
            ln bin/tool bin/link1; ln bin/tool etc/link2
            ln -s ../bin/tool etc/relative; ln -s /etc/passwd etc/absolute; ln -s nowhere dangling; chown -h 9:10 dangling
            ln etc/relative etc/relative2
            mkfifo -m 620 tmp/fifo
            mknod dev/null c 1 3; chmod 666 dev/null; mknod dev/loop b 7 1; mknod dev/big c 511 1048575; chown 1:6 dev/loop
            setfattr -n user.text -v hello etc; setfattr -n user.binary -v 0x00ff0a3d00 bin/tool
            setfattr -h -n trusted.on-link -v x etc/relative; setfattr -n trusted.on-dir -v y tmp
            truncate -s 10M odd/hole; printf data | dd of=odd/hole bs=1 seek=5000000 conv=notrunc status=none
            truncate -s 1M odd/only-hole
            for i in $(seq 1 60); do printf x | dd of=odd/many-holes bs=1 seek=$((i*20000)) conv=notrunc status=none; done
            : > odd/empty; printf 'a\nb' > 'odd/with space and
            newline'; : > "$(printf 'odd/\303\244\377latin')"
            : > odd/{{longName}}; ln -s {{longName}} odd/long-link; ln odd/{{longName}} odd/long-hard
            : > {{deep}}/leaf
            touch -d '1969-12-31T23:00:00.25Z' odd/before-1970; touch -h -d '2001-02-03T04:05:06.123456789Z' etc/relative
            touch -d '2030-01-01T00:00:00.000000001Z' bin/capable; touch -d '2002-02-02T02:02:02.2Z' bin etc tmp locked odd .
            chmod 000 locked
            """);
        return tree;
    }

    [Theory]
    [InlineData("--format=posix", true)]
    [InlineData("--format=posix --sparse", true)]
    [InlineData("--format=posix --sparse --sparse-version=0.0", true)]
    [InlineData("--format=posix --sparse --sparse-version=0.1", true)]
    [InlineData("--format=gnu --sparse", false)]
    [InlineData("--format=gnu", false)]
    public void A_tree_is_the_same_after_packing_and_unpacking(string format, bool exact)
    {
        string archive = _unpacking.Folder["tree.tar"];
        string attributes = exact ? "--xattrs --xattrs-include='*'" : "";
        Tool.Shell($"tar -C {_tree} {format} {attributes} --numeric-owner -cf {archive} .");
        byte[] blob = File.ReadAllBytes(archive);

        string layer = _unpacking.Add(blob);

        // GNU's own format has neither attributes nor parts of a second: there GNU tar is the judge.
        string reference = _tree;
        if (!exact)
        {
            reference = Directory.CreateDirectory(_unpacking.Folder["reference"]).FullName;
            Tool.Shell($"tar -C {reference} --numeric-owner -xpf {archive}");
        }
        if (exact)
        {
            // The listing sees what it is there to see.
            string listing = TreeListing.Of(layer);
            Assert.Contains("security.capability=0x", listing, StringComparison.Ordinal);
            Assert.Contains("user.binary=0x00ff0a3d00", listing, StringComparison.Ordinal);
            Assert.Contains("981173106.1234567890", listing, StringComparison.Ordinal);
            Assert.Contains("./dev/big 1ff:fffff", listing, StringComparison.Ordinal);
        }
        bool sparse = format.Contains("--sparse", StringComparison.Ordinal);
        Assert.Equal(TreeListing.Of(reference), TreeListing.Of(layer));
        if (sparse)
            Assert.True(Blocks(layer) <= Blocks(_tree), "holes have become blocks");
    }

    private static long Blocks(string tree) =>
        Tool.Shell($"find {tree}/odd -type f -printf '%b\\n'").Split('\n', StringSplitOptions.RemoveEmptyEntries).Sum(long.Parse);

    [Theory]
    [InlineData("gzip -1")]
    [InlineData("gzip -9n")]
    [InlineData("zstd -q -3")]
    [InlineData("zstd -q -19 --long=27")]
    [InlineData("cat")]
    public void Every_compression_gives_the_same_tree(string pack)
    {
        string archive = _unpacking.Folder["tree.tar"];
        Tool.Shell($"tar -C {_tree} --format=posix --xattrs --xattrs-include='*' --numeric-owner -cf {archive} .; {pack} < {archive} > {archive}.packed");

        string layer = _unpacking.Add(File.ReadAllBytes(archive + ".packed"), Digest.OfSha256(File.ReadAllBytes(archive)));

        Assert.Equal(TreeListing.Of(_tree), TreeListing.Of(layer));
    }

    [Theory]
    [InlineData("gzip -1")]
    [InlineData("zstd -q -3")]
    public void Several_compressed_pieces_one_after_the_other_are_one_archive(string pack)
    {
        string archive = _unpacking.Folder["tree.tar"];
        Tool.Shell($"""
            tar -C {_tree} --format=posix --xattrs --xattrs-include='*' --numeric-owner -cf {archive} .
            head -c 70000 {archive} | {pack} > {archive}.packed
            tail -c +70001 {archive} | {pack} >> {archive}.packed
            """);

        string layer = _unpacking.Add(File.ReadAllBytes(archive + ".packed"), Digest.OfSha256(File.ReadAllBytes(archive)));

        Assert.Equal(TreeListing.Of(_tree), TreeListing.Of(layer));
    }

    [Fact]
    public void A_layer_that_umoci_makes_is_what_umoci_unpacks()
    {
        Assert.SkipUnless(Tool.Exists("umoci"), "needs umoci");
        string layout = _unpacking.Folder["layout"];
        string bundle = _unpacking.Folder["bundle"];
        string reference = _unpacking.Folder["reference"];
        Tool.Shell($"""
            umoci init --layout {layout}; umoci new --image {layout}:t
            umoci unpack --image {layout}:t {bundle} 2>/dev/null
            cp -a {_tree}/. {bundle}/rootfs/
            umoci repack --image {layout}:t {bundle} 2>/dev/null
            umoci gc --layout {layout}
            umoci unpack --image {layout}:t {reference} 2>/dev/null
            """);
        string manifest = LayoutFile.Manifest(layout);
        (string blob, string diffId) = LayoutFile.FirstLayer(layout, manifest);

        string layer = _unpacking.Add(File.ReadAllBytes(blob), Digest.Parse(diffId));

        Assert.Equal(TreeListing.Of($"{reference}/rootfs"), TreeListing.Of(layer));
    }
}
