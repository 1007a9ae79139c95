using System.Text;
using NodeAgent.Images.Registry;
using Xunit;

namespace NodeAgent.UnitTests.Registries;

public sealed class CredentialFileTests
{
    private static CredentialFile Parse(string json) => CredentialFile.Parse(Encoding.UTF8.GetBytes(json));

    private static string Entry(string key, string user) =>
        $"\"{key}\": {{\"auth\": \"{Convert.ToBase64String(Encoding.UTF8.GetBytes(user + ":pass:word"))}\"}}";

    [Fact]
    public void The_entry_of_a_repository_goes_before_that_of_its_folder_and_that_before_the_hosts()
    {
        CredentialFile file = Parse($"{{\"auths\": {{{Entry("r.example", "host")}, {Entry("r.example/team", "team")}, {Entry("r.example/team/app", "app")}}}}}");

        Assert.Equal("app", file.Find("r.example", "team/app")?.User);
        Assert.Equal("team", file.Find("r.example", "team/other")?.User);
        Assert.Equal("host", file.Find("r.example", "app")?.User);
        Assert.Null(file.Find("r.example:5000", "app"));
    }

    [Theory]
    [InlineData("https://index.docker.io/v1/")]
    [InlineData("docker.io")]
    [InlineData("index.docker.io")]
    [InlineData("https://registry-1.docker.io/v2/")]
    public void Docker_hub_has_many_names(string key) =>
        Assert.Equal("me", Parse($"{{\"auths\": {{{Entry(key, "me")}}}}}").Find("docker.io", "library/busybox")?.User);

    [Fact]
    public void A_password_may_have_colons_and_the_plain_fields_do_as_well()
    {
        Assert.Equal("pass:word", Parse($"{{\"auths\": {{{Entry("r", "me")}}}}}").Find("r", "a")?.Password);
        Assert.Equal("p", Parse("{\"auths\": {\"r\": {\"username\": \"u\", \"password\": \"p\"}}}").Find("r", "a")?.Password);
        Assert.Equal("t", Parse("{\"auths\": {\"r\": {\"identitytoken\": \"t\"}}}").Find("r", "a")?.IdentityToken);
    }

    [Fact]
    public void An_empty_entry_which_a_login_with_a_store_leaves_is_none() =>
        Assert.Null(Parse("{\"auths\": {\"r\": {}}, \"credsStore\": \"secretservice\"}").Find("r", "a"));

    [Fact]
    public void A_helper_of_a_host_goes_before_the_store_for_all()
    {
        CredentialFile file = Parse("{\"credHelpers\": {\"r.example\": \"gcr\"}, \"credsStore\": \"pass\"}");

        Assert.Equal(("gcr", "r.example"), file.HelperFor("r.example", "a/b"));
        Assert.Equal(("pass", "other"), file.HelperFor("other", "a"));
        Assert.Equal(("pass", "https://index.docker.io/v1/"), file.HelperFor("docker.io", "library/a"));
        Assert.Null(Parse("{}").HelperFor("r", "a"));
    }

    [Theory]
    [InlineData("{\"auths\": []}", "docker's format")]
    [InlineData("nothing", "docker's format")]
    public void What_is_not_dockers_format_is_told_with_its_line(string json, string part)
    {
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => Parse(json));

        Assert.Contains(part, refused.Message, StringComparison.Ordinal);
        Assert.Contains("line 1", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("!", "not base64")]
    [InlineData("bm9jb2xvbg==", "not user:password")]
    public void An_entry_that_cannot_be_read_is_named_without_its_secret(string auth, string part)
    {
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => Parse($"{{\"auths\": {{\"r\": {{\"auth\": \"{auth}\"}}}}}}").Find("r", "a"));

        Assert.Contains("auths[r].auth", refused.Message, StringComparison.Ordinal);
        Assert.Contains(part, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Credentials_do_not_print_themselves() =>
        Assert.DoesNotContain("secret", new RegistryCredential("me", "secret", "secret", "secret").ToString(), StringComparison.Ordinal);
}
