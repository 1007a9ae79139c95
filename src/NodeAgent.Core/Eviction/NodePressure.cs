using NodeAgent.Core.Admission;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Eviction;

/// <summary>Which node conditions are True. Words and reasons are the kubelet's, which tools look for.</summary>
public sealed record NodePressure(bool Memory, bool Disk, bool Pid)
{
    public static readonly NodePressure None = new(false, false, false);

    private const string MemoryTaint = "node.kubernetes.io/memory-pressure";

    /// <summary>
    /// Whether a pod may start on a node under pressure.
    ///
    /// | the pod                                    | MemoryPressure alone | any other |
    /// | is critical                                | admitted | admitted |
    /// | has any request or limit (not BestEffort)  | admitted | refused |
    /// | tolerates the taint memory-pressure        | admitted | refused |
    /// | else                                       | refused  | refused |
    /// </summary>
    /// <returns>Null when it may.</returns>
    public AdmissionRefusal? Refusal(Pod pod)
    {
        if (this == None || PodPriority.IsCritical(pod))
            return null;
        if (!Disk && !Pid && (QosClass.Of(pod) != PodQosClass.BestEffort || ToleratesMemoryPressure(pod)))
            return null;
        return new AdmissionRefusal(PodVerdict.Evicted, $"The node had condition: [{string.Join(' ', True())}]. ");
    }

    /// <summary>The conditions as a node's status shows them, without their times.</summary>
    public IReadOnlyList<NodeCondition> Conditions() =>
    [
        Condition(NodeConditionType.MemoryPressure, Memory, "KubeletHasInsufficientMemory", "KubeletHasSufficientMemory",
            "kubelet has insufficient memory available", "kubelet has sufficient memory available"),
        Condition(NodeConditionType.DiskPressure, Disk, "KubeletHasDiskPressure", "KubeletHasNoDiskPressure", "kubelet has disk pressure", "kubelet has no disk pressure"),
        Condition(NodeConditionType.PidPressure, Pid, "KubeletHasInsufficientPID", "KubeletHasSufficientPID",
            "kubelet has insufficient PID available", "kubelet has sufficient PID available"),
    ];

    private IEnumerable<string> True() => Conditions().Where(condition => condition.Status == ConditionStatus.True).Select(condition => condition.Type);

    private static bool ToleratesMemoryPressure(Pod pod) => (pod.Spec?.Tolerations ?? []).Any(toleration =>
        (string.IsNullOrEmpty(toleration.Effect) || toleration.Effect == "NoSchedule")
        && (toleration.Operator == "Exists"
            ? string.IsNullOrEmpty(toleration.Key) || toleration.Key == MemoryTaint
            : toleration.Key == MemoryTaint && string.IsNullOrEmpty(toleration.Value)));

    private static NodeCondition Condition(string type, bool holds, string reasonIfSo, string reasonIfNot, string messageIfSo, string messageIfNot) => new()
    {
        Type = type,
        Status = holds ? ConditionStatus.True : ConditionStatus.False,
        Reason = holds ? reasonIfSo : reasonIfNot,
        Message = holds ? messageIfSo : messageIfNot,
    };
}
