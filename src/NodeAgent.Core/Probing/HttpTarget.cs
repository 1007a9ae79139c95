using System.Globalization;
using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Probing;

/// <summary>Where an HTTP probe goes.</summary>
/// <param name="Host">A name or an address, without brackets.</param>
/// <param name="PathAndQuery">As it stands in the request line: begins with a slash, escaped.</param>
public sealed record HttpTarget(bool Tls, string Host, int Port, string PathAndQuery)
{
    // Not the caller's to say, as in the field's client: they would contradict what is sent.
    private static readonly string[] Own = ["Content-Length", "Transfer-Encoding", "Trailer", "Connection"];

    public static HttpTarget Of(HttpGetAction action, string host, int port) =>
        new(string.Equals(action.Scheme, UriScheme.Https, StringComparison.OrdinalIgnoreCase), host, port, Escape(action.Path ?? "/"));

    /// <summary>For messages: <c>http://10.0.0.1:8080/healthz</c>.</summary>
    public override string ToString() => $"{(Tls ? "https" : "http")}://{Authority}{PathAndQuery}";

    private string Authority => $"{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>
    /// The request. User-Agent and Accept are given unless the manifest gives them; where it gives them empty they are left out. Its Host header takes the place
    /// of the address. Throws <see cref="InvalidDataException"/> for a header that cannot be sent.
    /// </summary>
    /// <param name="userAgent">Who asks, where the manifest does not say.</param>
    /// <param name="ownHost">False after a redirect to an absolute address: the manifest's Host header belongs to where the probe began.</param>
    public byte[] Request(IReadOnlyList<HttpHeader>? headers, string userAgent, bool ownHost = true)
    {
        headers ??= [];
        StringBuilder text = new(256);
        string host = (ownHost ? Value(headers, "Host") : null) is { Length: > 0 } named ? named : Authority;
        text.Append("GET ").Append(PathAndQuery).Append(" HTTP/1.1\r\nHost: ").Append(Checked("Host", host)).Append("\r\n");
        Default(text, headers, "User-Agent", userAgent);
        Default(text, headers, "Accept", "*/*");
        foreach (HttpHeader header in headers)
        {
            string name = header.Name ?? "", value = header.Value ?? "";
            bool special = Same(name, "User-Agent") || Same(name, "Accept");
            if (Same(name, "Host") || (special && value.Length == 0) || Own.Contains(name, StringComparer.OrdinalIgnoreCase))
                continue;
            text.Append(name).Append(": ").Append(Checked(name, value)).Append("\r\n");
        }
        return Encoding.UTF8.GetBytes(text.Append("Connection: close\r\n\r\n").ToString());
    }

    /// <summary>Where a redirect leads; null when it cannot be understood.</summary>
    /// <param name="location">As the server sent it: absolute, or relative to this.</param>
    public HttpTarget? Follow(string location)
    {
        if (!Uri.TryCreate(ToString(), UriKind.Absolute, out Uri? here) || !Uri.TryCreate(here, location, out Uri? there)
            || there.Scheme is not ("http" or "https"))
            return null;
        return new HttpTarget(there.Scheme == "https", there.DnsSafeHost, there.Port, Escape(there.PathAndQuery));
    }

    /// <summary>Whether a location names its server itself.</summary>
    public static bool IsAbsolute(string location) =>
        location.StartsWith("//", StringComparison.Ordinal) || location.Contains("://", StringComparison.Ordinal);

    public bool SameHost(HttpTarget other) => string.Equals(Host, other.Host, StringComparison.OrdinalIgnoreCase);

    private static void Default(StringBuilder text, IReadOnlyList<HttpHeader> headers, string name, string value)
    {
        if (Value(headers, name) is null)
            text.Append(name).Append(": ").Append(value).Append("\r\n");
    }

    private static string? Value(IReadOnlyList<HttpHeader> headers, string name) => headers.FirstOrDefault(header => Same(header.Name, name)) is { } found ? found.Value ?? "" : null;

    private static bool Same(string? name, string other) => string.Equals(name, other, StringComparison.OrdinalIgnoreCase);

    private static string Checked(string name, string value) => value.Any(c => char.IsControl(c) && c != '\t')
        ? throw new InvalidDataException($"header {name} has a value with control characters")
        : value;

    /// <summary>What has no place in a request line is escaped; escapes that stand there already stay. A fragment is not sent.</summary>
    private static string Escape(string path)
    {
        int fragment = path.IndexOf('#', StringComparison.Ordinal);
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(fragment < 0 ? path : path[..fragment]);
        StringBuilder text = new(bytes.Length + 1);
        if (bytes.IsEmpty || bytes[0] != '/')
            text.Append('/');
        for (int i = 0; i < bytes.Length; i++)
        {
            byte b = bytes[i];
            bool escape = b == '%' && i + 2 < bytes.Length && char.IsAsciiHexDigit((char)bytes[i + 1]) && char.IsAsciiHexDigit((char)bytes[i + 2]);
            if (escape || (b is > 0x20 and < 0x7f && !"%\"<>\\^`{|}".Contains((char)b, StringComparison.Ordinal)))
                text.Append((char)b);
            else
                text.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
        return text.ToString();
    }
}
