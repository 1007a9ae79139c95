using NodeAgent.Testing.Images;
using NodeAgent.Testing.Registry;

namespace NodeAgent.Benchmarks;

/// <summary>
/// Images from one registry on the loopback onto one disk, each time into an empty store: by the daemon, by podman, by containerd's ctr, and by skopeo with
/// umoci, in turns. Only the pull counts, with all processes that work for it; the registry's own do not.
/// </summary>
internal sealed class PullBenchmark(string folder)
{
    private const double GoalTimesBest = 0.6;
    private const long GoalPeakKilobytes = 150 * 1024;

    private const long DiskBytes = 16L << 30;

    private static readonly string[] s_images = ["system", "small-files", "layers24"];

    public async Task<bool> RunAsync(int rounds, string? only)
    {
        string[] names = only?.Split(',') ?? s_images;
        await using RegistryServer registry = await RegistryServer.StartAsync(new RegistrySettings(await BuiltImage.MakeStorageAsync(folder + "/storage", names)));
        IPuller[] pullers = [new AgentPuller(), .. Others().Where(puller => puller.Programs.All(Tool.Exists))];
        bool good = true;
        foreach (string name in names)
        {
            BuiltImage image = await BuiltImage.GetAsync(name);
            Dictionary<IPuller, List<PullSample>> samples = pullers.ToDictionary(puller => puller, _ => new List<PullSample>());
            for (int round = 0; round < rounds; round++)
            {
                foreach (IPuller puller in pullers)
                    samples[puller].Add(await PullAsync(puller, $"{registry.Host}/{image.Repository}:1"));
            }
            good &= Report(image, samples, pullers[0]);
        }
        return good;
    }

    private static IEnumerable<IPuller> Others() => [new PodmanPuller(), new ContainerdPuller(), new SkopeoPuller()];

    /// <summary>
    /// Each on a filesystem that nobody has used before, in a file on the disk: ext4 goes round inodes that were freed in the last minutes, so whoever comes
    /// after a large deletion would pay for it many times over.
    /// </summary>
    private async Task<PullSample> PullAsync(IPuller puller, string reference)
    {
        string disk = folder + "/disk", root = Directory.CreateDirectory(folder + "/p").FullName;
        Tool.Shell($"truncate -s {DiskBytes} {disk}; mkfs.ext4 -q -F {disk}; mount -o loop {disk} {root}");
        await puller.StartAsync(root);
        // What those before have left to be written is not this one's work.
        Tool.Run("sync");
        PullSample sample = await puller.PullAsync(reference);
        await puller.StopAsync();
        Tool.Shell($"umount --recursive {root}; rm {disk}");
        return sample;
    }

    private static bool Report(BuiltImage image, Dictionary<IPuller, List<PullSample>> samples, IPuller ours)
    {
        Console.WriteLine($"{image.Name}: {LayersOf(image)}");
        foreach ((IPuller puller, List<PullSample> taken) in samples)
            Console.WriteLine($"  {puller.Name,-16} {Wall(taken),6:F2} s wall ({taken.Min(s => s.Wall):F2} to {taken.Max(s => s.Wall):F2})   {Cpu(taken),6:F2} s CPU   peak RSS {Peak(taken)}");
        IReadOnlyList<PullSample>[] others = [.. samples.Where(entry => entry.Key != ours).Select(entry => entry.Value)];
        if (others.Length == 0)
            return true;
        double wall = Wall(samples[ours]) / others.Min(Wall), cpu = Cpu(samples[ours]) / others.Min(Cpu);
        long peak = samples[ours].Max(sample => sample.PeakKilobytes ?? 0);
        bool good = wall <= GoalTimesBest && cpu <= GoalTimesBest && peak <= GoalPeakKilobytes;
        Console.WriteLine(
            $"  {(good ? "met" : "MISSED")}: {wall:F2} times the wall time and {cpu:F2} times the CPU of the best of them, goal {GoalTimesBest:F1}; peak {peak >> 10} MiB, goal {GoalPeakKilobytes >> 10}");
        return good;
    }

    private static string LayersOf(BuiltImage image)
    {
        string[] fields = Tool.Shell($"skopeo inspect --raw oci:{image.Layout}:1 | jq -r '[(.layers | length), ([.layers[].size] | add)] | @tsv'").Trim().Split('\t');
        long files = File.ReadLines(image.Folder + "/listing").TakeWhile(line => line != "==devices").LongCount();
        return $"{fields[0]} layers, {long.Parse(fields[1]) >> 20} MiB packed, {files} names";
    }

    private static string Peak(IReadOnlyList<PullSample> taken) => taken.Max(sample => sample.PeakKilobytes) is { } peak ? $"{peak >> 10} MiB" : "not measured";

    private static double Wall(IReadOnlyList<PullSample> taken) => Middle(taken.Select(sample => sample.Wall));

    private static double Cpu(IReadOnlyList<PullSample> taken) => Middle(taken.Select(sample => sample.Cpu));

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
