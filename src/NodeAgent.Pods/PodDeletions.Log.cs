using Microsoft.Extensions.Logging;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Planning;

namespace NodeAgent.Pods;

public sealed partial class PodDeletions
{
    private void LogDeleted(PodName pod, PodUid uid, PodDeletion deletion, string? file)
    {
        if (file is null)
            Deleted(log, pod, uid, deletion.Grace.TotalSeconds);
        else
            DeletedWithFile(log, pod, uid, deletion.Grace.TotalSeconds, file);
    }

    [LoggerMessage(3601, LogLevel.Information, "pod {Pod}({Uid}): deleted by a client, grace {Grace} s; no manifest asks for it")]
    private static partial void Deleted(ILogger log, PodName pod, PodUid uid, double grace);

    [LoggerMessage(3602, LogLevel.Information, "pod {Pod}({Uid}): deleted by a client, grace {Grace} s; {File} was removed")]
    private static partial void DeletedWithFile(ILogger log, PodName pod, PodUid uid, double grace, string file);
}
