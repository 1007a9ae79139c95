using System.Diagnostics;
using NodeAgent.Images.Layers;
using NodeAgent.Images.References;
using NodeAgent.Testing.Images;

namespace NodeAgent.Benchmarks;

/// <summary>
/// One layer unpacked by us (with both digests) and by GNU tar (without any), in turns, onto a tmpfs. The tree is a copy of what is installed here.
/// </summary>
internal sealed class UnpackBenchmark(string folder)
{
    private const long Wanted = 300L << 20;

    public bool Run(int rounds)
    {
        string archive = MakeArchive();
        Tool.Shell($"gzip -6 -k -f {archive}; zstd -q -3 -f {archive}");
        Digest diffId = DigestOf(archive);
        Console.WriteLine($"unpack {new FileInfo(archive).Length >> 20} MiB, {Tool.Shell($"tar tf {archive} | wc -l").Trim()} entries, onto {folder}");
        bool good = true;
        foreach ((string suffix, string option) in new[] { ("", ""), (".gz", "-z"), (".zst", "--zstd") })
        {
            List<(double Wall, double Cpu)> ours = [];
            List<(double Wall, double Cpu)> theirs = [];
            for (int round = 0; round < rounds; round++)
            {
                theirs.Add(Measure(target => Tool.Run("tar", [.. new[] { "-C", target, "--numeric-owner", "-xpf", archive + suffix }, .. option.Length > 0 ? [option] : Array.Empty<string>()])));
                ours.Add(Measure(target => Unpack(archive + suffix, target, diffId)));
            }
            double us = Middle(ours.Select(run => run.Wall));
            double them = Middle(theirs.Select(run => run.Wall));
            Console.WriteLine(
                $"  {(suffix.Length == 0 ? "plain" : suffix[1..]),-6} podagent {us:f2} s ({Middle(ours.Select(run => run.Cpu)):f2} s CPU, both sha256)   tar {them:f2} s ({Middle(theirs.Select(run => run.Cpu)):f2} s CPU)");
            good &= suffix.Length == 0 || us <= them * 1.1;
        }
        string peak = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal))[6..].Trim();
        Console.WriteLine($"  peak RSS of this process {peak}");
        return good;
    }

    private string MakeArchive()
    {
        string archive = Path.Combine(folder, "tree.tar");
        List<string> parts = [];
        long size = 0;
        foreach (string part in new[] { "usr/lib/gcc", "usr/include", "usr/lib/python3", "usr/share/perl", "usr/share/doc", "usr/lib/locale", "usr/bin", "usr/sbin", "usr/lib/x86_64-linux-gnu" })
        {
            if (size < Wanted && Directory.Exists("/" + part))
            {
                parts.Add(part);
                size += long.Parse(Tool.Shell($"du -sb /{part} | cut -f1"));
            }
        }
        Tool.Shell($"tar -C / --format=posix --numeric-owner -cf {archive} {string.Join(' ', parts)}");
        return archive;
    }

    private static Digest DigestOf(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Digest.FromHash(Digest.Sha256, System.Security.Cryptography.SHA256.HashData(file));
    }

    private void Unpack(string path, string target, Digest diffId)
    {
        Digest blob = DigestsOfBlobs.TryGetValue(path, out Digest known) ? known : DigestsOfBlobs[path] = DigestOf(path);
        using FileStream source = File.OpenRead(path);
        LayerPipeline.Unpack(_ => source, target, blob, diffId, CancellationToken.None).Apply(target, []);
    }

    private Dictionary<string, Digest> DigestsOfBlobs { get; } = [];

    private (double Wall, double Cpu) Measure(Action<string> unpack)
    {
        string target = Directory.CreateDirectory(Path.Combine(folder, "target")).FullName;
        double cpu = CpuSeconds();
        long start = Stopwatch.GetTimestamp();
        unpack(target);
        double wall = Stopwatch.GetElapsedTime(start).TotalSeconds;
        cpu = CpuSeconds() - cpu;
        TreeRemoval.Remove(target);
        return (wall, cpu);
    }

    /// <summary>Of this process and of the children it has waited for; ticks of 10 ms. See proc_pid_stat(5).</summary>
    private static double CpuSeconds()
    {
        string stat = File.ReadAllText("/proc/self/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[11..15].Sum(long.Parse) / 100.0;
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
