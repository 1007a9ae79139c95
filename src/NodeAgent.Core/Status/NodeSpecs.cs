using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;

namespace NodeAgent.Core.Status;

/// <summary>
/// How a node's spec says whether pods may run.
///
/// | scheduling | unschedulable | taints |
/// | Open       |               | |
/// | Cordoned   | true          | node.kubernetes.io/unschedulable:NoSchedule |
/// | Drained    | true          | the same, and podagent.io/drain:NoExecute |
/// </summary>
public static class NodeSpecs
{
    public const string DrainTaint = "podagent.io/drain";
    public const string UnschedulableTaint = "node.kubernetes.io/unschedulable";

    public static NodeSpec Of(NodeScheduling scheduling) => scheduling switch
    {
        NodeScheduling.Cordoned => new NodeSpec { Unschedulable = true, Taints = [Unschedulable()] },
        NodeScheduling.Drained => new NodeSpec { Unschedulable = true, Taints = [Unschedulable(), new Taint { Key = DrainTaint, Effect = "NoExecute" }] },
        _ => new NodeSpec(),
    };

    public static NodeScheduling SchedulingOf(NodeSpec spec)
    {
        if (spec.Taints?.Any(taint => taint.Key == DrainTaint) == true)
            return NodeScheduling.Drained;
        return spec.Unschedulable == true ? NodeScheduling.Cordoned : NodeScheduling.Open;
    }

    private static Taint Unschedulable() => new() { Key = UnschedulableTaint, Effect = "NoSchedule" };
}
