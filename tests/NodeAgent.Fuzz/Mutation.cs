namespace NodeAgent.Fuzz;

/// <summary>Byte-level mutations of the usual kinds: flips, interesting values, cuts, repeats, splices of two inputs.</summary>
internal static class Mutation
{
    private const int LongestInput = 64 * 1024;
    private static readonly byte[][] Interesting =
    [
        [0], [0xff], [0x7f], [0x80], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0x7f], [0, 0, 0, 0x80],
        "\n"u8.ToArray(), "\t"u8.ToArray(), ": "u8.ToArray(), "- "u8.ToArray(), "*a"u8.ToArray(), "&a "u8.ToArray(), "{"u8.ToArray(), "["u8.ToArray(),
        "\""u8.ToArray(), "/../"u8.ToArray(), "@sha256:"u8.ToArray(), "99999999999999999999"u8.ToArray(), "-1"u8.ToArray(), "777777777777"u8.ToArray(),
    ];

    public static byte[] Of(IReadOnlyList<byte[]> corpus, Random random)
    {
        List<byte> input = [.. corpus[random.Next(corpus.Count)]];
        for (int steps = 1 + random.Next(8); steps > 0; steps--)
            Step(input, corpus, random);
        return input.Count <= LongestInput ? [.. input] : [.. input.Take(LongestInput)];
    }

    private static void Step(List<byte> input, IReadOnlyList<byte[]> corpus, Random random)
    {
        int at = input.Count == 0 ? 0 : random.Next(input.Count);
        int length = Math.Min(random.Next(1, 64), input.Count - at);
        switch (random.Next(7))
        {
            case 0 when input.Count > 0:
                input[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when input.Count > 0:
                input[at] = (byte)random.Next(256);
                break;
            case 2:
                input.InsertRange(at, Interesting[random.Next(Interesting.Length)]);
                break;
            case 3 when length > 0:
                input.RemoveRange(at, length);
                break;
            case 4 when length > 0:
                input.InsertRange(at, input.GetRange(at, length));
                break;
            case 5:
                byte[] other = corpus[random.Next(corpus.Count)];
                int from = other.Length == 0 ? 0 : random.Next(other.Length);
                input.InsertRange(at, other.AsSpan(from, Math.Min(random.Next(1, 512), other.Length - from)).ToArray());
                break;
            case 6:
                byte[] value = Interesting[random.Next(Interesting.Length)];
                for (int i = 0; i < value.Length && at + i < input.Count; i++)
                    input[at + i] = value[i];
                break;
        }
    }
}
