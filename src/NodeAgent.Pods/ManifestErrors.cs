using System.Collections.Immutable;

namespace NodeAgent.Pods;

/// <summary>One thing that is wrong in a manifest file.</summary>
/// <param name="Line">1-based; 0 when the fault is not at a place in the text (a file that can't be read).</param>
/// <param name="Column">1-based; 0 likewise.</param>
/// <param name="FieldPath">E.g. <c>spec.containers[0].image</c>; null when no field is meant.</param>
public sealed record ManifestFault(int Line, int Column, string? FieldPath, string Message);

/// <summary>A manifest file that is not in effect, or of which an older version is.</summary>
/// <param name="File">Full path.</param>
/// <param name="Since">When its faults were first seen in this form.</param>
public sealed record FaultyManifest(string File, ImmutableArray<ManifestFault> Faults, DateTimeOffset Since);

/// <summary>The manifest files with faults, ordered by path. Written by the manifest watcher, read by the API; readers take no lock.</summary>
public sealed class ManifestErrors(TimeProvider time)
{
    private readonly Lock _gate = new();
    private volatile Snapshot _current = new([]);

    public ImmutableArray<FaultyManifest> Current => _current.Files;

    /// <summary>Replaces what is known of a file. No faults: the file is fine or gone.</summary>
    /// <returns>Whether anything differed.</returns>
    public bool Set(string file, IReadOnlyList<ManifestFault> faults)
    {
        lock (_gate)
        {
            ImmutableArray<FaultyManifest> files = _current.Files;
            int index = 0;
            while (index < files.Length && string.CompareOrdinal(files[index].File, file) < 0) index++;
            bool known = index < files.Length && files[index].File == file;
            if (known ? files[index].Faults.SequenceEqual(faults) : faults.Count == 0) return false;
            if (known) files = files.RemoveAt(index);
            if (faults.Count > 0) files = files.Insert(index, new FaultyManifest(file, [.. faults], time.GetUtcNow()));
            _current = new Snapshot(files);
            return true;
        }
    }

    private sealed record Snapshot(ImmutableArray<FaultyManifest> Files);
}
