using NodeAgent.Core.Eviction;
using NodeAgent.Core.ImageGc;
using NodeAgent.Testing.Fakes;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>
/// Random lives of images and pods under a disk that fills up, with both loops that make room and prunes in between. Checked after every step: an image that a
/// pod has, or that is pinned, is there; nothing goes while the disk is below every threshold; when the collection has had its turn, the disk is below its high
/// threshold or nothing more may go. Each seed is one test; a failure can be repeated by its seed.
/// </summary>
public sealed class RandomImageGcTests
{
    private const int Steps = 150;
    private const long Unit = 1 << 20;
    private static readonly ImageGcSettings Settings = new(70, 50, TimeSpan.FromMinutes(2), TimeSpan.FromHours(2));

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(1, 12)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void What_is_needed_stays_and_room_is_made(int seed)
    {
        var random = new Random(seed);
        using var world = new PodWorld(seed);
        world.Stats = new FakeNodeStats(world.Runtime, world.Images);
        world.Stats.Idle[EvictionSignal.ImageFsAvailable] = new SignalReading(100 * Unit, 100 * Unit);
        world.Settings = world.Settings with
        {
            ImageGc = Settings,
            Eviction = EvictionSettings.Of(new Dictionary<EvictionSignal, ThresholdValue> { [EvictionSignal.ImageFsAvailable] = ThresholdValue.OfPercent(10) }),
        };
        world.Start();
        var pods = new Dictionary<string, string>(StringComparer.Ordinal);
        var pinned = new HashSet<string>(StringComparer.Ordinal);
        int collected = 0;
        for (int step = 0; step < Steps; step++)
        {
            Step(world, random, pods, pinned);
            string what = $"seed {seed}, step {step}";
            foreach (string image in pods.Where(pod => world.IsRunning(pod.Key)).Select(pod => pod.Value).Concat(pinned))
                Assert.True(world.Images.Has(image), $"{what}: {image} is gone");
            collected = world.Images.Removals.Count;
        }

        Assert.True(collected > 0, $"seed {seed}: nothing was ever removed, so nothing was tested");
        foreach (string pod in pods.Keys)
            world.Remove(pod + ".yaml");
        world.Pass(TimeSpan.FromMinutes(20));
        Assert.True(world.Images.Occupied < 70 * Unit, $"seed {seed}: {world.Images.Occupied / Unit} % is used");
        world.Pass(Settings.MaximumAge * 2);
        Assert.Equal(pinned.Count, world.Ask(() => world.Images.ListImagesAsync(CancellationToken.None).AsTask()).Count);
    }

    private static void Step(PodWorld world, Random random, Dictionary<string, string> pods, HashSet<string> pinned)
    {
        string image = $"image:{random.Next(12)}", pod = $"pod{random.Next(4)}";
        switch (random.Next(8))
        {
            case 0 or 1:
                world.Images.Now = world.Time.GetUtcNow();
                bool pin = random.Next(12) == 0 && pinned.Count < 2;
                if (!world.Images.Has(image))
                {
                    world.Images.Load(image, random.Next(1, 20) * Unit, pin);
                    if (pin)
                        pinned.Add(image);
                }

                break;
            case 2 when world.Images.Has(image):
                pods[pod] = image;
                world.Put(pod + ".yaml", PodWorld.Manifest(pod, image: image));
                break;
            case 3 when pods.Remove(pod):
                world.Remove(pod + ".yaml");
                break;
            case 4:
                world.Ask(() => world.Loops.Images.PruneAsync(all: random.Next(4) == 0, dryRun: false, CancellationToken.None));
                break;
            default:
                world.Pass(TimeSpan.FromSeconds(random.Next(1, 400)));
                break;
        }
    }
}
