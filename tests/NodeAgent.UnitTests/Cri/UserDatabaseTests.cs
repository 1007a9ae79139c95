using System.Text;
using NodeAgent.Core.Cri;
using Xunit;

namespace NodeAgent.UnitTests.Cri;

public sealed class UserDatabaseTests
{
    private const string Passwd = """
        root:x:0:0:root:/root:/bin/sh
        # a comment
        web:x:1000:1001:Web:/home/web:/bin/sh
        bad:x:minus:1:::
        nohome:x:1002:1002::
        123:x:55:56::/digits:
        web2:x:1000:7::/home/web2:
        """;

    private const string Group = """
        root:x:0:root
        web:x:1001:
        audio:x:29:web,root
        video:x:44:other,web
        twice:x:44:web
        broken
        77:x:78:
        """;

    private static readonly UserDatabase Database = new(Encoding.UTF8.GetBytes(Passwd), Encoding.UTF8.GetBytes(Group));

    [Theory]
    [InlineData("", 0, 0, "0,29", "root", "/root")]
    [InlineData("root", 0, 0, "0,29", "root", "/root")]
    [InlineData("0", 0, 0, "0,29", "root", "/root")]
    [InlineData("web", 1000, 1001, "29,44", "web", "/home/web")]
    [InlineData("1000", 1000, 1001, "29,44", "web", "/home/web")]
    [InlineData("web:audio", 1000, 29, "", "web", "/home/web")]
    [InlineData("web:29", 1000, 29, "", "web", "/home/web")]
    [InlineData("web:4711", 1000, 4711, "", "web", "/home/web")]
    [InlineData("web:", 1000, 1001, "29,44", "web", "/home/web")]
    [InlineData(":audio", 0, 29, "", "root", "/root")]
    [InlineData("4711", 4711, 0, "", null, "/")]
    [InlineData("4711:4712", 4711, 4712, "", null, "/")]
    [InlineData("nohome", 1002, 1002, "", "nohome", "/")]
    [InlineData("123", 55, 56, "", "123", "/digits")]
    [InlineData("web:77", 1000, 78, "", "web", "/home/web")]
    [InlineData("2147483647", int.MaxValue, 0, "", null, "/")]
    public void A_user_is_found_by_name_or_number(string specification, long uid, long gid, string groups, string? name, string home)
    {
        ImageUser user = Database.Lookup(specification);

        Assert.Equal((uint)uid, user.Uid);
        Assert.Equal((uint)gid, user.Gid);
        Assert.Equal(groups, string.Join(',', user.Groups));
        Assert.Equal(name, user.Name);
        Assert.Equal(home, user.Home);
    }

    [Theory]
    [InlineData("nobody", UserLookupFailure.UnknownUser)]
    [InlineData("bad", UserLookupFailure.UnknownUser)]
    [InlineData("web:wheel", UserLookupFailure.UnknownGroup)]
    [InlineData("web:broken", UserLookupFailure.UnknownGroup)]
    [InlineData("2147483648", UserLookupFailure.OutOfRange)]
    [InlineData("99999999999999999999", UserLookupFailure.OutOfRange)]
    [InlineData("-1", UserLookupFailure.OutOfRange)]
    [InlineData("0:-1", UserLookupFailure.OutOfRange)]
    [InlineData("a:b:c", UserLookupFailure.Malformed)]
    [InlineData("ro\0ot", UserLookupFailure.Malformed)]
    public void A_user_that_the_image_does_not_have_is_refused_with_the_reason(string specification, UserLookupFailure failure)
    {
        UserLookupException refused = Assert.Throws<UserLookupException>(() => Database.Lookup(specification));

        Assert.Equal(failure, refused.Failure);
    }

    [Fact]
    public void A_number_of_the_manifest_brings_the_groups_of_the_image()
    {
        Assert.Equal([29u, 44u], Database.Lookup(1000, gid: 5).Groups);
        Assert.Equal(5u, Database.Lookup(1000, gid: 5).Gid);
        Assert.Equal(1001u, Database.Lookup(1000, gid: null).Gid);
        Assert.Equal(0u, Database.Lookup(4711, gid: null).Gid);
    }

    [Fact]
    public void An_image_without_the_files_still_has_root_and_numbers()
    {
        UserDatabase empty = new([], []);

        Assert.Equal(new ImageUser(0, 0, [], null, "/").Uid, empty.Lookup("").Uid);
        Assert.Equal(7u, empty.Lookup("7").Uid);
        Assert.Equal(UserLookupFailure.UnknownUser, Assert.Throws<UserLookupException>(() => empty.Lookup("root")).Failure);
    }

    [Fact]
    public void Files_that_are_no_text_find_nobody_and_do_no_harm()
    {
        byte[] junk = new byte[4096];
        new Random(1).NextBytes(junk);

        Assert.Equal(0u, new UserDatabase(junk, junk).Lookup("0:0").Uid);
    }
}
