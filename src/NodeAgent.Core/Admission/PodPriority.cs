using NodeAgent.Core.Model;

namespace NodeAgent.Core.Admission;

/// <summary>
/// How important a pod is. A manifest may give the number itself; of the classes only the two that every cluster has are known without an API server.
/// Source: <c>pkg/apis/scheduling/types.go</c>.
/// </summary>
public static class PodPriority
{
    public const int SystemCritical = 2_000_000_000;
    private const int NodeCritical = SystemCritical + 1000;

    public static int Of(Pod pod) => pod.Spec?.Priority ?? pod.Spec?.PriorityClassName switch
    {
        "system-node-critical" => NodeCritical,
        "system-cluster-critical" => SystemCritical,
        _ => 0,
    };

    public static bool IsCritical(Pod pod) => Of(pod) >= SystemCritical;
}
