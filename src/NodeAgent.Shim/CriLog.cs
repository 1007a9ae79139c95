namespace NodeAgent.Shim;

/// <summary>
/// The log format of the CRI, one record a line: <c>2026-01-31T12:00:00.123456789Z stdout F text</c>. F ends a line of the payload; P says that
/// the line goes on in the stream's next record (it is longer than <see cref="ShimAbi.MaxLogLine"/>) or that the stream ended without a newline.
/// The time is that of the read which completed the line. https://github.com/kubernetes/cri-api, and kubelet's pkg/kubelet/kuberuntime/logs.
/// A log that cannot be written loses whole records, which are counted; the payload is never held up.
/// </summary>
internal static unsafe class CriLog
{
    /// <summary>"2026-01-31T12:00:00.123456789Z stdout F ": five words of eight bytes.</summary>
    private const int PrefixLength = 40;
    private const int TagOffset = 38;

    private static long _second;
    private static int _length;
    private static Slot* _slot;

    /// <summary>Writes the records that are complete.</summary>
    /// <param name="slot">Whose output it is.</param>
    /// <param name="isError">stderr.</param>
    /// <param name="text">What has been read.</param>
    /// <param name="length">Its length.</param>
    /// <param name="searched">How far there is no newline for certain.</param>
    /// <returns>Bytes used; the rest is the beginning of a line, at most <see cref="ShimAbi.MaxLogLine"/> long.</returns>
    public static int Append(Slot* slot, bool isError, byte* text, int length, int searched)
    {
        if (slot->LogFd < 0)
            return length;
        byte* prefix = stackalloc byte[PrefixLength];
        Prefix(prefix, isError);
        Begin(slot);
        int at = 0;
        while (at < length)
        {
            int newline = Memory.FindNewline(text, at > searched ? at : searched, length);
            while (newline - at > ShimAbi.MaxLogLine)
            {
                Record(prefix, (byte)'P', text + at, ShimAbi.MaxLogLine);
                at += ShimAbi.MaxLogLine;
            }

            if (newline == length)
                break;
            Record(prefix, (byte)'F', text + at, newline - at);
            at = newline + 1;
        }

        Flush();
        return at;
    }

    /// <summary>Writes a line that has no end.</summary>
    public static void AppendPartial(Slot* slot, bool isError, byte* text, int length)
    {
        if (slot->LogFd < 0)
            return;
        byte* prefix = stackalloc byte[PrefixLength];
        Prefix(prefix, isError);
        Begin(slot);
        Record(prefix, (byte)'P', text, length);
        Flush();
    }

    /// <summary>
    /// Tells subscribers, once a file, that the log has crossed its limit. Only between records: it may close a connection, and with that
    /// end other slots and write their last lines.
    /// </summary>
    public static void AnnounceIfFull(Slot* slot)
    {
        if (slot->LogLimit == 0 || slot->LogBytes < slot->LogLimit || slot->LogFullSent)
            return;
        slot->LogFullSent = true;
        Connections.NotifyLogFull(slot);
    }

    private static void Begin(Slot* slot)
    {
        _slot = slot;
        _length = 0;
    }

    private static void Record(byte* prefix, byte tag, byte* text, int length)
    {
        if (_length + PrefixLength + length + 1 > Scratch.OutputBytes)
            Flush();
        byte* to = Scratch.Output + _length;
        Memory.Copy(to, prefix, PrefixLength);
        to[TagOffset] = tag;
        Memory.Copy(to + PrefixLength, text, length);
        to[PrefixLength + length] = (byte)'\n';
        _length += PrefixLength + length + 1;
    }

    private static void Flush()
    {
        byte* from = Scratch.Output;
        int written = 0;
        while (written < _length)
        {
            long result = Kernel.Write(_slot->LogFd, from + written, _length - written);
            if (result <= 0)
                break;
            written += (int)result;
        }

        _slot->LogBytes += (ulong)written;
        if (written < _length)
            Drop(from, written);
        _length = 0;
    }

    /// <summary>Counts the records that are lost, and cuts a record off that was written in part, so that the file stays well-formed.</summary>
    private static void Drop(byte* from, int written)
    {
        int cut = 0;
        while (cut < written && from[written - 1 - cut] != '\n')
            cut++;
        ulong size = cut > 0 ? Kernel.FileSize(_slot->LogFd) : 0;
        if (size >= (ulong)cut && cut > 0 && Kernel.Call(NR.ftruncate, _slot->LogFd, (long)(size - (ulong)cut)) >= 0)
            _slot->LogBytes -= (ulong)cut;
        ulong lost = 0;
        for (int i = written - cut; i < _length; i++)
            lost += from[i] == '\n' ? 1u : 0u;
        _slot->DroppedRecords += lost;
        Connections.DroppedLogRecords += lost;
    }

    /// <summary>The time in RFC 3339, UTC, with nine digits; the stream; room for the tag. The civil date is computed once a second at most.</summary>
    private static void Prefix(byte* to, bool isError)
    {
        Timespec now;
        Kernel.Call(NR.clock_gettime, Kernel.CLOCK_REALTIME, (long)&now);
        byte* cached = Scratch.Stamp;
        if (now.Seconds != _second || cached[0] == 0)
        {
            _second = now.Seconds;
            Civil(cached, now.Seconds);
        }

        Memory.Copy(to, cached, 20);
        Memory.Digits(to + 20, (ulong)now.Nanoseconds, 9);
        Memory.Copy(to + 29, isError ? Memory.Literal("Z stderr F "u8) : Memory.Literal("Z stdout F "u8), PrefixLength - 29);
    }

    /// <summary>
    /// "2026-01-31T12:00:00." from seconds since 1970, in the proleptic Gregorian calendar: years begin in March, so that the leap day is the
    /// last of its year, and 400 years have 146097 days.
    /// </summary>
    private static void Civil(byte* to, long seconds)
    {
        ulong day = (ulong)(seconds / 86400) + 719468;
        ulong second = (ulong)(seconds % 86400);
        ulong era = day / 146097;
        ulong dayOfEra = day % 146097;
        ulong yearOfEra = (dayOfEra - (dayOfEra / 1460) + (dayOfEra / 36524) - (dayOfEra / 146096)) / 365;
        ulong dayOfYear = dayOfEra - ((365 * yearOfEra) + (yearOfEra / 4) - (yearOfEra / 100));
        ulong shifted = ((5 * dayOfYear) + 2) / 153;
        ulong month = shifted < 10 ? shifted + 3 : shifted - 9;
        Memory.Digits(to, yearOfEra + (era * 400) + (month <= 2 ? 1u : 0u), 4);
        Memory.Digits(to + 5, month, 2);
        Memory.Digits(to + 8, dayOfYear - (((153 * shifted) + 2) / 5) + 1, 2);
        Memory.Digits(to + 11, second / 3600, 2);
        Memory.Digits(to + 14, second / 60 % 60, 2);
        Memory.Digits(to + 17, second % 60, 2);
        to[4] = to[7] = (byte)'-';
        to[10] = (byte)'T';
        to[13] = to[16] = (byte)':';
        to[19] = (byte)'.';
    }
}
