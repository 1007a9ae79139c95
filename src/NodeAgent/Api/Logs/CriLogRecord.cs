using System.Buffers.Text;
using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Logs;

internal enum LogStream
{
    Stdout,
    Stderr,
}

/// <summary>
/// One line of a container's log file: <c>&lt;RFC3339Nano&gt; stdout|stderr P|F[:…] &lt;text&gt;</c>. P is a piece of a line whose end comes in a later record of the same
/// stream. Source: the kubelet's CRI logging format (design-proposals, kubelet-cri-logging).
/// </summary>
internal readonly ref struct CriLogRecord
{
    /// <summary>More than any record's time, stream and tags take.</summary>
    public const int LongestHeader = 96;

    private CriLogRecord(ReadOnlySpan<byte> time, LogStream stream, bool partial, ReadOnlySpan<byte> text)
    {
        Time = time;
        Stream = stream;
        Partial = partial;
        Text = text;
    }

    public ReadOnlySpan<byte> Time { get; }
    public LogStream Stream { get; }
    public bool Partial { get; }
    public ReadOnlySpan<byte> Text { get; }

    /// <param name="line">Without its newline; the text may be cut off when only the header matters.</param>
    public static bool TryParse(ReadOnlySpan<byte> line, out CriLogRecord record)
    {
        record = default;
        int timeEnd = line.IndexOf((byte)' ');
        if (timeEnd < 20) return false;
        ReadOnlySpan<byte> rest = line[(timeEnd + 1)..];
        LogStream stream;
        if (rest.StartsWith("stdout "u8)) stream = LogStream.Stdout;
        else if (rest.StartsWith("stderr "u8)) stream = LogStream.Stderr;
        else return false;
        rest = rest["stdout ".Length..];
        int tagsEnd = rest.IndexOf((byte)' ');
        ReadOnlySpan<byte> tags = tagsEnd < 0 ? rest : rest[..tagsEnd];
        if (tags.Length == 0 || tags[0] is not ((byte)'P' or (byte)'F') || (tags.Length > 1 && tags[1] != (byte)':')) return false;
        record = new CriLogRecord(line[..timeEnd], stream, tags[0] == (byte)'P', tagsEnd < 0 ? [] : rest[(tagsEnd + 1)..]);
        return true;
    }

    /// <summary>Whether the record is older than <paramref name="since"/>; a time that can't be read is not.</summary>
    public bool IsBefore(DateTimeOffset since)
    {
        // The common form, 2026-01-31T09:30:00.123456789Z, in a format that Utf8Parser knows: seven digits of fraction.
        Span<byte> round = stackalloc byte[28];
        if (Time.Length >= 20 && Time[^1] == (byte)'Z' && Time.Length <= 30)
        {
            round.Fill((byte)'0');
            int digits = Math.Min(Time.Length - 1, 27);
            Time[..digits].CopyTo(round);
            round[19] = (byte)'.';
            round[27] = (byte)'Z';
            if (Utf8Parser.TryParse(round, out DateTimeOffset fast, out int used, 'O') && used == round.Length) return fast < since;
        }
        return Rfc3339.TryParse(Encoding.ASCII.GetString(Time), out DateTimeOffset time) && time < since;
    }
}
