using System.Collections.Immutable;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// The pods that should run on this node, with the last known good content of every file. Immutable; one loop (the manifest watcher)
/// applies what it finds and hands the changes to the pod workers.
/// <code>
/// file         parsed, no error      parsed with errors / unreadable     removed
/// unknown   -> its pods              nothing, errors                     -
/// good      -> the new pods          the old pods, errors                nothing
/// </code>
/// A file is one unit: while any document of it is faulty, none of its changes apply. Taking the good half would end the pods of the
/// other half, because a document that cannot be read has no name to tell it from one that was taken out.
/// <para>
/// A name belongs to the file that claimed it first; a later file that claims it gets an error, and the name when the first lets go.
/// Order of time is the order of the calls, so at start the files of pods that already run are applied first.
/// </para>
/// <para>Invariant: every name has one owner, and only the owner's pod is in <see cref="Pods"/>.</para>
/// </summary>
public sealed class DesiredPods
{
    private readonly string _node;
    private readonly ImmutableSortedDictionary<string, FileState> _files;
    private readonly ImmutableDictionary<PodName, ImmutableList<string>> _claims;
    private readonly ImmutableSortedDictionary<PodName, DesiredPod> _active;
    private readonly Lazy<IReadOnlyList<ManifestError>> _errors;

    private DesiredPods(
        string node,
        ImmutableSortedDictionary<string, FileState> files,
        ImmutableDictionary<PodName, ImmutableList<string>> claims,
        ImmutableSortedDictionary<PodName, DesiredPod> active)
    {
        _node = node;
        _files = files;
        _claims = claims;
        _active = active;
        _errors = new(CollectErrors);
        Pods = [.. active.Values];
    }

    /// <summary>What a file holds at present: its good pods by name, and the faults of its newest content.</summary>
    private sealed record FileState(ImmutableSortedDictionary<PodName, DesiredPod> Pods, IReadOnlyList<ManifestError> Errors)
    {
        public static FileState Empty { get; } = new(ImmutableSortedDictionary<PodName, DesiredPod>.Empty, []);
    }

    /// <summary>No pods.</summary>
    /// <param name="node">The node's name; it is part of every UID.</param>
    public static DesiredPods Empty(string node) => new(
        node,
        ImmutableSortedDictionary.Create<string, FileState>(StringComparer.Ordinal),
        ImmutableDictionary<PodName, ImmutableList<string>>.Empty,
        ImmutableSortedDictionary<PodName, DesiredPod>.Empty);

    /// <summary>In the order of namespace and name.</summary>
    public IReadOnlyList<DesiredPod> Pods { get; }

    /// <summary>Every file's faults, and the names that a file claims in vain; by file and line.</summary>
    public IReadOnlyList<ManifestError> Errors => _errors.Value;

    /// <summary>The files that have been applied and not removed, those without a single good pod included.</summary>
    public IEnumerable<string> Files => _files.Keys;

    public DesiredPod? Find(PodName name) => _active.GetValueOrDefault(name);

    public DesiredPodsUpdate Apply(string file, ManifestEvent found)
    {
        FileState before = _files.GetValueOrDefault(file) ?? FileState.Empty;
        FileState? after = found switch
        {
            ManifestEvent.Removed => null,
            ManifestEvent.Unreadable unreadable => before with { Errors = [unreadable.Error] },
            ManifestEvent.Parsed { File.IsValid: true } good => new FileState(Identify(file, good.File.Pods), []),
            ManifestEvent.Parsed faulty => before with { Errors = faulty.File.Errors },
            _ => throw new ArgumentOutOfRangeException(nameof(found), found, "an unknown event"),
        };
        ImmutableSortedDictionary<string, FileState> files = after is null ? _files.Remove(file) : _files.SetItem(file, after);
        ImmutableSortedDictionary<PodName, DesiredPod> newPods = (after ?? FileState.Empty).Pods;

        var claims = _claims.ToBuilder();
        var active = _active.ToBuilder();
        var changes = new List<DesiredPodChange>();
        foreach (PodName name in before.Pods.Keys.Union(newPods.Keys).Order())
        {
            ImmutableList<string> claimants = claims.GetValueOrDefault(name) ?? [];
            bool had = claimants.Contains(file, StringComparer.Ordinal);
            bool has = newPods.ContainsKey(name);
            if (had && !has) claimants = claimants.Remove(file, StringComparer.Ordinal);
            if (!had && has) claimants = claimants.Add(file);
            if (claimants.IsEmpty) claims.Remove(name);
            else claims[name] = claimants;

            DesiredPod? was = _active.GetValueOrDefault(name);
            DesiredPod? now = claimants.IsEmpty ? null : files[claimants[0]].Pods[name];
            if (Equals(was, now)) continue;
            if (now is null) active.Remove(name);
            else active[name] = now;
            changes.Add(new DesiredPodChange(name, was, now));
        }
        var result = new DesiredPods(_node, files, claims.ToImmutable(), active.ToImmutable());
        return new DesiredPodsUpdate(result, changes);
    }

    private ImmutableSortedDictionary<PodName, DesiredPod> Identify(string file, IReadOnlyList<Pod> written)
    {
        var pods = ImmutableSortedDictionary.CreateBuilder<PodName, DesiredPod>();
        PodSource source = PodSource.OfFile(file);
        foreach (Pod pod in written)
        {
            string uid = PodIdentity.Uid(_node, file, pod);
            pods[PodName.Of(pod)] = new DesiredPod(Complete(pod, uid, source), uid, source);
        }
        return pods.ToImmutable();
    }

    /// <summary>Fills in what an API server and a scheduler would have, with the annotations that the kubelet gives to static pods.</summary>
    private Pod Complete(Pod pod, string uid, PodSource source)
    {
        var annotations = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string key, string value) in pod.Metadata!.Annotations ?? ImmutableDictionary<string, string>.Empty) annotations[key] = value;
        annotations["kubernetes.io/config.source"] = source.Annotation;
        annotations["kubernetes.io/config.hash"] = uid;
        return pod with
        {
            Metadata = pod.Metadata with
            {
                Uid = uid,
                Annotations = annotations,
                ResourceVersion = null,
                Generation = 1,
                SelfLink = null,
                CreationTimestamp = null,
                DeletionTimestamp = null,
                DeletionGracePeriodSeconds = null,
                ManagedFields = null,
            },
            Spec = pod.Spec! with { NodeName = _node },
        };
    }

    private IReadOnlyList<ManifestError> CollectErrors()
    {
        var errors = new List<ManifestError>();
        foreach ((string file, FileState state) in _files)
        {
            errors.AddRange(state.Errors);
            foreach (PodName name in state.Pods.Keys)
            {
                string owner = _claims[name][0];
                if (owner == file) continue;
                errors.Add(new ManifestError(file, 0, 0, "metadata.name", ManifestReason.NameTaken,
                    $"the pod {name} is already defined by {owner}", "rename one of the two, or remove one; until then the first one runs"));
            }
        }
        return errors;
    }
}
