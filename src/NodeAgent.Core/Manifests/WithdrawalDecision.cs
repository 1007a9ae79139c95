using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Manifests;

/// <summary>What has to become of a pod's manifest when the pod is deleted by name.</summary>
public abstract record Withdrawal
{
    private Withdrawal()
    {
    }

    /// <summary>The file holds this pod and nothing else: it leaves the folder, and the pod ends.</summary>
    public sealed record TakeFile : Withdrawal;

    /// <summary>No file asks for this pod any more: it ends, and no file is touched.</summary>
    public sealed record PodAlone : Withdrawal;

    /// <summary>The pod would come back, or something else would be lost with it.</summary>
    /// <param name="Message">What stands in the way, with the file and what to do.</param>
    public sealed record Refused(WithdrawalRefusal Reason, string Message) : Withdrawal;
}

public enum WithdrawalRefusal
{
    /// <summary>Other pods are in the same file.</summary>
    SharedFile,

    /// <summary>The file is faulty or cannot be read, so what it asks for is not known.</summary>
    FaultyFile,

    /// <summary>The file asks for something else than what runs.</summary>
    FileChanged,
}

/// <summary>
/// Decides what deleting a pod by name does to the file it comes from.
///
/// | the file                             | pod runs on          | pod is on its way out |
/// | is not there                         | PodAlone             | PodAlone  |
/// | holds this very pod alone            | TakeFile             | TakeFile: it was put back, and would start again |
/// | holds this very pod among others     | refused, SharedFile  | refused, SharedFile |
/// | is faulty or unreadable              | refused, FaultyFile  | PodAlone  |
/// | holds another version, or not at all | refused, FileChanged | PodAlone: what the file asks for comes afterwards |
///
/// "This very pod" is the same uid, so a file that was edited a moment ago is not deleted for what it was before.
/// </summary>
public static class WithdrawalDecision
{
    /// <param name="file">The path that the pod comes from.</param>
    /// <param name="content">What stands there now; null when there is nothing.</param>
    /// <param name="ending">The pod is on its way out already.</param>
    public static Withdrawal Decide(string node, string file, ManifestFile? content, PodName name, PodUid uid, bool ending)
    {
        if (content is null) return new Withdrawal.PodAlone();
        bool holds = content.IsValid && content.Pods.Any(pod => PodName.Of(pod) == name && PodIdentity.Uid(node, file, pod) == uid.Value);
        if (holds && content.Pods.Count == 1) return new Withdrawal.TakeFile();
        if (holds)
        {
            string others = string.Join(", ", content.Pods.Select(PodName.Of).Where(other => other != name));
            return new Withdrawal.Refused(
                WithdrawalRefusal.SharedFile, $"its manifest {file} holds other pods as well ({others}): take the document of {name.Name} out of the file");
        }
        if (ending) return new Withdrawal.PodAlone();
        return content.IsValid
            ? new Withdrawal.Refused(WithdrawalRefusal.FileChanged, $"its manifest {file} has changed and asks for something else now: try again, or delete the file")
            : new Withdrawal.Refused(WithdrawalRefusal.FaultyFile, $"its manifest {file} is faulty, so what it asks for is not known: mend the file or delete it");
    }
}
