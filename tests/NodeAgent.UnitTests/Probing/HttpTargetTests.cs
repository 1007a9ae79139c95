using System.Text;
using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;
using Xunit;

namespace NodeAgent.UnitTests.Probing;

public sealed class HttpTargetTests
{
    [Theory]
    [InlineData("/", "/")]
    [InlineData("", "/")]
    [InlineData("healthz", "/healthz")]
    [InlineData("/a b", "/a%20b")]
    [InlineData("/a%20b", "/a%20b")]
    [InlineData("/100%", "/100%25")]
    [InlineData("/q?x=1&y=a b#part", "/q?x=1&y=a%20b")]
    [InlineData("/ü", "/%C3%BC")]
    [InlineData("/a\r\nHost: x", "/a%0D%0AHost:%20x")]
    public void A_path_is_escaped_where_it_has_to_be(string path, string sent) =>
        Assert.Equal(sent, HttpTarget.Of(new HttpGetAction { Path = path }, "10.0.0.1", 80).PathAndQuery);

    [Fact]
    public void What_the_manifest_does_not_say_is_filled_in() => Assert.Equal(
        "GET /ok HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nUser-Agent: agent/1\r\nAccept: */*\r\nConnection: close\r\n\r\n", Request());

    [Fact]
    public void Its_headers_are_sent_and_take_the_place_of_ours()
    {
        string request = Request(("Host", "web.example"), ("user-agent", "mine"), ("ACCEPT", "text/plain"), ("X-A", "1"), ("X-A", "2"));
        Assert.Equal(
            "GET /ok HTTP/1.1\r\nHost: web.example\r\nuser-agent: mine\r\nACCEPT: text/plain\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n", request);
    }

    [Fact]
    public void An_empty_Accept_or_User_Agent_is_left_out_and_other_empty_headers_are_sent() =>
        Assert.Equal("GET /ok HTTP/1.1\r\nHost: 10.0.0.1:8080\r\nX-Empty: \r\nConnection: close\r\n\r\n", Request(("Accept", ""), ("User-Agent", ""), ("X-Empty", "")));

    [Fact]
    public void Headers_that_frame_the_message_are_not_the_manifests_to_write() =>
        Assert.Equal(Request(), Request(("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("Connection", "keep-alive"), ("Trailer", "x")));

    [Theory]
    [InlineData("X-A")]
    [InlineData("Host")]
    public void A_value_with_a_line_break_is_refused(string name) =>
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => Request((name, "a\r\nX-B: b"))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("/other", "http://10.0.0.1:8080/other", true)]
    [InlineData("other?x", "http://10.0.0.1:8080/a/other?x", true)]
    [InlineData("http://10.0.0.1/x", "http://10.0.0.1:80/x", true)]
    [InlineData("https://10.0.0.1/x", "https://10.0.0.1:443/x", true)]
    [InlineData("//10.0.0.1:1/x", "http://10.0.0.1:1/x", true)]
    [InlineData("http://10.0.0.2:8080/x", "http://10.0.0.2:8080/x", false)]
    [InlineData("http://example.com", "http://example.com:80/", false)]
    [InlineData("ftp://10.0.0.1/x", null, false)]
    [InlineData("http://", null, false)]
    public void A_redirect_leads_somewhere(string location, string? there, bool sameHost)
    {
        HttpTarget here = new(Tls: false, "10.0.0.1", 8080, "/a/b");
        HttpTarget? next = here.Follow(location);
        Assert.Equal(there, next?.ToString());
        Assert.Equal(sameHost, next?.SameHost(here) == true);
    }

    [Fact]
    public void IPv6_addresses_stand_in_brackets()
    {
        HttpTarget target = new(Tls: true, "fd00::1", 8443, "/");
        Assert.Equal("https://[fd00::1]:8443/", target.ToString());
        Assert.True(target.Follow("/x")!.SameHost(target));
    }

    private static string Request(params (string Name, string Value)[] headers) => Encoding.UTF8.GetString(
        new HttpTarget(Tls: false, "10.0.0.1", 8080, "/ok").Request([.. headers.Select(h => new HttpHeader { Name = h.Name, Value = h.Value })], "agent/1"));
}
