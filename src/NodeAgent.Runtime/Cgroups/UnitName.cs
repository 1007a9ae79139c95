using System.Globalization;
using System.Text;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// Any text as part of a systemd unit's name, see systemd.unit(5), "String Escaping for Inclusion in Unit Names". Other than there a dash stays one:
/// it has a meaning in the names of slices only, and uids are full of them.
/// </summary>
public static class UnitName
{
    public static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length);
        foreach (byte b in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'_' or (byte)':' || (b == (byte)'.' && escaped.Length > 0)) escaped.Append((char)b);
            else escaped.Append(CultureInfo.InvariantCulture, $"\\x{b:x2}");
        }
        return escaped.ToString();
    }

    public static string Unescape(string name)
    {
        List<byte> bytes = new(name.Length);
        for (int i = 0; i < name.Length; i++)
        {
            if (i + 3 < name.Length && name[i] == '\\' && name[i + 1] == 'x'
                && byte.TryParse(name.AsSpan(i + 2, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out byte value))
            {
                bytes.Add(value);
                i += 3;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(name[i].ToString()));
            }
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }
}
