namespace NodeAgent.VmTests.Machine;

/// <summary>How often a test repeats what must never fail: as often as it says, or <c>PODAGENT_VM_ROUNDS</c>, while something else is being looked for.</summary>
internal static class Rounds
{
    public static int Of(int whole) => int.TryParse(Environment.GetEnvironmentVariable("PODAGENT_VM_ROUNDS"), out int set) ? Math.Min(set, whole) : whole;
}
