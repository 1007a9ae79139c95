using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace NodeAgent.Cli.Client;

/// <summary>
/// One request and its answer over a unix socket: HTTP/1.1 (RFC 9112), a connection for each, blocking.
/// Not HttpClient: most of a short command's time went into getting that ready.
/// </summary>
internal sealed class HttpExchange : IDisposable
{
    private const int LongestHead = 64 * 1024;

    private readonly NetworkStream _connection;
    private readonly Dictionary<string, List<string>> _headers = new(StringComparer.OrdinalIgnoreCase);

    private HttpExchange(Socket socket)
    {
        _connection = new NetworkStream(socket, ownsSocket: true);
        Body = Stream.Null;
    }

    public int Code { get; private set; }
    public bool IsSuccess => Code is >= 200 and < 300;

    /// <summary>The answer's content; after 101 (Switching Protocols), the connection itself.</summary>
    public Stream Body { get; private set; }

    /// <exception cref="SocketException">The socket can't be connected.</exception>
    /// <exception cref="IOException">The connection broke, or what came is not HTTP.</exception>
    /// <param name="target">Path and query, escaped.</param>
    /// <param name="content">Sent in chunks; null for a request without content.</param>
    public static HttpExchange Send(string socketPath, string method, string target, IEnumerable<(string Name, string Value)> headers, Stream? content = null)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        var exchange = new HttpExchange(socket);
        try
        {
            exchange.WriteHead(method, target, headers, content is not null);
            exchange.WriteContent(content);
            exchange.ReadHead();
            return exchange;
        }
        catch
        {
            exchange.Dispose();
            throw;
        }
    }

    public IReadOnlyList<string> Header(string name) => _headers.GetValueOrDefault(name) ?? [];

    public string ReadText()
    {
        using var reader = new StreamReader(Body, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    public void Dispose() => _connection.Dispose();

    private void WriteHead(string method, string target, IEnumerable<(string Name, string Value)> headers, bool chunked)
    {
        var head = new StringBuilder().Append(method).Append(' ').Append(target).Append(" HTTP/1.1\r\nHost: podagent\r\n");
        bool upgrade = false;
        foreach ((string name, string value) in headers)
        {
            head.Append(name).Append(": ").Append(value).Append("\r\n");
            upgrade |= name == "Upgrade";
        }
        if (!upgrade) head.Append("Connection: close\r\n");
        if (chunked) head.Append("Transfer-Encoding: chunked\r\n");
        else if (method is "POST" or "PUT") head.Append("Content-Length: 0\r\n");
        _connection.Write(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
    }

    private void WriteContent(Stream? content)
    {
        if (content is null) return;
        byte[] buffer = new byte[128 * 1024];
        try
        {
            while (content.Read(buffer) is var read and > 0)
            {
                _connection.Write(Encoding.ASCII.GetBytes(read.ToString("x", CultureInfo.InvariantCulture) + "\r\n"));
                _connection.Write(buffer, 0, read);
                _connection.Write("\r\n"u8);
            }
            _connection.Write("0\r\n\r\n"u8);
        }
        catch (IOException error) when (error.InnerException is SocketException)
        {
            // A server that refuses answers before it has read everything, and its answer says why.
        }
    }

    private void ReadHead()
    {
        var input = new ReadAheadStream(_connection);
        string[] status = ReadLine(input).Split(' ', 3);
        if (status.Length < 2 || !status[0].StartsWith("HTTP/1.", StringComparison.Ordinal) || !int.TryParse(status[1], CultureInfo.InvariantCulture, out int code))
            throw new IOException("what answers does not speak HTTP");
        Code = code;
        while (ReadLine(input) is { Length: > 0 } line)
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0) throw new IOException($"a header that is none: {line}");
            if (!_headers.TryGetValue(line[..colon], out List<string>? values)) _headers[line[..colon]] = values = [];
            values.Add(line[(colon + 1)..].Trim());
        }
        if (code == 101)
        {
            Body = input;
            return;
        }
        long? length = Header("Content-Length") is [string text] && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes : null;
        bool chunked = Header("Transfer-Encoding").Any(value => value.EndsWith("chunked", StringComparison.OrdinalIgnoreCase));
        Body = code is 204 or 304 ? Stream.Null : new HttpBody(input, chunked, length);
    }

    internal static string ReadLine(Stream input)
    {
        var line = new StringBuilder();
        while (true)
        {
            int value = input.ReadByte();
            if (value < 0) throw new IOException("the connection ended in the middle of an answer");
            if (value == '\n') return line.Length > 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : line.ToString();
            if (line.Length == LongestHead) throw new IOException("a header line that has no end");
            line.Append((char)value);
        }
    }
}
