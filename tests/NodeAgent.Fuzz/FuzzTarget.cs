namespace NodeAgent.Fuzz;

internal delegate void FuzzRun(ReadOnlySpan<byte> data);

/// <summary>One thing that takes bytes from outside. <see cref="Run"/> throws only when the product is wrong.</summary>
internal sealed record FuzzTarget(string Name, FuzzRun Run, Func<IEnumerable<byte[]>> Seeds)
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new(Images.ImageReferenceFuzz.Name, Images.ImageReferenceFuzz.Run, Images.ImageReferenceFuzz.Seeds),
        new(Images.TarLayerFuzz.Name, Images.TarLayerFuzz.Run, Images.TarLayerFuzz.Seeds),
        new(Manifests.ManifestFuzz.Name, Manifests.ManifestFuzz.Run, Manifests.ManifestFuzz.Seeds),
        new(Shim.ShimProtocolFuzz.Name, Shim.ShimProtocolFuzz.Run, Shim.ShimProtocolFuzz.Seeds),
    ];

    public static FuzzTarget? Find(string name) => All.FirstOrDefault(target => target.Name == name);
}
