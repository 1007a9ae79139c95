using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>A pod's name within its namespace: what can exist once.</summary>
public readonly record struct PodName(string Namespace, string Name) : IComparable<PodName>
{
    public static PodName Of(Pod pod) => new(pod.Metadata?.Namespace ?? "default", pod.Metadata?.Name ?? "");

    public int CompareTo(PodName other)
    {
        int order = string.CompareOrdinal(Namespace, other.Namespace);
        return order != 0 ? order : string.CompareOrdinal(Name, other.Name);
    }

    public override string ToString() => $"{Namespace}/{Name}";
}
