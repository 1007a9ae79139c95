using System.Net.Sockets;
using System.Text;
using NodeAgent.Cli.Client;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class HttpExchangeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("http").FullName;

    private string SocketPath => _folder + "/s";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory(DisplayName = "an answer's content is read however its end is told and however it arrives")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\nhello", "hello")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", "")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\n\r\n", "hello")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", "0123456789")]
    public async Task Content(string answer, string content)
    {
        foreach (int piece in new[] { 1, 3, 4096 })
        {
            Task<string> request = ServeAsync(answer, piece);
            Assert.Equal(content, await AskAsync());
            Assert.Equal("GET /x HTTP/1.1\r\nHost: podagent\r\nAccept: */*\r\nConnection: close\r\n\r\n", await request);
        }
    }

    [Theory(DisplayName = "an answer that breaks off or is none is an error, not half an answer")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent")]
    [InlineData("HTTP/1.1 200 OK\r\nno header\r\n\r\n")]
    [InlineData("SSH-2.0-OpenSSH\r\n")]
    [InlineData("")]
    public async Task Broken(string answer)
    {
        Task<string> request = ServeAsync(answer, 4096);
        await Assert.ThrowsAsync<IOException>(AskAsync);
        await request;
    }

    private Task<string> AskAsync() => Task.Factory.StartNew(() =>
    {
        using HttpExchange exchange = HttpExchange.Send(SocketPath, "GET", "/x", [("Accept", "*/*")]);
        return exchange.ReadText();
    }, TaskCreationOptions.LongRunning);

    // Takes one request, answers in pieces of that many bytes, and closes.
    private Task<string> ServeAsync(string answer, int piece)
    {
        File.Delete(SocketPath);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen();
        return Task.Run(async () =>
        {
            using (listener)
            {
                using Socket connection = await listener.AcceptAsync();
                byte[] buffer = new byte[4096];
                int read = await connection.ReceiveAsync(buffer);
                byte[] bytes = Encoding.ASCII.GetBytes(answer);
                for (int at = 0; at < bytes.Length; at += piece) await connection.SendAsync(bytes.AsMemory(at, Math.Min(piece, bytes.Length - at)));
                connection.Shutdown(SocketShutdown.Both);
                return Encoding.ASCII.GetString(buffer, 0, read);
            }
        });
    }
}
