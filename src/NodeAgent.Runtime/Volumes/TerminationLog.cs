using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Volumes;

/// <summary>
/// The last words of a container: a file of its own mounted at <c>terminationMessagePath</c>; or the end of its log, if the container asked for that, failed and
/// wrote no file.
/// </summary>
public static class TerminationLog
{
    public const string DefaultPath = "/dev/termination-log";
    public const int MaxBytes = 4096;
    private const int MaxLogLines = 80;
    private const int MaxLogBytes = 2048;

    // Whoever the process runs as has to be able to write it.
    private const UnixFileMode OpenToAll = (UnixFileMode)0x1b6; // 0666

    public static void Create(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (File.Open(path, FileMode.Create)) { }
        File.SetUnixFileMode(path, OpenToAll);
    }

    public static void Remove(string path)
    {
        // File.Delete bears a missing file, but not a missing folder.
        if (File.Exists(path)) File.Delete(path);
    }

    /// <summary>Null when there is nothing to say.</summary>
    public static string? Read(string path, string? policy, int exitCode, string logPath)
    {
        string message = ReadHead(path);
        if (message.Length == 0 && exitCode != 0 && policy == TerminationMessagePolicy.FallbackToLogsOnError) message = TailOfLog(logPath);
        return message.Length == 0 ? null : message;
    }

    private static string ReadHead(string path)
    {
        try
        {
            using var handle = File.OpenHandle(path);
            byte[] head = new byte[MaxBytes];
            return Encoding.UTF8.GetString(head, 0, RandomAccess.Read(handle, head, 0));
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>The last 80 lines of the log without time, stream and tag, at most 2048 bytes of them.</summary>
    internal static string TailOfLog(string logPath)
    {
        try
        {
            using var handle = File.OpenHandle(logPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            // A record costs some 45 bytes beyond its text, so this holds what can be shown of lines that are not empty.
            const int window = MaxLogBytes + MaxLogLines * 64;
            long length = RandomAccess.GetLength(handle);
            byte[] tail = new byte[(int)Math.Min(length, window)];
            int read = RandomAccess.Read(handle, tail, length - tail.Length);
            return JoinRecords(tail.AsSpan(0, read), whole: read == length);
        }
        catch (IOException)
        {
            return "";
        }
    }

    internal static string JoinRecords(ReadOnlySpan<byte> records, bool whole)
    {
        string[] lines = Encoding.UTF8.GetString(records).Split('\n');
        var text = new StringBuilder();
        foreach (string record in lines.Skip(whole ? 0 : 1))
        {
            string[] fields = record.Split(' ', 4);
            if (fields.Length < 4) continue;
            text.Append(fields[3]);
            if (fields[2] == "F") text.Append('\n');
        }
        string[] kept = text.ToString().Split('\n');
        int skip = Math.Max(0, kept.Length - 1 - MaxLogLines);
        byte[] bytes = Encoding.UTF8.GetBytes(string.Join('\n', kept.Skip(skip)));
        return Encoding.UTF8.GetString(bytes.AsSpan(Math.Max(0, bytes.Length - MaxLogBytes)));
    }
}
