using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Probes, hooks and the stop signal.</summary>
internal static class ProbeValidator
{
    private static readonly string[] Signals =
    [
        "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT",
        "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM",
        "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ",
        "SIGRTMIN", "SIGRTMAX",
        .. Enumerable.Range(1, 15).Select(n => $"SIGRTMIN+{n}"), .. Enumerable.Range(1, 14).Select(n => $"SIGRTMAX-{n}"),
    ];

    /// <param name="mustSucceedOnce">Liveness and startup probes know no other success threshold than 1.</param>
    /// <param name="ownGrace">Readiness never ends a container, so it has no grace period.</param>
    public static void Probe(Probe? probe, bool mustSucceedOnce, bool ownGrace, ValidationScope at)
    {
        if (probe is null) return;
        OneHandler(at, "exec, httpGet, tcpSocket, grpc", probe.Exec, probe.HttpGet, probe.TcpSocket, probe.Grpc);
        Exec(probe.Exec, at["exec"]);
        Http(probe.HttpGet, at["httpGet"]);
        if (probe.TcpSocket is { } tcp) at["tcpSocket"]["port"].NamedPort(tcp.Port);
        if (probe.Grpc is { } grpc)
        {
            if (grpc.Port is null) at["grpc"]["port"].Missing();
            else at["grpc"]["port"].Port(grpc.Port);
        }
        at["initialDelaySeconds"].InRange(probe.InitialDelaySeconds, 0, int.MaxValue);
        at["timeoutSeconds"].InRange(probe.TimeoutSeconds, 1, int.MaxValue);
        at["periodSeconds"].InRange(probe.PeriodSeconds, 1, int.MaxValue);
        at["failureThreshold"].InRange(probe.FailureThreshold, 1, int.MaxValue);
        if (mustSucceedOnce && probe.SuccessThreshold != 1)
            at["successThreshold"].Error(ManifestReason.OutOfRange, $"is {probe.SuccessThreshold}, expected 1 for this kind of probe");
        else
            at["successThreshold"].InRange(probe.SuccessThreshold, 1, int.MaxValue);
        ValidationScope grace = at["terminationGracePeriodSeconds"];
        if (!ownGrace && probe.TerminationGracePeriodSeconds is not null)
            grace.Exclusive("may not be set on a readiness probe, which never ends a container", "remove it");
        else
            grace.InRange(probe.TerminationGracePeriodSeconds, 1, long.MaxValue);
    }

    public static void Lifecycle(Lifecycle? lifecycle, PodSpec spec, ValidationScope at)
    {
        if (lifecycle is null) return;
        Handler(lifecycle.PostStart, spec, at["postStart"]);
        Handler(lifecycle.PreStop, spec, at["preStop"]);
        if (lifecycle.StopSignal is not { } signal) return;
        if (string.IsNullOrEmpty(spec.Os?.Name))
            at["stopSignal"].Exclusive("may be set only when spec.os.name is", "write \"os: {name: linux}\" under spec");
        if (Signals.Contains(signal, StringComparer.Ordinal)) return;
        string full = signal.StartsWith("SIG", StringComparison.OrdinalIgnoreCase) ? signal : "SIG" + signal;
        at["stopSignal"].Error(ManifestReason.UnsupportedValue, $"{ManifestText.Quote(signal)} is no signal of Linux",
            Spelling.Nearest(full, Signals) is { } nearest ? $"did you mean {nearest}?" : "write it by name, e.g. SIGTERM");
    }

    private static void Handler(LifecycleHandler? handler, PodSpec spec, ValidationScope at)
    {
        if (handler is null) return;
        if (handler.TcpSocket is not null)
            at["tcpSocket"].Error(ManifestReason.UnsupportedValue, "is no longer a kind of hook", "use exec, httpGet or sleep");
        OneHandler(at, "exec, httpGet, sleep", handler.Exec, handler.HttpGet, handler.TcpSocket, handler.Sleep);
        Exec(handler.Exec, at["exec"]);
        Http(handler.HttpGet, at["httpGet"]);
        if (handler.Sleep is { } sleep) at["sleep"]["seconds"].InRange(sleep.Seconds ?? 0, 0, spec.TerminationGracePeriodSeconds ?? 30);
    }

    private static void OneHandler(ValidationScope at, string names, params ReadOnlySpan<object?> handlers)
    {
        int count = 0;
        foreach (object? handler in handlers) count += handler is null ? 0 : 1;
        if (count == 0) at.Missing($"write one of {names} under it");
        if (count > 1) at.Exclusive($"has {count} handlers, expected one of {names}", "keep one of them");
    }

    private static void Exec(ExecAction? exec, ValidationScope at)
    {
        if (exec is not null && exec.Command is not { Count: > 0 }) at["command"].Missing("write the command as a list");
    }

    private static void Http(HttpGetAction? http, ValidationScope at)
    {
        if (http is null) return;
        at["port"].NamedPort(http.Port);
        at["scheme"].OneOf(http.Scheme, UriScheme.Http, UriScheme.Https);
        for (int i = 0; i < (http.HttpHeaders?.Count ?? 0); i++)
        {
            ValidationScope name = at["httpHeaders"][i]["name"];
            if (name.Required(http.HttpHeaders![i].Name)) name.Spelled(http.HttpHeaders[i].Name, Syntax.IsHeaderName, "a header name");
        }
    }
}
