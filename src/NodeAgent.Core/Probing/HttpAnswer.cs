using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace NodeAgent.Core.Probing;

/// <summary>
/// Reads an HTTP/1.x response as far as a probe needs it: the status, where it redirects to, and that the body comes, up to <see cref="BodyLimit"/>.
/// Source: RFC 9112. Bytes are fed as they arrive, cut anywhere.
/// <code>
///   status line --> headers --empty line--> body by length | chunks | until the end --> done
///        ^-------------1xx-----|
/// </code>
/// </summary>
public sealed class HttpAnswer
{
    /// <summary>A server may have more to send: so much of it is enough.</summary>
    public const int BodyLimit = 10 * 1024;

    private const int LineLimit = 64 * 1024;
    private const int HeadLimit = 1024 * 1024;

    private readonly MemoryStream _line = new();
    private State _state = State.StatusLine;
    private long _head;
    private long _body;
    private long? _length;
    private long _left;
    private bool _chunked;

    private enum State
    {
        StatusLine,
        Headers,
        Body,
        BodyUntilEnd,
        ChunkSize,
        Chunk,
        ChunkEnd,
        Trailers,
        Done,
    }

    /// <summary>Three digits; 0 while the status line has not come.</summary>
    public int Status { get; private set; }

    /// <summary>Of a redirect, as it was sent.</summary>
    public string? Location { get; private set; }

    /// <summary>Nothing more needs to be read.</summary>
    public bool IsDone => _state == State.Done;

    /// <summary>Takes the next bytes. Throws <see cref="InvalidDataException"/> when this is no HTTP response.</summary>
    public void Feed(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty && !IsDone)
        {
            if (_state is State.Body or State.Chunk or State.BodyUntilEnd)
                data = TakeBody(data);
            else
                data = TakeLine(data);
        }
    }

    /// <summary>The server has closed the connection. Throws <see cref="InvalidDataException"/> when it has not said all it announced.</summary>
    public void End()
    {
        if (_state is State.Done or State.BodyUntilEnd)
        {
            _state = State.Done;
            return;
        }
        throw new InvalidDataException(_state switch
        {
            State.StatusLine when _line.Length == 0 => "the server closed the connection without an answer",
            State.StatusLine or State.Headers => "the server closed the connection in the middle of the header",
            _ => "the server closed the connection in the middle of the body",
        });
    }

    private ReadOnlySpan<byte> TakeBody(ReadOnlySpan<byte> data)
    {
        int taken = _state == State.BodyUntilEnd ? data.Length : (int)Math.Min(_left, data.Length);
        _left -= taken;
        _body += taken;
        if (_body >= BodyLimit)
            _state = State.Done;
        else if (_left == 0 && _state != State.BodyUntilEnd)
            _state = _state == State.Body ? State.Done : State.ChunkEnd;
        return data[taken..];
    }

    private ReadOnlySpan<byte> TakeLine(ReadOnlySpan<byte> data)
    {
        int end = data.IndexOf((byte)'\n');
        ReadOnlySpan<byte> part = end < 0 ? data : data[..end];
        _head += part.Length;
        if (_line.Length + part.Length > LineLimit || _head > HeadLimit)
            throw new InvalidDataException("the server's header is too long");
        if (end < 0)
        {
            _line.Write(part);
            return [];
        }
        if (_line.Length == 0)
        {
            OnLine(Trim(part));
        }
        else
        {
            _line.Write(part);
            byte[] whole = _line.ToArray();
            _line.SetLength(0);
            OnLine(Trim(whole));
        }
        return data[(end + 1)..];
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> line) => line.EndsWith("\r"u8) ? line[..^1] : line;

    private void OnLine(ReadOnlySpan<byte> line)
    {
        switch (_state)
        {
            case State.StatusLine:
                Status = StatusOf(line);
                _state = State.Headers;
                break;
            case State.Headers when line.IsEmpty:
                EndOfHeaders();
                break;
            case State.Headers:
                OnHeader(line);
                break;
            case State.ChunkSize:
                _left = ChunkSizeOf(line);
                _state = _left == 0 ? State.Trailers : State.Chunk;
                break;
            case State.ChunkEnd:
                if (!line.IsEmpty)
                    throw new InvalidDataException("the server's chunked body is malformed");
                _state = State.ChunkSize;
                break;
            case State.Trailers when line.IsEmpty:
                _state = State.Done;
                break;
        }
    }

    private static int StatusOf(ReadOnlySpan<byte> line)
    {
        bool fits = line.Length >= 12 && line.StartsWith("HTTP/1."u8) && line[7] is >= (byte)'0' and <= (byte)'9' && line[8] == ' '
            && (line.Length == 12 || line[12] == ' ');
        if (fits && Utf8Parser.TryParse(line.Slice(9, 3), out int status, out int used) && used == 3 && status >= 100)
            return status;
        string shown = Encoding.Latin1.GetString(line[..Math.Min(line.Length, 40)]);
        throw new InvalidDataException($"malformed HTTP response \"{string.Concat(shown.Select(c => char.IsControl(c) ? '.' : c))}\"");
    }

    private void OnHeader(ReadOnlySpan<byte> line)
    {
        // The rest of an unfolded value: none of those that matter here is ever folded.
        if (line[0] is (byte)' ' or (byte)'\t')
            return;
        int colon = line.IndexOf((byte)':');
        if (colon <= 0)
            throw new InvalidDataException("the server's header is malformed: a line without a name");
        ReadOnlySpan<byte> name = line[..colon];
        if (Is(name, "content-length"u8))
            _length = LengthOf(line[(colon + 1)..]);
        else if (Is(name, "transfer-encoding"u8))
            _chunked = Text(line[(colon + 1)..]).EndsWith("chunked", StringComparison.OrdinalIgnoreCase);
        else if (Is(name, "location"u8))
            Location ??= Text(line[(colon + 1)..]);
    }

    private void EndOfHeaders()
    {
        if (Status is >= 100 and < 200 and not 101)
        {
            (Status, Location, _length, _chunked, _state) = (0, null, null, false, State.StatusLine);
            return;
        }
        bool empty = Status is 101 or 204 or 304 || (!_chunked && _length == 0);
        _left = _length ?? 0;
        _state = empty ? State.Done : _chunked ? State.ChunkSize : _length is null ? State.BodyUntilEnd : State.Body;
    }

    private static long LengthOf(ReadOnlySpan<byte> value) =>
        long.TryParse(Text(value), NumberStyles.None, CultureInfo.InvariantCulture, out long length)
            ? length
            : throw new InvalidDataException("the server's header is malformed: Content-Length is no number");

    private static long ChunkSizeOf(ReadOnlySpan<byte> line)
    {
        int extension = line.IndexOf((byte)';');
        string digits = Text(extension < 0 ? line : line[..extension]);
        return long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long size) && size >= 0
            ? size
            : throw new InvalidDataException("the server's chunked body is malformed");
    }

    private static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lowerCase) =>
        name.Length == lowerCase.Length && Ascii.EqualsIgnoreCase(name, lowerCase);

    private static string Text(ReadOnlySpan<byte> value) => Encoding.Latin1.GetString(value).Trim(' ', '\t');
}
