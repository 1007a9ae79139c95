using Xunit;

namespace NodeAgent.UnitTests.Planning;

/// <summary>
/// Every cell of pod restart policy × kind of container × own policy or rule × last run × what its probes say × deletion × sandbox, against
/// <see cref="PlanOracle"/>.
/// </summary>
public sealed class PlanTableTests
{
    // 6 own policies and rules of a main container, 5 of an init container, 3 of a sidecar at three points of its pod's life.
    private const int Kinds = 6 + 5 + (3 * 3);
    private const int Cells = 3 * Kinds * 7 * 5 * 2 * 2;

    [Fact]
    public void Every_cell_is_planned_as_the_rules_say()
    {
        PlanCell[] cells = [.. PlanCell.All()];
        Assert.Equal(Cells, cells.Distinct().Count());
        string[] wrong =
        [
            .. from cell in cells
               let expected = PlanOracle.Expect(cell)
               let planned = cell.Planned()
               where expected != planned
               select $"{cell}\n  expected {expected}\n  planned  {planned}",
        ];
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {cells.Length} cells:\n{string.Join('\n', wrong.Take(20))}");
    }

    [Fact]
    public void The_table_tells_apart_what_has_to_be_told_apart()
    {
        string[] plans = [.. PlanCell.All().Select(PlanOracle.Expect).Distinct()];
        Assert.True(plans.Length > 40, $"only {plans.Length} different plans");
        foreach (string reason in (string[])["FirstRun", "RunNotStarted", "RestartPolicyAlways", "RestartPolicyOnFailure", "RestartRule", "StateUnknown", "SandboxChanged",
            "RestartAllContainers", "PodDeleted", "PodFinished", "PodFailed", "SandboxDied", "StartupProbe", "LivenessProbe"])
            Assert.Contains(plans, plan => plan.Contains(reason, StringComparison.Ordinal));
    }
}
