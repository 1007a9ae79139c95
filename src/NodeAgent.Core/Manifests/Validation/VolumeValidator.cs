using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Volumes and their sources.</summary>
internal static class VolumeValidator
{
    public static void Validate(PodSpec spec, ValidationScope at)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (spec.Volumes?.Count ?? 0); i++)
        {
            Volume volume = spec.Volumes![i];
            if (at[i]["name"].Required(volume.Name) && at[i]["name"].DnsLabel(volume.Name) && !names.Add(volume.Name!))
                at[i]["name"].Duplicate(volume.Name!);
            string[] sources = [.. VolumeSources.Names(volume)];
            if (sources.Length > 1)
                at[i].Exclusive($"has {sources.Length} sources: {string.Join(", ", sources)}", "keep one, or make a volume of each");
            Source(volume, spec, at[i]);
        }
    }

    private static void Source(Volume volume, PodSpec spec, ValidationScope at)
    {
        if (volume.HostPath is { } hostPath) HostPath(hostPath, at["hostPath"]);
        if (volume.EmptyDir is { } emptyDir) EmptyDir(emptyDir, at["emptyDir"]);
        if (volume.Secret is { } secret)
        {
            if (at["secret"]["secretName"].Required(secret.SecretName)) at["secret"]["secretName"].DnsSubdomain(secret.SecretName);
            at["secret"]["defaultMode"].FileMode(secret.DefaultMode);
            Items(secret.Items, at["secret"]["items"]);
        }
        if (volume.ConfigMap is { } map)
        {
            if (at["configMap"]["name"].Required(map.Name)) at["configMap"]["name"].DnsSubdomain(map.Name);
            at["configMap"]["defaultMode"].FileMode(map.DefaultMode);
            Items(map.Items, at["configMap"]["items"]);
        }
        if (volume.DownwardAPI is { } downward)
        {
            at["downwardAPI"]["defaultMode"].FileMode(downward.DefaultMode);
            Items(downward.Items, spec, at["downwardAPI"]["items"]);
        }
        if (volume.Projected is { } projected) Projected(projected, spec, at["projected"]);
        if (volume.PersistentVolumeClaim is { } claim && at["persistentVolumeClaim"]["claimName"].Required(claim.ClaimName))
            at["persistentVolumeClaim"]["claimName"].DnsSubdomain(claim.ClaimName);
        if (volume.Image is { } image)
        {
            at["image"]["reference"].Required(image.Reference);
            at["image"]["pullPolicy"].OneOf(image.PullPolicy, PullPolicy.Always, PullPolicy.IfNotPresent, PullPolicy.Never);
        }
        if (volume.Nfs is { } nfs)
        {
            at["nfs"]["server"].Required(nfs.Server);
            if (at["nfs"]["path"].Required(nfs.Path) && !nfs.Path!.StartsWith('/')) at["nfs"]["path"].Invalid("must be an absolute path");
        }
    }

    private static void HostPath(HostPathVolumeSource source, ValidationScope at)
    {
        if (at["path"].Required(source.Path))
        {
            if (source.Path!.Split('/').Contains("..", StringComparer.Ordinal)) at["path"].Invalid("must not contain ..", "write the path out");
            else if (!source.Path.StartsWith('/')) at["path"].Invalid($"is {ManifestText.Quote(source.Path)}, expected an absolute path");
        }
        at["type"].OneOf(source.Type, HostPathType.Unset, HostPathType.DirectoryOrCreate, HostPathType.Directory, HostPathType.FileOrCreate,
            HostPathType.File, HostPathType.Socket, HostPathType.CharDevice, HostPathType.BlockDevice);
    }

    private static void EmptyDir(EmptyDirVolumeSource source, ValidationScope at)
    {
        string medium = source.Medium ?? "";
        bool hugePages = medium == StorageMedium.HugePages
            || (medium.StartsWith(StorageMedium.HugePages + "-", StringComparison.Ordinal)
                && Quantity.TryParse(medium[(StorageMedium.HugePages.Length + 1)..], out _));
        if (!hugePages) at["medium"].OneOf(medium, StorageMedium.Default, StorageMedium.Memory, StorageMedium.HugePages);
        if (source.SizeLimit is not { } limit) return;
        if (limit.Sign < 0) at["sizeLimit"].Invalid($"is {limit}, which is negative");
    }

    private static void Projected(ProjectedVolumeSource projected, PodSpec spec, ValidationScope at)
    {
        at["defaultMode"].FileMode(projected.DefaultMode);
        for (int i = 0; i < (projected.Sources?.Count ?? 0); i++)
        {
            VolumeProjection source = projected.Sources![i];
            ValidationScope scope = at["sources"][i];
            object?[] all = [source.Secret, source.DownwardAPI, source.ConfigMap, source.ServiceAccountToken, source.ClusterTrustBundle,
                source.PodCertificate];
            if (all.Count(s => s is not null) != 1) scope.Exclusive("needs exactly one source");
            if (source.Secret is { } secret)
            {
                scope["secret"]["name"].Required(secret.Name);
                Items(secret.Items, scope["secret"]["items"]);
            }
            if (source.ConfigMap is { } map)
            {
                scope["configMap"]["name"].Required(map.Name);
                Items(map.Items, scope["configMap"]["items"]);
            }
            if (source.DownwardAPI is { } downward) Items(downward.Items, spec, scope["downwardAPI"]["items"]);
            if (source.ServiceAccountToken is { } token) scope["serviceAccountToken"]["path"].Required(token.Path);
        }
    }

    private static void Items(IReadOnlyList<KeyToPath>? items, ValidationScope at)
    {
        for (int i = 0; i < (items?.Count ?? 0); i++)
        {
            at[i]["key"].Required(items![i].Key);
            FilePath(items[i].Path, at[i]["path"]);
            at[i]["mode"].FileMode(items[i].Mode);
        }
    }

    private static void Items(IReadOnlyList<DownwardApiVolumeFile>? items, PodSpec spec, ValidationScope at)
    {
        for (int i = 0; i < (items?.Count ?? 0); i++)
        {
            FilePath(items![i].Path, at[i]["path"]);
            EnvironmentValidator.VolumeFile(items[i], spec, at[i]);
        }
    }

    /// <summary>Names that begin with two dots are the volume's own, for its atomic exchange of files.</summary>
    private static void FilePath(string? path, ValidationScope at)
    {
        if (!at.Required(path)) return;
        if (!Syntax.StaysInside(path!) || path!.StartsWith("..", StringComparison.Ordinal))
            at.Invalid($"is {ManifestText.Quote(path!)}, expected a relative path that does not begin with ..");
    }
}
