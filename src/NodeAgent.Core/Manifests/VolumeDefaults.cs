using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Defaults of volumes. A volume without any source is an emptyDir.</summary>
internal static class VolumeDefaults
{
    public static Volume Of(Volume volume)
    {
        Volume result = volume with
        {
            HostPath = volume.HostPath is { } hostPath ? hostPath with { Type = hostPath.Type ?? HostPathType.Unset } : null,
            Secret = volume.Secret is { } secret ? secret with { DefaultMode = secret.DefaultMode ?? PodDefaults.FileMode } : null,
            ConfigMap = volume.ConfigMap is { } map ? map with { DefaultMode = map.DefaultMode ?? PodDefaults.FileMode } : null,
            DownwardAPI = volume.DownwardAPI is { } downward
                ? downward with { DefaultMode = downward.DefaultMode ?? PodDefaults.FileMode, Items = Items(downward.Items) }
                : null,
            Projected = volume.Projected is { } projected
                ? projected with
                {
                    DefaultMode = projected.DefaultMode ?? PodDefaults.FileMode,
                    Sources = PodDefaults.Each(projected.Sources, Of),
                }
                : null,
            Image = volume.Image is { } image
                ? image with { PullPolicy = PodDefaults.NullIfEmpty(image.PullPolicy) ?? PodDefaults.PullPolicyFor(image.Reference) }
                : null,
            Ephemeral = volume.Ephemeral is { VolumeClaimTemplate: { Spec: { } claim } template } ephemeral
                ? ephemeral with { VolumeClaimTemplate = template with { Spec = claim with { VolumeMode = claim.VolumeMode ?? "Filesystem" } } }
                : volume.Ephemeral,
        };
        return VolumeSources.Count(result) == 0 ? result with { EmptyDir = new EmptyDirVolumeSource() } : result;
    }

    private static VolumeProjection Of(VolumeProjection source) => source with
    {
        DownwardAPI = source.DownwardAPI is { } downward ? downward with { Items = Items(downward.Items) } : null,
        ServiceAccountToken = source.ServiceAccountToken is { } token
            ? token with { ExpirationSeconds = token.ExpirationSeconds ?? 3600 }
            : null,
    };

    private static IReadOnlyList<DownwardApiVolumeFile>? Items(IReadOnlyList<DownwardApiVolumeFile>? items) => PodDefaults.Each(
        items, i => i.FieldRef is null ? i : i with { FieldRef = PodDefaults.Of(i.FieldRef) });
}

/// <summary>The sources of a volume as a list: exactly one may be set.</summary>
internal static class VolumeSources
{
    /// <summary>The JSON names of the sources that are set.</summary>
    public static IEnumerable<string> Names(Volume v) => All(v).Where(s => s.Source is not null).Select(s => s.Name);

    public static int Count(Volume volume) => Names(volume).Count();

    private static (string Name, object? Source)[] All(Volume v) =>
    [
        ("hostPath", v.HostPath), ("emptyDir", v.EmptyDir), ("gcePersistentDisk", v.GcePersistentDisk),
        ("awsElasticBlockStore", v.AwsElasticBlockStore), ("gitRepo", v.GitRepo), ("secret", v.Secret), ("nfs", v.Nfs), ("iscsi", v.Iscsi),
        ("glusterfs", v.Glusterfs), ("persistentVolumeClaim", v.PersistentVolumeClaim), ("rbd", v.Rbd), ("flexVolume", v.FlexVolume),
        ("cinder", v.Cinder), ("cephfs", v.Cephfs), ("flocker", v.Flocker), ("downwardAPI", v.DownwardAPI), ("fc", v.Fc),
        ("azureFile", v.AzureFile), ("configMap", v.ConfigMap), ("vsphereVolume", v.VsphereVolume), ("quobyte", v.Quobyte),
        ("azureDisk", v.AzureDisk), ("photonPersistentDisk", v.PhotonPersistentDisk), ("projected", v.Projected),
        ("portworxVolume", v.PortworxVolume), ("scaleIO", v.ScaleIO), ("storageos", v.Storageos), ("csi", v.Csi),
        ("ephemeral", v.Ephemeral), ("image", v.Image),
    ];
}
