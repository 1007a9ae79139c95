using System.Text;
using NodeAgent.Core.Probing;
using Xunit;

namespace NodeAgent.UnitTests.Probing;

public sealed class HttpAnswerTests
{
    /// <summary>~ stands for CR LF; what comes after | has been sent and need not be read.</summary>
    [Theory]
    [InlineData("HTTP/1.1 200 OK~Content-Length: 2~~ok|more", 200)]
    [InlineData("HTTP/1.1 200~content-length:0~~", 200)]
    [InlineData("HTTP/1.0 503 Service Unavailable~CONTENT-LENGTH: 3 ~X: y~~abc", 503)]
    [InlineData("HTTP/1.1 204 No Content~~", 204)]
    [InlineData("HTTP/1.1 304 Not Modified~Content-Length: 500~~", 304)]
    [InlineData("HTTP/1.1 103 Early Hints~Link: x~~HTTP/1.1 200 OK~Content-Length: 0~~", 200)]
    [InlineData("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~3;x=y~abc~A~0123456789~0~Trailer: x~~", 200)]
    [InlineData("HTTP/1.1 200 OK~Transfer-Encoding: gzip, chunked~Content-Length: 7~~0~~", 200)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200)]
    [InlineData("HTTP/1.1 101 Switching Protocols~~", 101)]
    public void An_answer_is_done_when_all_it_announced_has_come_however_it_was_cut(string text, int status)
    {
        byte[] bytes = Bytes(text.Split('|')[0]);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            HttpAnswer answer = new();
            answer.Feed(bytes.AsSpan(0, cut));
            Assert.Equal(cut == bytes.Length, answer.IsDone);
            answer.Feed(bytes.AsSpan(cut));
            Assert.True(answer.IsDone);
            Assert.Equal(status, answer.Status);
        }
        HttpAnswer single = new();
        foreach (byte b in bytes) single.Feed([b]);
        Assert.True(single.IsDone);
    }

    [Fact]
    public void A_body_without_a_length_ends_with_the_connection()
    {
        HttpAnswer answer = new();
        answer.Feed(Bytes("HTTP/1.1 200 OK~~some"));
        Assert.False(answer.IsDone);
        answer.End();
        Assert.True(answer.IsDone);
    }

    [Theory]
    [InlineData("Content-Length: 1000000000~~")]
    [InlineData("~")]
    [InlineData("Transfer-Encoding: chunked~~FFFFFFF~")]
    public void Of_a_long_body_the_beginning_is_enough(string rest)
    {
        HttpAnswer answer = new();
        answer.Feed(Bytes("HTTP/1.1 200 OK~" + rest));
        answer.Feed(new byte[HttpAnswer.BodyLimit - 1]);
        Assert.False(answer.IsDone);
        answer.Feed(new byte[1]);
        Assert.True(answer.IsDone);
    }

    [Theory]
    [InlineData("", "without an answer")]
    [InlineData("HTTP/1.1 2", "middle of the header")]
    [InlineData("HTTP/1.1 200 OK~Content-Le", "middle of the header")]
    [InlineData("HTTP/1.1 100 Continue~~", "without an answer")]
    [InlineData("HTTP/1.1 200 OK~Content-Length: 5~~abc", "middle of the body")]
    [InlineData("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~abc", "middle of the body")]
    public void A_connection_that_ends_too_early_is_told(string text, string why)
    {
        HttpAnswer answer = new();
        answer.Feed(Bytes(text));
        Assert.Contains(why, Assert.Throws<InvalidDataException>(answer.End).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH~", "malformed HTTP response \"SSH-2.0-OpenSSH\"")]
    [InlineData("HTTP/2.0 200 OK~", "malformed HTTP response")]
    [InlineData("HTTP/1.1 20 OK~", "malformed HTTP response")]
    [InlineData("HTTP/1.1 2000 OK~", "malformed HTTP response")]
    [InlineData("HTTP/1.1 099 OK~", "malformed HTTP response")]
    [InlineData("\u0015\u0003\u0001~", "malformed HTTP response \"...\"")]
    [InlineData("HTTP/1.1 200 OK~no name~", "without a name")]
    [InlineData("HTTP/1.1 200 OK~Content-Length: many~", "Content-Length is no number")]
    [InlineData("HTTP/1.1 200 OK~Content-Length: -1~", "Content-Length is no number")]
    [InlineData("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~xyz~", "chunked body is malformed")]
    [InlineData("HTTP/1.1 200 OK~Transfer-Encoding: chunked~~1~ab~", "chunked body is malformed")]
    public void What_is_no_answer_is_refused(string text, string why) =>
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => new HttpAnswer().Feed(Bytes(text))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_header_without_end_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => new HttpAnswer().Feed(new byte[70_000]));
        HttpAnswer answer = new();
        answer.Feed(Bytes("HTTP/1.1 200 OK~"));
        byte[] line = Bytes("X: " + new string('y', 1000) + "~");
        Assert.Throws<InvalidDataException>(() =>
        {
            for (int i = 0; i < 2000; i++) answer.Feed(line);
        });
    }

    [Fact]
    public void Where_it_redirects_to_is_known()
    {
        HttpAnswer answer = new();
        answer.Feed(Bytes("HTTP/1.1 302 Found~Location:  /there ~Content-Length: 0~~"));
        Assert.Equal("/there", answer.Location);
    }

    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text.Replace("~", "\r\n", StringComparison.Ordinal));
}
