namespace NodeAgent.KernelTests.Shim;

/// <summary>The two builds of the shim's sources. Every contract below is kept by both.</summary>
public abstract class ShimBinary
{
    public abstract string File { get; }

    /// <summary>Most memory an idle one may take, in kB.</summary>
    public abstract long IdleKilobytes { get; }

    public abstract string HowToBuild { get; }

    /// <summary>The repository's artifacts folder, above the test's own.</summary>
    protected static string Artifacts { get; } = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", ".."));
}

/// <summary>The one that ships.</summary>
public sealed class ZeroShim : ShimBinary
{
    public override string File => Path.Combine(Artifacts, "bin", "podagent-shim");

    public override long IdleKilobytes => 64;

    public override string HowToBuild => "dotnet build src/NodeAgent.Shim";
}

/// <summary>The same sources as ordinary NativeAOT: the insurance against the unsupported build mode of the other.</summary>
public sealed class TwinShim : ShimBinary
{
    public override string File => Path.Combine(Artifacts, "publish", "NodeAgent.ShimTwin", "release", "podagent-shim-twin");

    public override long IdleKilobytes => 8 * 1024;

    public override string HowToBuild => "dotnet publish tests/NodeAgent.ShimTwin (wants the NativeAOT compiler package and a C linker)";
}
