using System.Globalization;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Core.Status;

/// <summary>
/// The columns READY, STATUS, RESTARTS and AGE as kubectl prints them for a pod. Source: <c>pkg/printers/internalversion</c>.
///
/// STATUS, each row overriding the ones above:
///
/// | the pod                                                    | STATUS |
/// | has a phase; a reason                                      | the phase; the reason |
/// | initializes: an init container failed, waits, or is next   | Init:Error, Init:Signal:9, Init:ExitCode:3, Init:CrashLoopBackOff, Init:1/2 |
/// | is initialized: its first main container that waits or ended | the waiting or terminated reason, Signal:9, ExitCode:3 |
/// | shows Completed while another container runs               | Running if the pod is Ready, else NotReady |
/// | is held back; something of it still runs                   | the hold's reason; Terminating |
/// | is deleted and its phase not terminal                      | Terminating |
/// </summary>
public static class PodStatusColumn
{
    /// <summary>Ready containers of all that should be, sidecars included: <c>1/2</c>.</summary>
    public static string Ready(Pod pod)
    {
        Columns columns = Of(pod);
        return string.Create(CultureInfo.InvariantCulture, $"{columns.Ready}/{columns.Total}");
    }

    public static string Status(Pod pod) => Of(pod).Status;

    /// <summary>How often, and how long ago the last time: <c>2 (5m ago)</c>.</summary>
    public static string Restarts(Pod pod, DateTimeOffset now)
    {
        Columns columns = Of(pod);
        return columns.Restarts != 0 && columns.LastRestart is { } last
            ? string.Create(CultureInfo.InvariantCulture, $"{columns.Restarts} ({HumanDuration.Format(now - last)} ago)")
            : columns.Restarts.ToString(CultureInfo.InvariantCulture);
    }

    public static string Age(Pod pod, DateTimeOffset now) =>
        pod.Metadata?.CreationTimestamp is { } created ? HumanDuration.Format(now - created) : "<unknown>";

    private static Columns Of(Pod pod)
    {
        PodStatus status = pod.Status ?? new PodStatus();
        IReadOnlyList<Container> inits = pod.Spec?.InitContainers ?? [];
        Columns columns = new()
        {
            Total = (pod.Spec?.Containers?.Count ?? 0) + inits.Count(PodView.IsSidecar),
            Status = !string.IsNullOrEmpty(status.Reason) ? status.Reason : status.Phase ?? PodPhase.Unknown,
        };
        bool initializing = AddInits(columns, status, inits);
        if (!initializing || HasCondition(status, PodConditionType.Initialized))
            AddMains(columns, status);

        if (status.Reason is nameof(PodHoldReason.NodeDrained) or nameof(PodHoldReason.NodeCordoned))
            columns.Status = status.Phase == PodPhase.Pending ? status.Reason : "Terminating";
        bool terminal = status.Phase is PodPhase.Succeeded or PodPhase.Failed;
        if (pod.Metadata?.DeletionTimestamp is not null && !terminal)
            columns.Status = "Terminating";
        return columns;
    }

    /// <summary>Returns whether the pod is still initializing.</summary>
    private static bool AddInits(Columns columns, PodStatus status, IReadOnlyList<Container> inits)
    {
        IReadOnlyList<ContainerStatus> statuses = status.InitContainerStatuses ?? [];
        for (int i = 0; i < statuses.Count; i++)
        {
            ContainerStatus container = statuses[i];
            bool sidecar = inits.FirstOrDefault(c => c.Name == container.Name) is { } spec && PodView.IsSidecar(spec);
            columns.AddInitRestarts(container, sidecar);
            if (container.State?.Terminated is { ExitCode: 0 })
                continue;
            if (sidecar && container.Started == true)
            {
                if (container.Ready)
                    columns.Ready++;
                continue;
            }

            columns.Status = "Init:" + (container.State switch
            {
                { Terminated: { } terminated } => ReasonOf(terminated),
                { Waiting.Reason: { Length: > 0 } reason } when reason != nameof(WaitingReason.PodInitializing) => reason,
                _ => string.Create(CultureInfo.InvariantCulture, $"{i}/{inits.Count}"),
            });
            return true;
        }

        return false;
    }

    private static void AddMains(Columns columns, PodStatus status)
    {
        columns.ForgetOrdinaryInits();
        bool running = false;
        foreach (ContainerStatus container in (status.ContainerStatuses ?? []).Reverse())
        {
            columns.AddRestarts(container);
            if (container.State?.Waiting?.Reason is { Length: > 0 } waiting)
                columns.Status = waiting;
            else if (container.State?.Terminated is { } terminated)
                columns.Status = ReasonOf(terminated);
            else if (container is { Ready: true, State.Running: not null })
            {
                running = true;
                columns.Ready++;
            }
        }

        if (columns.Status == "Completed" && running)
            columns.Status = HasCondition(status, PodConditionType.Ready) ? PodPhase.Running : "NotReady";
    }

    private static string ReasonOf(ContainerStateTerminated terminated)
    {
        if (!string.IsNullOrEmpty(terminated.Reason))
            return terminated.Reason;
        return terminated.Signal is { } signal and not 0
            ? string.Create(CultureInfo.InvariantCulture, $"Signal:{signal}")
            : string.Create(CultureInfo.InvariantCulture, $"ExitCode:{terminated.ExitCode}");
    }

    private static bool HasCondition(PodStatus status, string type) =>
        status.Conditions?.Any(c => c.Type == type && c.Status == ConditionStatus.True) == true;

    private sealed class Columns
    {
        private int _sidecarRestarts;
        private DateTimeOffset? _lastSidecarRestart;

        public int Ready { get; set; }
        public int Total { get; init; }
        public string Status { get; set; } = "";
        public int Restarts { get; private set; }
        public DateTimeOffset? LastRestart { get; private set; }

        public void AddInitRestarts(ContainerStatus container, bool sidecar)
        {
            AddRestarts(container);
            if (!sidecar)
                return;
            _sidecarRestarts += container.RestartCount;
            _lastSidecarRestart = Later(_lastSidecarRestart, container);
        }

        public void AddRestarts(ContainerStatus container)
        {
            Restarts += container.RestartCount;
            LastRestart = Later(LastRestart, container);
        }

        /// <summary>Once initialized, restarts of ordinary init containers are history.</summary>
        public void ForgetOrdinaryInits() => (Restarts, LastRestart) = (_sidecarRestarts, _lastSidecarRestart);

        private static DateTimeOffset? Later(DateTimeOffset? known, ContainerStatus container) =>
            container.LastState?.Terminated?.FinishedAt is { } ended && (known is null || ended > known) ? ended : known;
    }
}
