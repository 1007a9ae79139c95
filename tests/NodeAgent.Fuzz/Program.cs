using System.Diagnostics;
using NodeAgent.Fuzz;

// usage: NodeAgent.Fuzz list
//        NodeAgent.Fuzz run TARGET [--seconds N] [--seed N]
//        NodeAgent.Fuzz replay TARGET FILE          (the bytes that a failed run saved)
if (args is ["list"])
{
    foreach (FuzzTarget target in FuzzTarget.All)
        Console.WriteLine(target.Name);
    return 0;
}

if (args is ["replay", var replayName, var file] && FuzzTarget.Find(replayName) is { } replayed)
{
    replayed.Run(File.ReadAllBytes(file));
    Console.WriteLine("no crash");
    return 0;
}

if (args is ["run", var name, ..] && FuzzTarget.Find(name) is { } found)
{
    double seconds = Number("--seconds") ?? 10;
    int seed = (int)(Number("--seed") ?? Environment.TickCount);
    return FuzzLoop.Run(found, TimeSpan.FromSeconds(seconds), seed);
}

Console.Error.WriteLine("usage: NodeAgent.Fuzz list | run TARGET [--seconds N] [--seed N] | replay TARGET FILE");
return 2;

double? Number(string option)
{
    int at = Array.IndexOf(args, option);
    return at >= 0 && at + 1 < args.Length && double.TryParse(args[at + 1], out double value) ? value : null;
}

namespace NodeAgent.Fuzz
{
    /// <summary>Mutates inputs until the time is over. Inputs that made a target answer in a new way are not known: there is no coverage feedback, so the seeds have to be good.</summary>
    internal static class FuzzLoop
    {
        private static readonly TimeSpan SlowInput = TimeSpan.FromSeconds(5);

        public static int Run(FuzzTarget target, TimeSpan limit, int seed)
        {
            var random = new Random(seed);
            List<byte[]> corpus = [.. target.Seeds()];
            if (corpus.Count == 0)
                throw new InvalidOperationException($"target {target.Name} has no seeds");
            var clock = Stopwatch.StartNew();
            long inputs = 0;
            foreach (byte[] unchanged in corpus)
            {
                if (!Try(target, unchanged, seed))
                    return 1;
                inputs++;
            }

            while (clock.Elapsed < limit)
            {
                byte[] input = Mutation.Of(corpus, random);
                if (!Try(target, input, seed))
                    return 1;
                inputs++;
            }

            Console.WriteLine($"{target.Name}: {inputs} inputs in {clock.Elapsed.TotalSeconds:F1} s, seed {seed}, no crash");
            return 0;
        }

        private static bool Try(FuzzTarget target, byte[] input, int seed)
        {
            var clock = Stopwatch.StartNew();
            try
            {
                target.Run(input);
                if (clock.Elapsed < SlowInput)
                    return true;
                // A busy machine is slow too: what counts is the processor time of a second run.
                TimeSpan before = Environment.CpuUsage.TotalTime;
                target.Run(input);
                TimeSpan used = Environment.CpuUsage.TotalTime - before;
                if (used < SlowInput)
                    return true;
                Report(target, input, seed, $"took {used.TotalSeconds:F1} s of processor time");
            }
            catch (Exception crash)
            {
                Report(target, input, seed, crash.ToString());
            }

            return false;
        }

        private static void Report(FuzzTarget target, byte[] input, int seed, string what)
        {
            string path = Path.Combine(Path.GetTempPath(), $"podagent-fuzz-{target.Name}-{Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(input))[..12]}");
            File.WriteAllBytes(path, input);
            Console.Error.WriteLine($"{target.Name} failed (seed {seed}); the input is in {path}; run again with: replay {target.Name} {path}\n{what}");
        }
    }
}
