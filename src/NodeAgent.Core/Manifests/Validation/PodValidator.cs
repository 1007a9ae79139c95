using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// The rules of the Kubernetes API server for pods (pkg/apis/core/validation), on a pod that has its defaults. Every broken rule is one
/// finding at the field that breaks it.
/// </summary>
internal static class PodValidator
{
    public static void Validate(Pod pod, ValidationScope at)
    {
        MetadataValidator.Validate(pod.Metadata!, at["metadata"]);
        PodSpec spec = pod.Spec!;
        ValidationScope scope = at["spec"];
        Basics(spec, scope);
        Names(spec, scope);
        Namespaces(spec, scope);
        Dns(spec, scope);
        HostAliases(spec.HostAliases, scope["hostAliases"]);
        PodSecurityValidator.Validate(spec, scope["securityContext"]);
        ResourceValidator.Validate(spec.Resources, spec, scope["resources"]);
        PodResourceValidator.Validate(spec, scope["resources"]);
        ResourceClaims(spec.ResourceClaims, scope["resourceClaims"]);
        SchedulingValidator.Validate(spec, scope);
        VolumeValidator.Validate(spec, scope["volumes"]);
        ContainerValidator.Validate(spec, scope);
        ConditionalSupport.Check(spec, scope);
    }

    private static void Basics(PodSpec spec, ValidationScope at)
    {
        at["restartPolicy"].OneOf(spec.RestartPolicy, RestartPolicy.Always, RestartPolicy.OnFailure, RestartPolicy.Never);
        at["terminationGracePeriodSeconds"].InRange(spec.TerminationGracePeriodSeconds, 0, long.MaxValue);
        at["activeDeadlineSeconds"].InRange(spec.ActiveDeadlineSeconds, 1, int.MaxValue);
        at["preemptionPolicy"].OneOf(spec.PreemptionPolicy, PreemptionPolicy.PreemptLowerPriority, PreemptionPolicy.Never);
        if (spec.Os is { } os && at["os"]["name"].Required(os.Name)) at["os"]["name"].OneOf(os.Name, "linux", "windows");
        foreach ((string name, Quantity quantity) in spec.Overhead ?? new Dictionary<string, Quantity>())
        {
            if (quantity.Sign < 0) at["overhead"].Key(name).Invalid($"is {quantity}, which is negative");
        }
        for (int i = 0; i < (spec.ReadinessGates?.Count ?? 0); i++)
            at["readinessGates"][i]["conditionType"].QualifiedName(spec.ReadinessGates![i].ConditionType ?? "");
    }

    private static void Names(PodSpec spec, ValidationScope at)
    {
        at["serviceAccountName"].DnsSubdomain(spec.ServiceAccountName);
        at["nodeName"].DnsSubdomain(PodDefaults.NullIfEmpty(spec.NodeName));
        at["hostname"].DnsLabel(PodDefaults.NullIfEmpty(spec.Hostname));
        at["subdomain"].DnsLabel(PodDefaults.NullIfEmpty(spec.Subdomain));
        at["priorityClassName"].DnsSubdomain(PodDefaults.NullIfEmpty(spec.PriorityClassName));
        at["runtimeClassName"].DnsSubdomain(PodDefaults.NullIfEmpty(spec.RuntimeClassName));
        if (PodDefaults.NullIfEmpty(spec.HostnameOverride) is not { } hostname) return;
        ValidationScope scope = at["hostnameOverride"];
        scope.DnsSubdomain(hostname);
        if (hostname.Length > 64) scope.Error(ManifestReason.TooLong, "is longer than 64 characters");
        if (spec.HostNetwork == true) scope.Exclusive("may not be set with hostNetwork");
        if (spec.SetHostnameAsFQDN == true) scope.Exclusive("may not be set with setHostnameAsFQDN");
    }

    private static void Namespaces(PodSpec spec, ValidationScope at)
    {
        if (spec.ShareProcessNamespace == true && spec.HostPID == true)
            at["shareProcessNamespace"].Exclusive("may not be true together with hostPID", "choose one of the two");
        if (spec.HostUsers != false) return;
        const string remedy = "choose one of the two";
        if (spec.HostNetwork == true) at["hostUsers"].Exclusive("may not be false together with hostNetwork", remedy);
        if (spec.HostPID == true) at["hostUsers"].Exclusive("may not be false together with hostPID", remedy);
        if (spec.HostIPC == true) at["hostUsers"].Exclusive("may not be false together with hostIPC", remedy);
    }

    private static void Dns(PodSpec spec, ValidationScope at)
    {
        at["dnsPolicy"].OneOf(spec.DnsPolicy, DnsPolicy.ClusterFirst, DnsPolicy.ClusterFirstWithHostNet, DnsPolicy.Default, DnsPolicy.None);
        ValidationScope scope = at["dnsConfig"];
        if (spec.DnsPolicy == DnsPolicy.None && spec.DnsConfig?.Nameservers is not { Count: > 0 })
            scope["nameservers"].Missing("dnsPolicy None needs at least one name server");
        if (spec.DnsConfig is not { } config) return;
        if (config.Nameservers?.Count > 3)
            scope["nameservers"].Error(ManifestReason.TooLong, "has more than 3 name servers", "the C library reads no more than three");
        for (int i = 0; i < (config.Nameservers?.Count ?? 0); i++) scope["nameservers"][i].IPAddress(config.Nameservers![i]);
        if (config.Searches?.Count > 32) scope["searches"].Error(ManifestReason.TooLong, "has more than 32 domains");
        if (config.Searches?.Sum(s => s.Length + 1) > 2049) scope["searches"].Error(ManifestReason.TooLong, "has more than 2048 characters");
        for (int i = 0; i < (config.Searches?.Count ?? 0); i++)
        {
            string search = config.Searches![i];
            string domain = search == "." ? "root" : search.TrimEnd('.').Replace('_', 'x');
            if (!Syntax.IsDnsSubdomain(domain)) scope["searches"][i].Invalid($"is {ManifestText.Quote(search)}, expected a domain");
        }
        for (int i = 0; i < (config.Options?.Count ?? 0); i++) scope["options"][i]["name"].Required(config.Options![i].Name);
    }

    private static void HostAliases(IReadOnlyList<HostAlias>? aliases, ValidationScope at)
    {
        for (int i = 0; i < (aliases?.Count ?? 0); i++)
        {
            HostAlias alias = aliases![i];
            if (at[i]["ip"].Required(alias.Ip)) at[i]["ip"].IPAddress(alias.Ip);
            for (int j = 0; j < (alias.Hostnames?.Count ?? 0); j++) at[i]["hostnames"][j].DnsSubdomain(alias.Hostnames![j]);
        }
    }

    private static void ResourceClaims(IReadOnlyList<PodResourceClaim>? claims, ValidationScope at)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (claims?.Count ?? 0); i++)
        {
            PodResourceClaim claim = claims![i];
            if (at[i]["name"].Required(claim.Name) && at[i]["name"].DnsLabel(claim.Name) && !names.Add(claim.Name!))
                at[i]["name"].Duplicate(claim.Name!);
            if (claim.ResourceClaimName is null == claim.ResourceClaimTemplateName is null)
                at[i].Exclusive("needs exactly one of resourceClaimName and resourceClaimTemplateName");
        }
    }
}
