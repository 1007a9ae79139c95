using System.Text.Json;
using Microsoft.Extensions.Logging;
using NodeAgent.Api.Logs;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;

namespace NodeAgent.State;

/// <summary>
/// One file for each pod: <c>{folder}/{uid}.json</c>, written beside it and renamed, so that a reader finds the old content or the new. The folder lies in memory
/// and is gone at a reboot, which is why nothing is synchronised to a disk. Thread-safe for different pods; a pod's own worker is the only writer of its file.
/// </summary>
internal sealed partial class KeptPodFiles(StatePaths paths, ILogger<KeptPodFiles> log) : IKeptPods
{
    private const string Suffix = ".json";
    private const string Temporary = ".tmp";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private readonly string _folder = paths.KeptPods;

    public KeptPod? Read(PodUid uid)
    {
        string path = PathOf(uid);
        try
        {
            if (!File.Exists(path))
                return null;
            KeptPod? kept = JsonSerializer.Deserialize(File.ReadAllBytes(path), KubernetesJson.Wire.KeptPod);
            if (kept?.Status is not null)
                return kept;
            Damaged(log, path, "it holds no status");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or NotSupportedException or ArgumentException)
        {
            Damaged(log, path, error.Message);
        }

        return null;
    }

    public IReadOnlyDictionary<string, int> LoggedRuns(PodUid uid, Pod pod)
    {
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        string logs = paths.PodLogs(pod, uid.Value);
        try
        {
            if (!Directory.Exists(logs))
                return last;
            foreach (string folder in Directory.EnumerateDirectories(logs))
            {
                if (LogFiles.Attempts(folder) is [.., int newest])
                    last[Path.GetFileName(folder)] = newest;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Damaged(log, logs, error.Message);
        }

        return last;
    }

    public void Keep(PodUid uid, KeptPod pod)
    {
        string path = PathOf(uid);
        try
        {
            Directory.CreateDirectory(_folder, Private);
            File.WriteAllBytes(path + Temporary, JsonSerializer.SerializeToUtf8Bytes(pod, KubernetesJson.Wire.KeptPod));
            File.Move(path + Temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            NotKept(log, path, error.Message);
        }
    }

    public void Remove(PodUid uid) => Delete(PathOf(uid));

    public void RemoveAllBut(IReadOnlySet<PodUid> wanted)
    {
        if (!Directory.Exists(_folder))
            return;
        foreach (string path in Directory.EnumerateFiles(_folder))
        {
            // Temporary files of an agent that was killed go too.
            bool kept = path.EndsWith(Suffix, StringComparison.Ordinal) && wanted.Contains(new PodUid(Path.GetFileNameWithoutExtension(path)));
            bool beingWritten = path.EndsWith(Suffix + Temporary, StringComparison.Ordinal)
                && wanted.Contains(new PodUid(Path.GetFileName(path)[..^(Suffix.Length + Temporary.Length)]));
            if (!kept && !beingWritten)
                Delete(path);
        }
    }

    private void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing was ever kept.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            NotKept(log, path, error.Message);
        }
    }

    private string PathOf(PodUid uid) => $"{_folder}/{uid.Value}{Suffix}";

    [LoggerMessage(31, LogLevel.Warning, "what was kept of a pod cannot be read and is ignored: {File}: {Why}")]
    private static partial void Damaged(ILogger log, string file, string why);

    [LoggerMessage(32, LogLevel.Warning, "what is to be kept of a pod cannot be written, and a restart of the agent will not know it: {File}: {Why}")]
    private static partial void NotKept(ILogger log, string file, string why);
}
