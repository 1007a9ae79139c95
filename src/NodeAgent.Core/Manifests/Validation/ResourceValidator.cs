using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Manifests;

/// <summary>Limits, requests and resize policies.</summary>
internal static class ResourceValidator
{
    private static readonly IReadOnlyDictionary<string, Quantity> None = new Dictionary<string, Quantity>();

    public static void Validate(ResourceRequirements? resources, PodSpec spec, ValidationScope at)
    {
        if (resources is null) return;
        IReadOnlyDictionary<string, Quantity> limits = resources.Limits ?? None, requests = resources.Requests ?? None;
        foreach ((string name, Quantity limit) in limits) Amount(name, limit, at["limits"].Key(name));
        foreach ((string name, Quantity request) in requests)
        {
            ValidationScope scope = at["requests"].Key(name);
            Amount(name, request, scope);
            bool hasLimit = limits.TryGetValue(name, out Quantity limit);
            if (hasLimit && request > limit)
                scope.Invalid($"is {request}, more than the limit of {limit}", "raise the limit or lower the request");
            else if (!CanOvercommit(name) && hasLimit && request != limit)
                scope.Invalid($"is {request}, but {name} cannot be shared, so it must equal the limit of {limit}", "give both the same value");
            else if (!CanOvercommit(name) && !hasLimit)
                at["limits"].Key(name).Missing($"{name} cannot be shared, so its limit must be given");
        }
        bool hugePages = limits.Keys.Concat(requests.Keys).Any(IsHugePages);
        bool others = limits.Keys.Concat(requests.Keys).Any(n => n is ResourceName.Cpu or ResourceName.Memory);
        if (hugePages && !others) at.Missing("huge pages need a request of cpu or memory beside them");
        Claims(resources.Claims, spec, at["claims"]);
    }

    /// <param name="restartPolicy">What holds for the container.</param>
    public static void ResizePolicy(IReadOnlyList<ContainerResizePolicy>? policies, string? restartPolicy, ValidationScope at)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (policies?.Count ?? 0); i++)
        {
            ContainerResizePolicy policy = policies![i];
            if (at[i]["resourceName"].Required(policy.ResourceName)
                && at[i]["resourceName"].OneOf(policy.ResourceName, ResourceName.Cpu, ResourceName.Memory)
                && !names.Add(policy.ResourceName!))
                at[i]["resourceName"].Duplicate(policy.ResourceName!);
            if (at[i]["restartPolicy"].Required(policy.RestartPolicy)
                && at[i]["restartPolicy"].OneOf(policy.RestartPolicy, ResourceResizeRestartPolicy.NotRequired, ResourceResizeRestartPolicy.RestartContainer)
                && restartPolicy == RestartPolicy.Never && policy.RestartPolicy == ResourceResizeRestartPolicy.RestartContainer)
            {
                at[i]["restartPolicy"].Exclusive("restarts a container whose restartPolicy is Never", "use NotRequired");
            }
        }
    }

    private static void Amount(string name, Quantity amount, ValidationScope at)
    {
        if (!IsResource(name))
        {
            string? nearest = Spelling.Nearest(name, [ResourceName.Cpu, ResourceName.Memory, ResourceName.EphemeralStorage]);
            at.Error(ManifestReason.UnsupportedValue, $"{ManifestText.Quote(name)} is no resource of a container",
                nearest is null ? "use cpu, memory, ephemeral-storage, hugepages-<size> or domain/name" : $"did you mean {nearest}?");
        }
        if (amount.Sign < 0) at.Invalid($"is {amount}, which is negative");
        else if (name != ResourceName.Cpu && IsResource(name) && !amount.IsInteger && !CanOvercommit(name))
            at.Invalid($"is {amount}, expected a whole number");
        else if (HugePageSize.Of(name) is { } page && amount.Value % page != 0)
            at.Invalid($"is {amount}, expected a multiple of the page's size");
    }

    private static bool IsResource(string name) =>
        name is ResourceName.Cpu or ResourceName.Memory or ResourceName.EphemeralStorage
        || IsHugePages(name)
        || (name.Contains('/', StringComparison.Ordinal) && Syntax.IsQualifiedName(name));

    private static bool IsHugePages(string name) => HugePageSize.Of(name) is not null;

    private static bool CanOvercommit(string name) => name is ResourceName.Cpu or ResourceName.Memory or ResourceName.EphemeralStorage;

    private static void Claims(IReadOnlyList<ResourceClaim>? claims, PodSpec spec, ValidationScope at)
    {
        var seen = new HashSet<(string, string?)>();
        for (int i = 0; i < (claims?.Count ?? 0); i++)
        {
            ResourceClaim claim = claims![i];
            if (!at[i]["name"].Required(claim.Name)) continue;
            if (spec.ResourceClaims?.Any(c => c.Name == claim.Name) != true)
                at[i]["name"].Error(ManifestReason.MissingReference, $"{ManifestText.Quote(claim.Name!)} is not in spec.resourceClaims");
            if (!seen.Add((claim.Name!, claim.Request))) at[i].Duplicate(claim.Name!);
        }
    }
}
