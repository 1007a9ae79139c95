using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;

namespace NodeAgent.Pods;

/// <summary>
/// From a file's content to the workers' wishes: parses, keeps the last known good, publishes the faults.
/// Called by the manifest watcher's task alone.
/// Invariants: a fault never takes a good pod away; each distinct fault of a file is told once, in the log and as an event, for as long as it stands;
/// before the folder could be listed for the first time nothing is known to be unwanted, so nothing ends.
/// </summary>
public sealed partial class ManifestIntake(string nodeName, string folder, PodWorkers workers, PodStores stores, ILogger<ManifestIntake> log)
{
    private DesiredPods _desired = DesiredPods.Empty(nodeName);
    private bool _listed;
    private bool _changed = true;

    /// <summary>
    /// The folder was listed and no file is faulty: every pod that anybody wants is known. A faulty file may want a pod that nothing but its leavings tells of.
    /// </summary>
    public bool AllIsKnown => _listed && _desired.Errors.All(error => error.Reason == ManifestReason.NameTaken);

    /// <summary>
    /// Files in the order in which they are to be read at the start: who has a pod running keeps its name against one that claims it too.
    /// </summary>
    public IOrderedEnumerable<FolderEntry> InOrderOfClaims(IEnumerable<FolderEntry> entries)
    {
        var running = workers.Sources;
        return entries.OrderBy(entry => running.Contains(folder + "/" + entry.Name) ? 0 : 1).ThenBy(entry => entry.Name, StringComparer.Ordinal);
    }

    public void Take(string path, ReadOnlyMemory<byte> content) => Apply(path, new ManifestEvent.Parsed(ManifestParser.Parse(content, path)));

    public void Refuse(string path, ManifestError error) => Apply(path, new ManifestEvent.Unreadable(error));

    public void Remove(string path)
    {
        Apply(path, ManifestEvent.Removed.Instance);
        TellFaults(path, []);
    }

    /// <summary>The folder was listed, or could not be; then everything stays as it is.</summary>
    /// <param name="problem">Null when it was listed.</param>
    public void FolderListed(string? problem)
    {
        TellFaults(folder, problem is null ? [] : [ManifestError.OfFile(folder, ManifestReason.Unreadable, "the folder of manifests cannot be listed: " + problem,
            "make it a folder that the agent can read; until then the pods stay as they are")]);
        _listed |= problem is null;
    }

    /// <summary>Hands everything that changed to the workers, then to the readers of faults.</summary>
    public void Publish()
    {
        if (!_changed || !_listed)
            return;
        _changed = false;
        var faults = _desired.Errors.GroupBy(error => error.File, StringComparer.Ordinal).ToDictionary(file => file.Key, file => file.ToArray(), StringComparer.Ordinal);
        var unreadable = faults.Where(file => file.Value.Any(error => error.Reason != ManifestReason.NameTaken)).Select(file => file.Key);
        workers.SetWanted(_desired.Pods, unreadable.ToHashSet(StringComparer.Ordinal));
        foreach (string file in _desired.Files)
            TellFaults(file, faults.GetValueOrDefault(file) ?? []);
    }

    private void Apply(string path, ManifestEvent found)
    {
        _desired = _desired.Apply(path, found).Pods;
        _changed = true;
    }

    private void TellFaults(string file, IReadOnlyList<ManifestError> errors)
    {
        ImmutableArray<ManifestFault> faults = [.. errors.Select(FaultOf)];
        if (!stores.Manifests.Set(file, faults))
            return;
        if (errors.Count == 0)
        {
            LogMended(file);
            return;
        }

        foreach (var error in errors)
            LogFault(error);
        string more = errors.Count > 1 ? $" (and {errors.Count - 1} more)" : "";
        var node = new ObjectReference { ApiVersion = "v1", Kind = "Node", Name = nodeName, Uid = nodeName };
        stores.Events.Record(node, EventType.Warning, PodEvents.FailedManifest, errors[0] + more);
        foreach (var pod in _desired.Pods.Where(pod => pod.Source.Name == file))
            stores.Events.Record(pod.Pod, EventType.Warning, PodEvents.FailedManifest, $"the newest version of the manifest is not taken: {errors[0]}{more}");
    }

    private static ManifestFault FaultOf(ManifestError error) => new(
        error.Line, error.Column, error.FieldPath.Length > 0 ? error.FieldPath : null, error.Remedy.Length > 0 ? $"{error.Message}; {error.Remedy}" : error.Message);
}
