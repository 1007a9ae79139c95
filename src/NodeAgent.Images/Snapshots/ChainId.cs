using System.Collections.Immutable;
using System.Text;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Snapshots;

/// <summary>
/// Names a stack of layers: images that begin with the same layers have the same chain ids for them and share what is unpacked.
/// Source: image-spec config.md "Layer ChainID".
/// </summary>
public static class ChainId
{
    /// <summary>One chain id per layer, lowest first; as hex digits, which are folder names too.</summary>
    public static ImmutableArray<string> Of(IReadOnlyList<Digest> diffIds)
    {
        ImmutableArray<string>.Builder chain = ImmutableArray.CreateBuilder<string>(diffIds.Count);
        Digest above = default;
        for (int i = 0; i < diffIds.Count; i++)
        {
            above = i == 0 ? diffIds[0] : Digest.OfSha256(Encoding.ASCII.GetBytes($"{above} {diffIds[i]}"));
            chain.Add(above.Hex);
        }
        return chain.MoveToImmutable();
    }
}
