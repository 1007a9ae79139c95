using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Testing.Builders;
using Xunit;

namespace NodeAgent.UnitTests.Resources;

/// <summary>The version that two versions of a pod fit into.</summary>
public sealed class ResizableResourcesTests
{
    private static readonly string[] Cpu = ["-", "100m", "500m", "1", "2"];
    private static readonly string[] Memory = ["-", "16Mi", "64Mi", "1Gi"];

    [Fact]
    public void The_wider_version_bounds_nothing_closer_than_either_and_keeps_the_class()
    {
        Random random = new(7);
        int wider = 0;
        for (int i = 0; i < 20_000; i++)
        {
            bool guaranteed = random.Next(3) == 0;
            Pod before = Random(random, guaranteed), after = Random(random, guaranteed);
            if (QosClass.Of(before) != QosClass.Of(after))
                continue;
            Pod between = ResizableResources.Wider(before, after);
            Assert.Equal(QosClass.Of(after), QosClass.Of(between));
            if (ReferenceEquals(between, after))
                continue;
            wider++;
            foreach (string name in new[] { "cpu", "memory" })
            {
                AssertHolds(PodResources.Limit(between, name), PodResources.Limit(before, name), PodResources.Limit(after, name));
                for (int c = 0; c < 2; c++)
                    AssertHolds(Of(between, c, name), Of(before, c, name), Of(after, c, name));
            }
        }

        Assert.True(wider > 3_000, $"only {wider} had a wider version");

        static void AssertHolds(long? wide, long? one, long? other) =>
            Assert.True(wide is null || (one <= wide && other <= wide), $"{wide} is not as wide as {one} and {other}");

        static long? Of(Pod pod, int container, string name) => PodResources.Limit(pod.Spec!.Containers![container].Resources, name);
    }

    [Fact]
    public void A_pod_that_only_grows_is_its_own_wider_version()
    {
        Pod before = PodBuilder.Named("p").Main("a", c => c.Limited("1", "16Mi")).Build(), after = PodBuilder.Named("p").Main("a", c => c.Limited("2", "64Mi")).Build();
        Assert.True(ResizableResources.Same(after, ResizableResources.Wider(before, after)));
        Assert.True(ResizableResources.Same(after, ResizableResources.Wider(after, before)));
    }

    [Fact]
    public void A_request_that_is_not_given_is_the_limit_and_zero_is_none()
    {
        ResourceRequirements given = new() { Limits = One("cpu", "1"), Requests = One("cpu", "1000m") };
        Assert.True(ResizableResources.Same(given, given with { Requests = null }));
        Assert.True(ResizableResources.Same(null, new ResourceRequirements { Requests = One("memory", "0") }));
        Assert.Equal(["memory"], ResizableResources.Changed(given, given with { Requests = One("memory", "1") }));
    }

    private static Pod Random(Random random, bool guaranteed)
    {
        PodBuilder builder = PodBuilder.Named("p").Main("a", Resources).Main("b", Resources);
        return random.Next(4) == 0 ? builder.With(spec => spec with { Resources = Resources(PodBuilder.Container("")).Resources }).Build() : builder.Build();

        Container Resources(Container container)
        {
            Container limited = guaranteed
                ? container.Limited(Cpu[random.Next(1, Cpu.Length)], Memory[random.Next(1, Memory.Length)])
                : container.Limited(Cpu[random.Next(Cpu.Length)], Memory[random.Next(Memory.Length)]);
            return guaranteed || random.Next(2) == 0
                ? limited
                : limited with { Resources = limited.Resources! with { Requests = One("cpu", "50m") } };
        }
    }

    private static Dictionary<string, Quantity> One(string name, string amount) => new(StringComparer.Ordinal) { [name] = Quantity.Parse(amount) };
}
