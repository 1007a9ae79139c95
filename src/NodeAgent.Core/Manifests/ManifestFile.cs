using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// What one file says. <see cref="Pods"/> are defaulted and valid, in the order of the file; a document with a fault adds to
/// <see cref="Errors"/> instead. A file with any error is not applied at all: see <see cref="DesiredPods"/>.
/// </summary>
public sealed record ManifestFile(
    string File, IReadOnlyList<Pod> Pods, IReadOnlyList<ManifestError> Errors, IReadOnlyList<ManifestNote> Notes)
{
    public bool IsValid => Errors.Count == 0;
}
