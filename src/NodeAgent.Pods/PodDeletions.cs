using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Planning;

namespace NodeAgent.Pods;

/// <summary>The pod cannot be deleted by name; the message names the file that stands in the way and what to do.</summary>
public sealed class PodDeletionRefusedException(WithdrawalRefusal reason, string message) : Exception(message)
{
    public WithdrawalRefusal Reason { get; } = reason;
}

/// <summary>
/// Deletes a pod because a client says so. A pod is wanted as long as its manifest is in the folder, so the manifest goes with it:
/// 1. its file is read, and it is decided what has to become of it (<see cref="WithdrawalDecision"/>); a refusal ends this, and nothing has changed;
/// 2. the file leaves the folder, durably: nothing is killed before it is certain that no start of the agent or of the machine brings the pod back;
/// 3. the watcher forgets the file at once, and the pod's worker is told, in one step: no listing in between can want the pod again.
/// An agent that dies between 2 and 3 ends the pod at its next start, as nobody wants it then, with the pod's own grace.
/// Callers: the API, from any thread. A second deletion of a pod that is ending finds no file and can only shorten the grace.
/// </summary>
public sealed partial class PodDeletions(
    string nodeName, IManifestFolder folder, ManifestWatcher watcher, PodWorkers workers, SteadyClock clock, ILogger<PodDeletions> log)
{
    /// <param name="grace">Zero kills at once; null takes the pod's own.</param>
    /// <param name="dryRun">Decide only.</param>
    /// <returns>The deletion that is in force; null when there is no such pod.</returns>
    /// <exception cref="PodDeletionRefusedException">Its manifest cannot go; nothing has changed.</exception>
    /// <exception cref="IOException">The file could not be removed; nothing has changed.</exception>
    public async Task<PodDeletion?> DeleteAsync(PodUid uid, TimeSpan? grace, bool dryRun, CancellationToken cancellationToken)
    {
        if (workers.Find(uid) is not { } desire)
            return null;
        var pod = PodName.Of(desire.Pod);
        string? file = NameInFolder(desire.Source);
        var read = file is null ? null : folder.Read(file);
        var decision = WithdrawalDecision.Decide(nodeName, desire.Source, ContentOf(desire.Source, read), pod, uid, desire.Deletion is not null);
        if (decision is Withdrawal.Refused refused)
            throw new PodDeletionRefusedException(refused.Reason, $"pod {pod} cannot be deleted: {refused.Message}");
        if (dryRun)
            return InForce(desire.Deletion, new PodDeletion(clock.Now, grace ?? PodDeletion.GraceOf(desire.Pod), DeletionReason.DeletedByApi));
        if (decision is Withdrawal.TakeFile && folder.Remove(file!, read!.Stamp) == FileRemoval.Changed)
            throw new PodDeletionRefusedException(WithdrawalRefusal.FileChanged, $"pod {pod} cannot be deleted: its manifest {desire.Source} has just changed: try again");

        PodDeletion? deletion = null;
        bool withdrawn = decision is Withdrawal.TakeFile || read is null or { Vanished: true };
        if (file is not null && withdrawn)
            await watcher.WithdrawAsync(file, () => deletion = workers.Delete(uid, grace, withdrawn: true)).WaitAsync(cancellationToken);
        else
            deletion = workers.Delete(uid, grace, withdrawn);
        if (deletion is not null)
            LogDeleted(pod, uid, deletion, decision is Withdrawal.TakeFile ? desire.Source : null);
        return deletion;
    }

    private static PodDeletion InForce(PodDeletion? before, PodDeletion asked) => before?.Narrow(asked) ?? asked;

    /// <summary>Null when it is no file of this folder.</summary>
    private string? NameInFolder(string source)
    {
        string prefix = folder.Path + "/";
        return source.StartsWith(prefix, StringComparison.Ordinal) && ManifestFileName.IsManifest(source[prefix.Length..]) ? source[prefix.Length..] : null;
    }

    private static ManifestFile? ContentOf(string path, ManifestRead? read) => read switch
    {
        null or { Vanished: true } => null,
        { Content: { } content } => ManifestParser.Parse(content, path),
        { Fault: { } fault } => new ManifestFile(path, [], [fault], []),
        _ => new ManifestFile(path, [], [ManifestError.OfFile(path, ManifestReason.Unreadable, "it is being written", "try again")], []),
    };
}
