using System.Globalization;
using System.Text.Json;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands.Images;

/// <summary>
/// Shows how far the layers of an image are: on a terminal a bar for each, drawn again in place; else a line whenever one reaches another state.
/// </summary>
internal sealed class PullDisplay(PodctlIo io)
{
    private const int BarWidth = 30;
    private const int DigestDigits = 12;

    private readonly Dictionary<string, string> _told = new(StringComparer.Ordinal);
    private int _drawn;

    public void Show(JsonElement layers)
    {
        if (io.OutIsTerminal)
            Draw(layers);
        else
            Tell(layers);
        io.Out.Flush();
    }

    private void Draw(JsonElement layers)
    {
        if (_drawn > 0)
            io.Out.Write($"\u001b[{_drawn.ToString(CultureInfo.InvariantCulture)}A");
        _drawn = 0;
        foreach (JsonElement layer in layers.EnumerateArray())
        {
            io.Out.Write($"{ShortDigest(layer)}  {Bar(layer)}\u001b[K\n");
            _drawn++;
        }
    }

    private static string Bar(JsonElement layer)
    {
        string state = layer.GetProperty("state").GetString()!;
        if (state is "Present" or "Done" or "Waiting")
            return Word(state);
        long size = layer.GetProperty("size").GetInt64(), received = layer.GetProperty("received").GetInt64();
        int full = size == 0 ? BarWidth : (int)(received * BarWidth / size);
        string bar = full == BarWidth ? new string('=', BarWidth) : new string('=', full) + ">" + new string(' ', BarWidth - full - 1);
        return $"[{bar}] {ByteSize.Format(received)}/{ByteSize.Format(size)}  {Word(state)}";
    }

    private void Tell(JsonElement layers)
    {
        foreach (JsonElement layer in layers.EnumerateArray())
        {
            string digest = ShortDigest(layer), state = layer.GetProperty("state").GetString()!;
            if (state == "Waiting" || _told.GetValueOrDefault(digest) == state)
                continue;
            _told[digest] = state;
            io.Out.Write($"{digest}: {Word(state)} ({ByteSize.Format(layer.GetProperty("size").GetInt64())})\n");
        }
    }

    private static string Word(string state) => state switch
    {
        "Present" => "was here",
        "Unpacking" => "downloaded",
        _ => state.ToLowerInvariant(),
    };

    private static string ShortDigest(JsonElement layer)
    {
        string digest = layer.GetProperty("digest").GetString()!;
        string digits = digest[(digest.IndexOf(':', StringComparison.Ordinal) + 1)..];
        return digits.Length > DigestDigits ? digits[..DigestDigits] : digits;
    }
}
