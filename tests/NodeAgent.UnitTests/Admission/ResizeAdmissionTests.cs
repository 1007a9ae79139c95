using NodeAgent.Core.Admission;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Admission;

/// <summary>Whether a pod can have other resources, and who asks first.</summary>
public sealed class ResizeAdmissionTests
{
    private static readonly NodeResources Node = new(4000, 1000, 1000, 1);

    [Theory]
    [InlineData("what fits is given", 1000, 100, 2000, 900, null, null)]
    [InlineData("more cpu than is left is deferred", 1000, 100, 2001, 100, "Deferred", "Node didn't have enough resource: cpu, requested: 2001, used: 2000, capacity: 4000")]
    [InlineData("more memory than is left is deferred", 1000, 100, 1000, 901, "Deferred", "Node didn't have enough resource: memory, requested: 901, used: 100, capacity: 1000")]
    [InlineData("more cpu than there is is infeasible", 1000, 100, 4001, 100, "Infeasible", "Node didn't have enough capacity: cpu, requested: 4001, capacity: 4000")]
    [InlineData("more memory than there is is infeasible", 1000, 100, 1000, 1001, "Infeasible", "Node didn't have enough capacity: memory, requested: 1001, capacity: 1000")]
    [InlineData("what shrinks is given though there is too little", 9000, 9000, 8000, 8000, null, null)]
    [InlineData("what stays is not asked for", 9000, 100, 9000, 200, null, null)]
    public void Only_what_grows_has_to_fit(string what, long cpu, long memory, long wantedCpu, long wantedMemory, string? reason, string? message)
    {
        PodClaim other = new(new NodeResources(2000, 100, 0, 1), []);
        var refusal = ResizeAdmission.Refusal(new(cpu, memory, 0, 1), new(wantedCpu, wantedMemory, 0, 1), [other], Node);
        Assert.True(refusal?.Reason.ToString() == reason && refusal?.Message == message, $"{what}: {refusal}");
    }

    [Fact]
    public void Priority_then_class_then_patience_decide_who_asks_first()
    {
        PodResize[] waiting =
        [
            Waiting("late", 9, c => c.Asks("1", "1")),
            Waiting("early", 1, c => c.Asks("1", "1")),
            Waiting("guaranteed", 5, c => c.Limited("1", "1")),
            Waiting("important", 8, c => c.Asks("1", "1"), priority: 7),
        ];
        Assert.Equal(["important", "guaranteed", "early", "late"], ResizeAdmission.InOrder(waiting, r => r).Select(r => r.Wanted.Metadata!.Name));

        static PodResize Waiting(string name, double since, Func<Container, Container> main, int? priority = null) => new(
            PodBuilder.Named(name).Main("c", main).With(spec => spec with { Priority = priority }).Build(), ResizePending.Deferred, "", ObservedPod.At(since));
    }
}
