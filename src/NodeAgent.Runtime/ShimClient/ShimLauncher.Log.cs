using Microsoft.Extensions.Logging;

namespace NodeAgent.Runtime.ShimClient;

public sealed partial class ShimLauncher
{
    private static partial class Log
    {
        [LoggerMessage(EventId = 4100, Level = LogLevel.Warning, Message = "shim {File} is executed from its ordinary mount, not from a read-only copy: {Reason}")]
        public static partial void Unprotected(ILogger logger, string file, string reason);
    }
}
