namespace NodeAgent.Images.Layers;

/// <summary>The data runs of a sparse file, in the four forms that GNU tar has written over time.</summary>
internal static class SparseMap
{
    /// <summary>A map of this many runs takes 24 MB of archive: nobody needs more.</summary>
    public const int MaxRuns = 1 << 20;

    private const int OldEntrySize = 24;

    /// <summary>Adds the runs of an old GNU header (4) or of one of its extension blocks (21): pairs of 12-byte numbers, empty ones unused.</summary>
    public static void AddOldRuns(ReadOnlySpan<byte> pairs, List<SparseRun> runs)
    {
        for (; pairs.Length >= OldEntrySize; pairs = pairs[OldEntrySize..])
        {
            if (pairs[0] == 0)
                break;
            if (!TarNumber.TryParseField(pairs[..12], out long offset) || !TarNumber.TryParseField(pairs[12..24], out long length))
                throw new LayerException("its sparse map has a number that is not one");
            Add(runs, offset, length);
        }
    }

    /// <summary>Format 0.0: one record per number.</summary>
    public static List<SparseRun> FromPairs(IReadOnlyList<byte[]> numbers)
    {
        List<SparseRun> runs = [];
        for (int i = 0; i + 1 < numbers.Count; i += 2)
            Add(runs, Decimal(numbers[i]), Decimal(numbers[i + 1]));
        return numbers.Count % 2 == 0 ? runs : throw new LayerException("its sparse map ends in half a run");
    }

    /// <summary>Format 0.1: all numbers in one record, parted by commas.</summary>
    public static List<SparseRun> FromList(ReadOnlySpan<byte> text)
    {
        List<SparseRun> runs = [];
        long? offset = null;
        foreach (Range range in MemoryExtensions.Split(text, (byte)','))
        {
            long number = Decimal(text[range]);
            if (offset is { } start)
                Add(runs, start, number);
            offset = offset is null ? number : null;
        }
        return offset is null ? runs : throw new LayerException("its sparse map ends in half a run");
    }

    /// <summary>
    /// Format 1.0: the map stands before the data, a decimal number per line, the number of runs first, filled up to a whole block.
    /// </summary>
    /// <param name="nextBlock">Reads the next 512 bytes of the entry's data.</param>
    public static List<SparseRun> FromData(Func<byte[]> nextBlock)
    {
        byte[] block = [];
        int position = 0;

        long Number()
        {
            Span<byte> digits = stackalloc byte[20];
            for (int count = 0; ;)
            {
                if (position == block.Length)
                {
                    block = nextBlock();
                    position = 0;
                }
                byte next = block[position++];
                if (next == (byte)'\n')
                    return Decimal(digits[..count]);
                if (count == digits.Length)
                    throw new LayerException("its sparse map has a number that is too long");
                digits[count++] = next;
            }
        }

        List<SparseRun> runs = [];
        long announced = Number();
        if (announced is < 0 or > MaxRuns)
            throw new LayerException($"its sparse map announces {announced} runs");
        for (long i = 0; i < announced; i++)
            Add(runs, Number(), Number());
        return runs;
    }

    /// <summary>Throws unless the runs are in order, inside the file, and as long together as the data that follows.</summary>
    public static void Validate(IReadOnlyList<SparseRun> runs, long size, long dataLength)
    {
        long end = 0;
        long total = 0;
        foreach (SparseRun run in runs)
        {
            if (run.Offset < end || run.Length < 0 || run.Offset > size || run.Length > size - run.Offset)
                throw new LayerException("its sparse map does not fit the file");
            end = run.Offset + run.Length;
            total += run.Length;
        }
        if (total != dataLength)
            throw new LayerException($"its sparse map covers {total} bytes, the archive has {dataLength}");
    }

    private static void Add(List<SparseRun> runs, long offset, long length)
    {
        if (runs.Count == MaxRuns)
            throw new LayerException($"its sparse map has more than {MaxRuns} runs");
        runs.Add(new SparseRun(offset, length));
    }

    private static long Decimal(ReadOnlySpan<byte> text) =>
        TarNumber.TryParseDecimal(text, out long value) && value >= 0
            ? value
            : throw new LayerException("its sparse map has a number that is not one");
}
