namespace NodeAgent.UnitTests.Planning;

/// <summary>
/// The plan of every cell, told from the rules of the API's documentation and of this agent, and from nothing of the planner: there is one container in question,
/// one sandbox and one moment, so that the rules can be written down as they are spoken. The rules, first one that fits:
///
/// 1. A deleted pod: what runs is killed, main and init containers before sidecars; then the sandbox is stopped and removed.
/// 2. A pod whose main containers have all ended for good, or one init container has, is over: what runs is killed, the sandbox stopped. Nothing is over when an
///    exit asks for all containers to start anew.
/// 3. A pod whose sandbox is dead begins again in another, init containers first, if its main containers may run again after a failure, or none of its containers
///    has run yet, or an exit asked for everything to start anew; otherwise it has failed.
/// 4. An exit that asks for all containers to start anew: what runs is killed, then the first container is started.
/// 5. Otherwise each container whose turn it is gets what its last run and its probes ask for.
/// </summary>
internal static class PlanOracle
{
    public static string Expect(PlanCell cell)
    {
        bool asksForAll = cell is { Own: "RestartAllContainers", Last: LastRun.Exit1 };
        if (cell.Deleted)
            return End(cell, "Terminating", "PodDeleted", "; remove sandbox 0 PodDeleted");
        if (!asksForAll && IsOver(cell))
            return End(cell, "Finishing", "PodFinished", "");
        if (!cell.SandboxAlive)
            return asksForAll || MayBeginAgain(cell) ? BeginAgain(cell, asksForAll) : End(cell, "Finishing", "PodFailed", "");
        if (asksForAll)
            return cell.Kind == Subject.SidecarBeside ? "Syncing: kill app-0 RestartAllContainers 30s | " : Sync("start it#1 RestartAllContainers", cell.Kind != Subject.Main);
        return cell.Kind switch
        {
            Subject.Main => Sync(MainStep(cell), false),
            Subject.Init => cell.Last == LastRun.Exit0 ? Sync("start app#0 FirstRun", false) : Sync(InitStep(cell), true),
            _ => Sidecar(cell),
        };
    }

    private static string Sidecar(PlanCell cell)
    {
        string own = SidecarStep(cell);
        switch (cell.Kind)
        {
            case Subject.SidecarBeside:
                return Sync(own, false);
            case Subject.SidecarAfter:
                // Rule 2 took the other policies: this one starts its main container again and again.
                return Sync(Join(own, "start app#1 RestartPolicyAlways"), false);
            default:
                bool started = cell.Last == LastRun.Running && cell.Probe is not (ProbeOutcome.StartupPending or ProbeOutcome.StartupFailed);
                return started ? Sync(Join(own, "start app#0 FirstRun"), false) : Sync(own, true);
        }
    }

    private static string MainStep(PlanCell cell) => cell.Last switch
    {
        LastRun.None => "start it#0 FirstRun",
        LastRun.Created => "start it#0 RunNotStarted",
        LastRun.Running => ProbeKill(cell),
        LastRun.Unknown => "kill it-0 StateUnknown 30s; start it#1 StateUnknown",
        _ => "start it#1 " + Why(cell),
    };

    private static string InitStep(PlanCell cell) => cell.Last switch
    {
        LastRun.None => "start it#0 FirstRun",
        LastRun.Created => "start it#0 RunNotStarted",
        LastRun.Running => "",
        LastRun.Unknown => "kill it-0 StateUnknown 30s; start it#1 " + Why(cell),
        _ => "start it#1 " + Why(cell),
    };

    private static string SidecarStep(PlanCell cell) => cell.Last switch
    {
        LastRun.Running => ProbeKill(cell),
        _ => InitStep(cell),
    };

    private static string ProbeKill(PlanCell cell) => cell.Probe switch
    {
        ProbeOutcome.StartupFailed => "kill it-0 StartupProbe 30s",
        ProbeOutcome.LivenessFailed => "kill it-0 LivenessProbe 30s",
        _ => "",
    };

    /// <summary>The policy that holds for the container in question. A rule stands beside Never, or beside Always in a sidecar.</summary>
    private static string PolicyOf(PlanCell cell)
    {
        if (cell.IsSidecar)
            return "Always";
        return cell.Own switch { null => cell.Policy, "Restart" or "RestartAllContainers" => "Never", _ => cell.Own };
    }

    private static string Why(PlanCell cell) => cell is { Own: "Restart", Last: LastRun.Exit1 } ? "RestartRule" : "RestartPolicy" + PolicyOf(cell);

    private static bool HasEnded(PlanCell cell) => cell.Last is LastRun.Exit0 or LastRun.Exit1 or LastRun.OutOfMemory or LastRun.Unknown;

    private static bool RunsAgain(PlanCell cell) =>
        cell is { Own: "Restart", Last: LastRun.Exit1 }
        || PolicyOf(cell) == "Always"
        || (PolicyOf(cell) == "OnFailure" && cell.Last != LastRun.Exit0);

    private static bool IsOver(PlanCell cell) => cell.Kind switch
    {
        // Nobody knows that a main container ran to its end when there is no exit record, unless its sandbox died with it.
        Subject.Main => HasEnded(cell) && !RunsAgain(cell) && !(cell.Last == LastRun.Unknown && cell.SandboxAlive),
        Subject.Init => HasEnded(cell) && cell.Last != LastRun.Exit0 && !RunsAgain(cell),
        Subject.SidecarAfter => cell.Policy != "Always",
        _ => false,
    };

    private static bool MayBeginAgain(PlanCell cell)
    {
        string mainPolicy = cell.Kind == Subject.Main ? PolicyOf(cell) : cell.Policy;
        bool nothingHasRun = cell.Last is LastRun.None or LastRun.Created && cell.Kind is not (Subject.SidecarBeside or Subject.SidecarAfter);
        return mainPolicy != "Never" || nothingHasRun;
    }

    private static string BeginAgain(PlanCell cell, bool asksForAll)
    {
        string start = cell.Last switch
        {
            LastRun.None => "start it#0 FirstRun",
            LastRun.Created => "start it#0 SandboxChanged",
            _ => asksForAll ? "start it#1 RestartAllContainers" : "start it#1 SandboxChanged",
        };
        return Sync("stop sandbox 0 SandboxDied; create sandbox 1 SandboxDied; " + start, cell.Kind != Subject.Main);
    }

    private static string End(PlanCell cell, string stage, string reason, string then)
    {
        bool appRuns = cell.Kind == Subject.SidecarBeside, itRuns = cell.Last == LastRun.Running;
        string stop = $"stop sandbox 0 {reason}{then}";
        string kill = appRuns ? $"kill app-0 {reason} 30s" : itRuns ? $"kill it-0 {reason} 30s" : "";
        return $"{stage}: {(appRuns && itRuns ? kill : Join(kill, stop))} | ";
    }

    private static string Sync(string steps, bool appWaits) => $"Syncing: {steps} | {(appWaits ? "app PodInitializing" : "")}";

    private static string Join(string first, string second) => first.Length == 0 ? second : $"{first}; {second}";
}
