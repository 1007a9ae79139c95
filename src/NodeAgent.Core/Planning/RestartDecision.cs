using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Whether a container that has exited is started again.
///
/// First the container's <c>restartPolicyRules</c>, in order: the first whose exit codes match decides (Restart, or RestartAllContainers for the whole pod).
/// Else its own <c>restartPolicy</c>, else the pod's:
///
/// | policy    | exit 0  | exit other than 0 (signal 128 + n, OOM 137, failed start 128) |
/// | Always    | restart | restart |
/// | OnFailure | done    | restart |
/// | Never     | done    | done    |
///
/// An init container that exits 0 is done whatever the policy, unless it is a sidecar (own policy Always). Ephemeral containers are never restarted.
/// </summary>
public readonly record struct RestartDecision(bool Restart, bool AllContainers, StartReason Reason)
{
    private static readonly RestartDecision Done = new(false, false, default);

    public static RestartDecision Of(Container container, ContainerType type, PodSpec spec, int exitCode)
    {
        if (type == ContainerType.Ephemeral)
            return Done;
        string? rule = MatchingAction(container, exitCode);
        if (rule == ContainerRestartRuleAction.RestartAllContainers)
            return new RestartDecision(true, true, StartReason.RestartAllContainers);
        if (type == ContainerType.Init && !PodView.IsSidecar(container) && exitCode == 0)
            return Done;
        if (rule == ContainerRestartRuleAction.Restart)
            return new RestartDecision(true, false, StartReason.RestartRule);

        return (container.RestartPolicy ?? spec.RestartPolicy ?? RestartPolicy.Always) switch
        {
            RestartPolicy.Never => Done,
            RestartPolicy.OnFailure => exitCode != 0 ? new RestartDecision(true, false, StartReason.RestartPolicyOnFailure) : Done,
            _ => new RestartDecision(true, false, StartReason.RestartPolicyAlways),
        };
    }

    /// <summary>True when a failure of this container leads to another run of it.</summary>
    public static bool RestartsOnFailure(Container container, ContainerType type, PodSpec spec) => Of(container, type, spec, 137).Restart;

    /// <summary>True when some exit of this container makes all containers of the pod start anew.</summary>
    public static bool MayRestartAll(Container container) =>
        container.RestartPolicyRules?.Any(rule => rule.Action == ContainerRestartRuleAction.RestartAllContainers) == true;

    private static string? MatchingAction(Container container, int exitCode)
    {
        foreach (ContainerRestartRule rule in container.RestartPolicyRules ?? [])
        {
            if (rule.ExitCodes is not { } codes)
                continue;
            bool listed = codes.Values?.Contains(exitCode) ?? false;
            if (codes.Operator switch { "In" => listed, "NotIn" => !listed, _ => false })
                return rule.Action;
        }

        return null;
    }
}
