namespace NodeAgent.Benchmarks;

/// <summary>Durations of one thing, in milliseconds.</summary>
internal sealed class Samples(string name)
{
    private readonly List<double> _milliseconds = [];

    public void Add(long nanoseconds) => _milliseconds.Add(nanoseconds / 1e6);

    public double Percentile(double fraction)
    {
        List<double> sorted = [.. _milliseconds.Order()];
        return sorted[Math.Min((int)(fraction * sorted.Count), sorted.Count - 1)];
    }

    public override string ToString() =>
        $"{name,-58} n={_milliseconds.Count,-4} min {Percentile(0),7:F2}  p50 {Percentile(0.5),7:F2}  p95 {Percentile(0.95),7:F2} ms";
}
