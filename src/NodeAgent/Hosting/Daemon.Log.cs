using Microsoft.Extensions.Logging;

namespace NodeAgent.Hosting;

internal sealed partial class Daemon
{
    [LoggerMessage(1, LogLevel.Information, "podagent {Version} starts as node {Node}; manifests in {Manifests}, state in {State}")]
    private partial void LogStarting(string version, string node, string manifests, string state);

    [LoggerMessage(2, LogLevel.Information, "ready; {Pods} pods known")]
    private partial void LogReady(int pods);

    [LoggerMessage(3, LogLevel.Error, "no sign of life is given to the service manager: {Loop}")]
    private partial void LogHung(string loop);

    [LoggerMessage(5, LogLevel.Information, "the kernel does not report stalls for memory ({Why}): the node's memory is looked at every few seconds only")]
    private partial void LogNoPressureTrigger(string why);

    [LoggerMessage(4, LogLevel.Information, "stopped; the pods run on")]
    private partial void LogStopped();
}
