namespace NodeAgent.Cli.Doctor;

internal enum FindingLevel
{
    Ok,

    /// <summary>Pods run, with something less than they ask for.</summary>
    Warning,

    /// <summary>Pods can't run, or not be looked after.</summary>
    Error,
}

/// <param name="Subject">What was looked at, in a word or two.</param>
/// <param name="Remedy">What to do; null for what is fine.</param>
internal sealed record Finding(FindingLevel Level, string Subject, string Text, string? Remedy = null)
{
    public static Finding Ok(string subject, string text) => new(FindingLevel.Ok, subject, text);

    public string Line(bool colour)
    {
        (string word, string code) = Level switch
        {
            FindingLevel.Ok => ("ok     ", "32"),
            FindingLevel.Warning => ("warning", "33"),
            _ => ("error  ", "31"),
        };
        return (colour ? $"\u001b[{code}m{word}\u001b[0m" : word) + $"  {Subject}: {Text}" + (Remedy is null ? "" : $"; {Remedy}");
    }
}
