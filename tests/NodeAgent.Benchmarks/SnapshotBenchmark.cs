using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Images;
using NodeAgent.Testing.Images;

namespace NodeAgent.Benchmarks;

/// <summary>What every start of a container asks of the images: is it here, and a snapshot of it. Ten layers.</summary>
internal sealed class SnapshotBenchmark(string folder)
{
    private const double MostStatusMicroseconds = 10;
    private const double MostPrepareMicroseconds = 500;

    public async Task<bool> RunAsync(int rounds)
    {
        string archive = Path.Combine(folder, "ten.tar");
        File.WriteAllBytes(archive, DockerArchiveBuilder.Build("ten", [.. Enumerable.Range(0, 10).Select(i => new TarBuilder().File($"f{i}").Build())]));
        StatePaths paths = new(Path.Combine(folder, "state"), Path.Combine(folder, "run"), Path.Combine(folder, "logs"), Path.Combine(folder, "manifests"), "/sys/fs/cgroup");
        await using ImageService images = await ImageService.OpenAsync(paths, TimeProvider.System, NullLogger<ImageService>.Instance);
        ImageRecord image = (await images.LoadAsync(archive, null, CancellationToken.None))[0];

        double status = await MiddleAsync(rounds * 100, async _ => await images.ImageStatusAsync("ten", CancellationToken.None));
        double prepare = await MiddleAsync(rounds, async i => await images.PrepareAsync($"key{i}", image, CancellationToken.None));
        double again = await MiddleAsync(rounds, async i => await images.PrepareAsync($"key{i}", image, CancellationToken.None));
        double remove = await MiddleAsync(rounds, async i => await images.RemoveAsync($"key{i}", CancellationToken.None));
        Console.WriteLine($"image status {status:f2} µs, prepare {prepare:f0} µs (again {again:f1} µs), remove {remove:f0} µs; p50 of {rounds}, ten layers");
        return status <= MostStatusMicroseconds && prepare <= MostPrepareMicroseconds;
    }

    private static async Task<double> MiddleAsync(int rounds, Func<int, Task> step)
    {
        double[] times = new double[rounds];
        for (int i = 0; i < rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await step(i);
            times[i] = Stopwatch.GetElapsedTime(start).TotalMicroseconds;
        }
        Array.Sort(times);
        return times[rounds / 2];
    }
}
