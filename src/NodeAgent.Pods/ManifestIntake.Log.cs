using Microsoft.Extensions.Logging;
using NodeAgent.Core.Manifests;

namespace NodeAgent.Pods;

public sealed partial class ManifestIntake
{
    private void LogFault(ManifestError error) => Fault(log, error);
    private void LogMended(string file) => Mended(log, file);

    [LoggerMessage(3211, LogLevel.Warning, "{Error}")]
    private static partial void Fault(ILogger log, ManifestError error);

    [LoggerMessage(3212, LogLevel.Information, "{File}: its faults are gone")]
    private static partial void Mended(ILogger log, string file);
}
