using System.Buffers;

namespace NodeAgent.Api.Logs;

/// <summary>
/// Turns records into the text that the container wrote. Lines written in pieces come out whole: while a line of one stream is open, records of the
/// other are held back until it ends. <see cref="Release"/> lets them go when nothing more is there to read, as a terminal would show them.
/// </summary>
internal sealed class LogText(IBufferWriter<byte> output, LogQuery query)
{
    private const int MostHeldBytes = 1 << 20;

    private readonly List<Held> _held = [];
    private readonly bool[] _insideLine = new bool[2];
    private int _heldBytes;
    private LogStream? _open;

    /// <summary>Bytes written so far.</summary>
    public long Written { get; private set; }

    /// <summary>Whether <see cref="LogQuery.LimitBytes"/> is used up.</summary>
    public bool Full => Written >= query.LimitBytes;

    public void Add(in CriLogRecord record)
    {
        if (query.Stream is { } only && record.Stream != only) return;
        if (query.Since is { } since && record.IsBefore(since)) return;
        if (_open is { } open && open != record.Stream)
        {
            _held.Add(new Held(record.Stream, record.Partial, record.Time.ToArray(), record.Text.ToArray()));
            _heldBytes += record.Text.Length;
            if (_heldBytes > MostHeldBytes) Release();
            return;
        }
        Write(record.Stream, record.Partial, record.Time, record.Text);
        if (_open is null && _held.Count > 0) AddHeld();
    }

    /// <summary>Writes what was held back, between the pieces of the line that is still open.</summary>
    public void Release()
    {
        foreach (Held held in _held) Write(held.Stream, held.Partial, held.Time, held.Text);
        _held.Clear();
        _heldBytes = 0;
    }

    private void AddHeld()
    {
        Held[] held = [.. _held];
        _held.Clear();
        _heldBytes = 0;
        foreach (Held record in held)
        {
            if (_open is { } open && open != record.Stream)
            {
                _held.Add(record);
                _heldBytes += record.Text.Length;
            }
            else
            {
                Write(record.Stream, record.Partial, record.Time, record.Text);
            }
        }
        if (_open is null && _held.Count > 0) AddHeld();
    }

    private void Write(LogStream stream, bool partial, ReadOnlySpan<byte> time, ReadOnlySpan<byte> text)
    {
        if (query.Timestamps && !_insideLine[(int)stream])
        {
            Put(time);
            Put(" "u8);
        }
        Put(text);
        if (!partial) Put("\n"u8);
        _insideLine[(int)stream] = partial;
        if (partial) _open = stream;
        else if (_open == stream) _open = null;
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        if (query.LimitBytes is { } limit && Written + bytes.Length > limit) bytes = bytes[..(int)(limit - Written)];
        output.Write(bytes);
        Written += bytes.Length;
    }

    private sealed record Held(LogStream Stream, bool Partial, byte[] Time, byte[] Text);
}
