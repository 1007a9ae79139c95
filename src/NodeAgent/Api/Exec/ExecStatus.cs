using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Api.Exec;

/// <summary>How the end of a remote command is told: exit code 0 is Success; any other is a Failure whose cause carries the code.</summary>
internal static class ExecStatus
{
    public static Status Of(int exitCode) => exitCode == 0
        ? new Status { Outcome = "Success" }
        : new Status
        {
            Outcome = "Failure",
            Message = $"command terminated with non-zero exit code: {exitCode.ToString(CultureInfo.InvariantCulture)}",
            Reason = "NonZeroExitCode",
            Details = new StatusDetails { Causes = [new StatusCause { Reason = "ExitCode", Message = exitCode.ToString(CultureInfo.InvariantCulture) }] },
        };
}
