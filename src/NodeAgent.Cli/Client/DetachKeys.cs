namespace NodeAgent.Cli.Client;

/// <summary>
/// Looks for Ctrl-P Ctrl-Q in what is typed, as docker has it. A Ctrl-P is held back until the next key tells whether it was meant for the other end.
/// </summary>
internal sealed class DetachKeys
{
    private const byte CtrlP = 0x10, CtrlQ = 0x11;
    private bool _held;

    /// <summary>Writes what is to be sent to <paramref name="output"/>, which has room for one byte more than came.</summary>
    /// <returns>How many bytes that are, and whether to let go after them.</returns>
    public (int Length, bool Detach) Filter(ReadOnlySpan<byte> typed, Span<byte> output)
    {
        int length = 0;
        foreach (byte key in typed)
        {
            if (_held && key == CtrlQ) return (length, true);
            if (_held) output[length++] = CtrlP;
            _held = key == CtrlP;
            if (!_held) output[length++] = key;
        }
        return (length, false);
    }
}
