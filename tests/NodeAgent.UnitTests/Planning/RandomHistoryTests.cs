using Xunit;

namespace NodeAgent.UnitTests.Planning;

/// <summary>
/// Random lives of random pods, checked at every step against <see cref="HistoryRuntime"/> and <see cref="HistoryModel"/>: never two live instances, no start
/// before its predecessors or its back-off, counts that never fall, terminal phases that never revert, graces that never grow, a true reason for every kill, no
/// container that may use more than its part of the pod, and a rest that is really one. Each seed is one test; a failure prints the last events and can be repeated by its seed.
/// </summary>
public sealed class RandomHistoryTests
{
    private const int StepsPerSeed = 7_200;
    private const int SeedCount = 14;

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, SeedCount)];

    [Fact]
    public void All_seeds_together_are_a_hundred_thousand_steps() => Assert.True(Seeds().Count * StepsPerSeed >= 100_000);

    [Theory]
    [MemberData(nameof(Seeds))]
    public void The_invariants_hold_in_every_history(int seed)
    {
        Random random = new(seed);
        long starts = 0, resizes = 0;
        int ended = 0, steps = 0;
        while (steps < StepsPerSeed)
        {
            History history = new(random);
            try
            {
                int length = 20 + random.Next(200);
                for (int i = 0; i < length && !history.Terminated; i++, steps++)
                    history.Step();
                if (!history.Terminated)
                    history.Delete(random.Next(2) * 10);
                for (int i = 0; i < 400 && !history.Terminated; i++, steps++)
                    history.Step();
                HistoryRuntime.Require(history.Terminated, "the deleted pod never goes");
            }
            catch (InvalidOperationException broken)
            {
                Assert.Fail($"seed {seed}, step {steps}: {broken.Message}\n{history.Log}");
            }

            starts += history.Starts;
            resizes += history.Resizes;
            ended++;
        }

        Assert.True(steps >= StepsPerSeed, $"only {steps} steps");
        Assert.True(starts > StepsPerSeed / 20 && resizes > StepsPerSeed / 400 && ended > 20, $"the histories are dull: {starts} starts, {resizes} resizes, {ended} pods");
    }
}
