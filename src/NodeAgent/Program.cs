using System.CommandLine;
using Microsoft.Extensions.Logging;
using NodeAgent.Configuration;
using NodeAgent.Core.Cri;
using NodeAgent.Hosting;
using NodeAgent.Linux;

const int failed = 1, usage = 2;

RootCommand commands = new CommandLine().Build(
    async (options, cancellation) =>
    {
        using ILoggerFactory logging = AgentLogging.Create();
        return await new Daemon(options, logging, TimeProvider.System).RunAsync(cancellation);
    },
    Leaks.RunAsync);
ParseResult parsed = commands.Parse(args);
if (parsed.Errors.Count > 0)
{
    foreach (var error in parsed.Errors)
        Console.Error.WriteLine("podagent: " + error.Message + "; podagent --help lists the flags");
    return usage;
}

try
{
    // Signals are the daemon's own affair: it ends its loops in order.
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (ConfigurationException fault)
{
    Console.Error.WriteLine("podagent: " + fault.Message);
    return usage;
}
catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or InvalidOperationException or LinuxException or ImageException)
{
    Console.Error.WriteLine("podagent: cannot run: " + fault.Message);
    return failed;
}
