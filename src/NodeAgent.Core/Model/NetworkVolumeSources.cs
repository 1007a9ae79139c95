namespace NodeAgent.Core.Model;

public sealed record NfsVolumeSource
{
    public string? Server { get; init; }
    public string? Path { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record IscsiVolumeSource
{
    public string? TargetPortal { get; init; }
    public string? Iqn { get; init; }
    public int? Lun { get; init; }
    public string? IscsiInterface { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
    public IReadOnlyList<string>? Portals { get; init; }
    public bool? ChapAuthDiscovery { get; init; }
    public bool? ChapAuthSession { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
    public string? InitiatorName { get; init; }
}

public sealed record FcVolumeSource
{
    public IReadOnlyList<string>? TargetWWNs { get; init; }
    public int? Lun { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
    public IReadOnlyList<string>? Wwids { get; init; }
}

public sealed record GlusterfsVolumeSource
{
    public string? Endpoints { get; init; }
    public string? Path { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record RbdVolumeSource
{
    public IReadOnlyList<string>? Monitors { get; init; }
    public string? Image { get; init; }
    public string? FsType { get; init; }
    public string? Pool { get; init; }
    public string? User { get; init; }
    public string? Keyring { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record CephFsVolumeSource
{
    public IReadOnlyList<string>? Monitors { get; init; }
    public string? Path { get; init; }
    public string? User { get; init; }
    public string? SecretFile { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record CinderVolumeSource
{
    public string? VolumeID { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
}

public sealed record FlexVolumeSource
{
    public string? Driver { get; init; }
    public string? FsType { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
    public bool? ReadOnly { get; init; }
    public IReadOnlyDictionary<string, string>? Options { get; init; }
}

public sealed record FlockerVolumeSource
{
    public string? DatasetName { get; init; }
    public string? DatasetUUID { get; init; }
}

public sealed record GcePersistentDiskVolumeSource
{
    public string? PdName { get; init; }
    public string? FsType { get; init; }
    public int? Partition { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record AwsElasticBlockStoreVolumeSource
{
    public string? VolumeID { get; init; }
    public string? FsType { get; init; }
    public int? Partition { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record AzureFileVolumeSource
{
    public string? SecretName { get; init; }
    public string? ShareName { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record AzureDiskVolumeSource
{
    public string? DiskName { get; init; }
    public string? DiskURI { get; init; }
    public string? CachingMode { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
    public string? Kind { get; init; }
}

public sealed record GitRepoVolumeSource
{
    public string? Repository { get; init; }
    public string? Revision { get; init; }
    public string? Directory { get; init; }
}

public sealed record VsphereVirtualDiskVolumeSource
{
    public string? VolumePath { get; init; }
    public string? FsType { get; init; }
    public string? StoragePolicyName { get; init; }
    public string? StoragePolicyID { get; init; }
}

public sealed record QuobyteVolumeSource
{
    public string? Registry { get; init; }
    public string? Volume { get; init; }
    public bool? ReadOnly { get; init; }
    public string? User { get; init; }
    public string? Group { get; init; }
    public string? Tenant { get; init; }
}

public sealed record PhotonPersistentDiskVolumeSource
{
    public string? PdID { get; init; }
    public string? FsType { get; init; }
}

public sealed record PortworxVolumeSource
{
    public string? VolumeID { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record ScaleIoVolumeSource
{
    public string? Gateway { get; init; }
    public string? System { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
    public bool? SslEnabled { get; init; }
    public string? ProtectionDomain { get; init; }
    public string? StoragePool { get; init; }
    public string? StorageMode { get; init; }
    public string? VolumeName { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
}

public sealed record StorageOsVolumeSource
{
    public string? VolumeName { get; init; }
    public string? VolumeNamespace { get; init; }
    public string? FsType { get; init; }
    public bool? ReadOnly { get; init; }
    public LocalObjectReference? SecretRef { get; init; }
}

public sealed record CsiVolumeSource
{
    public string? Driver { get; init; }
    public bool? ReadOnly { get; init; }
    public string? FsType { get; init; }
    public IReadOnlyDictionary<string, string>? VolumeAttributes { get; init; }
    public LocalObjectReference? NodePublishSecretRef { get; init; }
}

public sealed record EphemeralVolumeSource
{
    public PersistentVolumeClaimTemplate? VolumeClaimTemplate { get; init; }
}

public sealed record PersistentVolumeClaimTemplate
{
    public ObjectMeta? Metadata { get; init; }
    public PersistentVolumeClaimSpec? Spec { get; init; }
}

public sealed record PersistentVolumeClaimSpec
{
    public IReadOnlyList<string>? AccessModes { get; init; }
    public LabelSelector? Selector { get; init; }
    public VolumeResourceRequirements? Resources { get; init; }
    public string? VolumeName { get; init; }
    public string? StorageClassName { get; init; }
    public string? VolumeMode { get; init; }
    public TypedLocalObjectReference? DataSource { get; init; }
    public TypedObjectReference? DataSourceRef { get; init; }
    public string? VolumeAttributesClassName { get; init; }
}

public sealed record TypedLocalObjectReference
{
    public string? ApiGroup { get; init; }
    public string? Kind { get; init; }
    public string? Name { get; init; }
}

public sealed record TypedObjectReference
{
    public string? ApiGroup { get; init; }
    public string? Kind { get; init; }
    public string? Name { get; init; }
    public string? Namespace { get; init; }
}
