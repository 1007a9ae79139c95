using System.Text;

namespace NodeAgent.Images.Library;

/// <summary>The words of an instruction: parted by blanks, which quotes and backslashes keep within a word.</summary>
internal static class ChangeWords
{
    private const int MostPrinted = 200;

    /// <summary>Throws <see cref="FormatException"/> for a quote that does not end.</summary>
    public static List<string> Split(string text)
    {
        List<string> words = [];
        StringBuilder word = new();
        bool within = false;
        char quote = '\0';
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            // Within single quotes a backslash is one.
            if (c == '\\' && quote != '\'' && i + 1 < text.Length)
            {
                word.Append(text[++i]);
                within = true;
            }
            else if (quote != '\0' ? c == quote : c is '"' or '\'')
            {
                quote = quote == '\0' ? c : '\0';
                within = true;
            }
            else if (quote == '\0' && c is ' ' or '\t')
            {
                if (within)
                    words.Add(word.ToString());
                word.Clear();
                within = false;
            }
            else
            {
                word.Append(c);
                within = true;
            }
        }
        if (quote != '\0')
            throw new FormatException($"a {quote} has no end");
        if (within)
            words.Add(word.ToString());
        return words;
    }

    /// <summary>Text for a message: one line, not endless.</summary>
    public static string Printable(string text) =>
        string.Concat((text.Length > MostPrinted ? text[..MostPrinted] + "…" : text).Select(c => char.IsControl(c) ? '?' : c));
}
