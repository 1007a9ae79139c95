using System.Globalization;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// One fault of one manifest file. <see cref="ToString"/> is one line:
/// <c>file:line:column: field.path: what is wrong; what to do</c>, without the parts that are unknown.
/// </summary>
/// <param name="File">The path as the caller gave it.</param>
/// <param name="Line">1-based; 0 when the fault is the whole file's.</param>
/// <param name="Column">1-based, in characters; 0 when unknown.</param>
/// <param name="FieldPath">For example <c>spec.containers[0].image</c>; empty when the fault is no field's.</param>
/// <param name="Reason">What kind of fault it is.</param>
/// <param name="Message">What is wrong; lower case, no full stop.</param>
/// <param name="Remedy">What to do about it; empty when the message says it already.</param>
public sealed record ManifestError(
    string File, int Line, int Column, string FieldPath, ManifestReason Reason, string Message, string Remedy)
{
    public static ManifestError OfFile(string file, ManifestReason reason, string message, string remedy) =>
        new(file, 0, 0, "", reason, message, remedy);

    /// <summary>A folder, FIFO, socket, device or the like carries a manifest's name.</summary>
    /// <param name="kind">In words: <c>directory</c>, <c>FIFO</c>, <c>socket</c>, <c>device</c>.</param>
    public static ManifestError NotARegularFile(string file, string kind) => OfFile(
        file, ManifestReason.NotARegularFile, $"is a {kind}, not a regular file",
        kind == "directory"
            ? "move the manifests in it one level up, sub-folders are not read, or rename the directory"
            : $"remove the {kind} or give it a name that does not end in .yaml, .yml or .json");

    /// <summary>A symbolic link whose target does not exist or loops.</summary>
    public static ManifestError DanglingLink(string file, string target) => OfFile(
        file, ManifestReason.NotARegularFile, $"is a symbolic link to {ManifestText.Quote(target)}, which cannot be followed",
        "make the target exist, or remove the link");

    /// <summary>The file could not be opened or read.</summary>
    /// <param name="why">The system's word for it, e.g. <c>EACCES: permission denied</c>.</param>
    public static ManifestError Unreadable(string file, string why) => OfFile(
        file, ManifestReason.Unreadable, $"cannot be read: {why}",
        "let the agent's user read the file; until then its pods stay as they are");

    /// <summary>The folder of the manifests is missing or cannot be listed; nothing that runs changes.</summary>
    public static ManifestError FolderUnreadable(string folder, string why) => OfFile(
        folder, ManifestReason.Unreadable, $"cannot be listed: {why}", "make it a directory that the agent's user can read; pods stay as they are");

    /// <param name="bytes">The size of the file.</param>
    public static ManifestError TooLarge(string file, long bytes) => OfFile(
        file, ManifestReason.TooLarge,
        string.Create(CultureInfo.InvariantCulture, $"has {bytes} bytes, more than the {ManifestParser.MaxBytes} that are read"),
        "split it into several files");

    public override string ToString()
    {
        string where = Line > 0
            ? string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Math.Max(Column, 1)}")
            : File;
        string path = FieldPath.Length > 0 ? $"{FieldPath}: " : "";
        string remedy = Remedy.Length > 0 ? $"; {Remedy}" : "";
        return $"{where}: {path}{Message}{remedy}";
    }
}

/// <summary>A field that was accepted although it changes nothing here, and why: shown by validation, never an error.</summary>
public sealed record ManifestNote(string File, int Line, int Column, string FieldPath, string Message)
{
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}: {FieldPath}: {Message}");
}
