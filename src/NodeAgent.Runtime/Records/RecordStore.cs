using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Runtime.Records;

/// <summary>
/// The facts the runtime lives by, one folder a pod. Written before the act they speak of, each by a temporary file and a rename, so that a reader sees
/// the old fact or the new one. Under the run folder: gone at a reboot, as the processes are.
/// <code>
/// {run}/pods/{uid}/
///   pod.json                                the pod as admitted, or as its resources were updated last
///   {attempt}/                              one sandbox
///     sandbox.json  shim.sock  hosts  resolv.conf  hostname  shm/
///     {slot}.t  {slot}.s                    exit records, written by the shim
///     containers/{name}.{attempt}.{id}.json
///   .{anything}                             on its way out: renamed first, then deleted
/// </code>
/// What can't be read is reported with its reason and never ends the reader.
/// </summary>
public sealed class RecordStore(StatePaths paths)
{
    public const string PodFile = "pod.json";
    public const string SandboxFile = "sandbox.json";
    public const string ContainersFolder = "containers";
    private const string Temporary = ".tmp";
    private const string Removed = ".removed-";

    internal const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public string SandboxFolder(PodUid uid, int attempt) =>
        $"{paths.PodRecord(uid.Value)}/{attempt.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>Makes the folders and writes both records.</summary>
    public void Begin(SandboxRecord sandbox, Pod pod)
    {
        string folder = SandboxFolder(new PodUid(sandbox.Uid), sandbox.Attempt);
        // One by one: parents made along the way would get the default mode.
        foreach (string made in (string[])[paths.PodRecords, paths.PodRecord(sandbox.Uid), folder, $"{folder}/{ContainersFolder}"])
            Directory.CreateDirectory(made, Private);
        Write(new PodUid(sandbox.Uid), pod);
        Write(sandbox);
    }

    public void Write(PodUid uid, Pod pod) => WriteFile($"{paths.PodRecord(uid.Value)}/{PodFile}", pod, KubernetesJson.Wire.Pod);

    public void Write(SandboxRecord sandbox) =>
        WriteFile($"{SandboxFolder(new PodUid(sandbox.Uid), sandbox.Attempt)}/{SandboxFile}", sandbox, RecordJson.Default.SandboxRecord);

    public void Write(PodUid uid, int sandboxAttempt, ContainerRecord container) =>
        WriteFile(ContainerFile(uid, sandboxAttempt, container.Name, container.Attempt, container.Id), container, RecordJson.Default.ContainerRecord);

    public void RemoveContainer(PodUid uid, int sandboxAttempt, string name, int attempt, string id) =>
        File.Delete(ContainerFile(uid, sandboxAttempt, name, attempt, id));

    /// <summary>Deletes a sandbox's folder; with the last sandbox the pod's folder goes too.</summary>
    public void RemoveSandbox(PodUid uid, int attempt)
    {
        string pod = paths.PodRecord(uid.Value);
        string folder = SandboxFolder(uid, attempt);
        if (Directory.Exists(folder))
        {
            string leaving = $"{pod}/{Removed}{attempt.ToString(CultureInfo.InvariantCulture)}";
            if (Directory.Exists(leaving)) Directory.Delete(leaving, recursive: true);
            Directory.Move(folder, leaving);
            Directory.Delete(leaving, recursive: true);
        }
        if (Directory.Exists(pod) && !Attempts(pod).Any()) Directory.Delete(pod, recursive: true);
    }

    /// <summary>Everything recorded, newest sandbox first in each pod. Folders on their way out are deleted.</summary>
    public IReadOnlyList<RecordedPod> Scan()
    {
        var pods = new List<RecordedPod>();
        if (!Directory.Exists(paths.PodRecords)) return pods;
        foreach (string folder in Directory.EnumerateDirectories(paths.PodRecords).Order(StringComparer.Ordinal))
        {
            foreach (string leaving in Directory.GetDirectories(folder, ".*")) Directory.Delete(leaving, recursive: true);
            int[] attempts = [.. Attempts(folder).OrderDescending()];
            if (attempts.Length == 0)
            {
                Directory.Delete(folder, recursive: true);
                continue;
            }
            var uid = new PodUid(Path.GetFileName(folder));
            pods.Add(new RecordedPod(
                uid,
                Read($"{folder}/{PodFile}", KubernetesJson.Wire.Pod),
                [.. attempts.Select(attempt => ReadSandbox(uid, attempt))]));
        }
        return pods;
    }

    private RecordedSandbox ReadSandbox(PodUid uid, int attempt)
    {
        string folder = SandboxFolder(uid, attempt);
        Recorded<SandboxRecord> sandbox = Read($"{folder}/{SandboxFile}", RecordJson.Default.SandboxRecord);
        var containers = new List<RecordedContainer>();
        if (Directory.Exists($"{folder}/{ContainersFolder}"))
        {
            foreach (string file in Directory.EnumerateFiles($"{folder}/{ContainersFolder}").Order(StringComparer.Ordinal))
            {
                if (ParseContainerFile(Path.GetFileName(file)) is { } name)
                    containers.Add(new RecordedContainer(name.Name, name.Attempt, name.Id, Read(file, RecordJson.Default.ContainerRecord)));
            }
        }
        return new RecordedSandbox(attempt, sandbox, containers);
    }

    /// <summary>Name, attempt and id stand in the file's name too, so that a damaged record still says whose it is.</summary>
    private string ContainerFile(PodUid uid, int sandboxAttempt, string name, int attempt, string id) =>
        $"{SandboxFolder(uid, sandboxAttempt)}/{ContainersFolder}/{name}.{attempt.ToString(CultureInfo.InvariantCulture)}.{id}.json";

    internal static (string Name, int Attempt, string Id)? ParseContainerFile(string file)
    {
        string[] parts = file.Split('.');
        return parts.Length == 4 && parts[3] == "json" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int attempt)
            ? (parts[0], attempt, parts[2])
            : null;
    }

    private static IEnumerable<int> Attempts(string podFolder) =>
        from folder in Directory.EnumerateDirectories(podFolder)
        let attempt = int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : -1
        where attempt >= 0
        select attempt;

    private static void WriteFile<T>(string path, T value, JsonTypeInfo<T> contract)
    {
        string temporary = path + Temporary;
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(value, contract));
        File.Move(temporary, path, overwrite: true);
    }

    private static Recorded<T> Read<T>(string path, JsonTypeInfo<T> contract) where T : class
    {
        try
        {
            T? value = JsonSerializer.Deserialize(File.ReadAllBytes(path), contract);
            return value is null ? new(null, $"{path}: holds null") : new(value, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or NotSupportedException or ArgumentException)
        {
            return new(null, $"{path}: {e.Message}");
        }
    }
}

/// <summary>A record, or why it can't be had.</summary>
public readonly record struct Recorded<T>(T? Value, string? Problem) where T : class;

public sealed record RecordedPod(PodUid Uid, Recorded<Pod> Pod, IReadOnlyList<RecordedSandbox> Sandboxes);

public sealed record RecordedSandbox(int Attempt, Recorded<SandboxRecord> Sandbox, IReadOnlyList<RecordedContainer> Containers);

public sealed record RecordedContainer(string Name, int Attempt, string Id, Recorded<ContainerRecord> Record);
