namespace NodeAgent.Core.Model;

/// <summary>A named volume with exactly one source (core/v1 Volume).</summary>
public sealed record Volume
{
    public string? Name { get; init; }
    public HostPathVolumeSource? HostPath { get; init; }
    public EmptyDirVolumeSource? EmptyDir { get; init; }
    public GcePersistentDiskVolumeSource? GcePersistentDisk { get; init; }
    public AwsElasticBlockStoreVolumeSource? AwsElasticBlockStore { get; init; }
    public GitRepoVolumeSource? GitRepo { get; init; }
    public SecretVolumeSource? Secret { get; init; }
    public NfsVolumeSource? Nfs { get; init; }
    public IscsiVolumeSource? Iscsi { get; init; }
    public GlusterfsVolumeSource? Glusterfs { get; init; }
    public PersistentVolumeClaimVolumeSource? PersistentVolumeClaim { get; init; }
    public RbdVolumeSource? Rbd { get; init; }
    public FlexVolumeSource? FlexVolume { get; init; }
    public CinderVolumeSource? Cinder { get; init; }
    public CephFsVolumeSource? Cephfs { get; init; }
    public FlockerVolumeSource? Flocker { get; init; }
    public DownwardApiVolumeSource? DownwardAPI { get; init; }
    public FcVolumeSource? Fc { get; init; }
    public AzureFileVolumeSource? AzureFile { get; init; }
    public ConfigMapVolumeSource? ConfigMap { get; init; }
    public VsphereVirtualDiskVolumeSource? VsphereVolume { get; init; }
    public QuobyteVolumeSource? Quobyte { get; init; }
    public AzureDiskVolumeSource? AzureDisk { get; init; }
    public PhotonPersistentDiskVolumeSource? PhotonPersistentDisk { get; init; }
    public ProjectedVolumeSource? Projected { get; init; }
    public PortworxVolumeSource? PortworxVolume { get; init; }
    public ScaleIoVolumeSource? ScaleIO { get; init; }
    public StorageOsVolumeSource? Storageos { get; init; }
    public CsiVolumeSource? Csi { get; init; }
    public EphemeralVolumeSource? Ephemeral { get; init; }
    public ImageVolumeSource? Image { get; init; }
}

/// <summary>A path of the host. Type is one of <see cref="HostPathType"/>.</summary>
public sealed record HostPathVolumeSource
{
    public string? Path { get; init; }
    public string? Type { get; init; }
}

/// <summary>A folder that lives as long as the pod. Medium: empty, <c>Memory</c>, <c>HugePages</c> or <c>HugePages-&lt;size&gt;</c>.</summary>
public sealed record EmptyDirVolumeSource
{
    public string? Medium { get; init; }

    /// <summary>In bytes.</summary>
    public Quantity? SizeLimit { get; init; }
}

public sealed record SecretVolumeSource
{
    public string? SecretName { get; init; }
    public IReadOnlyList<KeyToPath>? Items { get; init; }

    /// <summary>Permission bits, 0 to 0777.</summary>
    public int? DefaultMode { get; init; }

    public bool? Optional { get; init; }
}

public sealed record ConfigMapVolumeSource
{
    public string? Name { get; init; }
    public IReadOnlyList<KeyToPath>? Items { get; init; }

    /// <summary>Permission bits, 0 to 0777.</summary>
    public int? DefaultMode { get; init; }

    public bool? Optional { get; init; }
}

public sealed record KeyToPath
{
    public string? Key { get; init; }
    public string? Path { get; init; }
    public int? Mode { get; init; }
}

public sealed record DownwardApiVolumeSource
{
    public IReadOnlyList<DownwardApiVolumeFile>? Items { get; init; }
    public int? DefaultMode { get; init; }
}

public sealed record DownwardApiVolumeFile
{
    public string? Path { get; init; }
    public ObjectFieldSelector? FieldRef { get; init; }
    public ResourceFieldSelector? ResourceFieldRef { get; init; }
    public int? Mode { get; init; }
}

public sealed record PersistentVolumeClaimVolumeSource
{
    public string? ClaimName { get; init; }
    public bool? ReadOnly { get; init; }
}

/// <summary>The files of an image, read-only.</summary>
public sealed record ImageVolumeSource
{
    public string? Reference { get; init; }
    public string? PullPolicy { get; init; }
}

public sealed record ProjectedVolumeSource
{
    public IReadOnlyList<VolumeProjection>? Sources { get; init; }
    public int? DefaultMode { get; init; }
}

/// <summary>Exactly one source.</summary>
public sealed record VolumeProjection
{
    public SecretProjection? Secret { get; init; }
    public DownwardApiProjection? DownwardAPI { get; init; }
    public ConfigMapProjection? ConfigMap { get; init; }
    public ServiceAccountTokenProjection? ServiceAccountToken { get; init; }
    public ClusterTrustBundleProjection? ClusterTrustBundle { get; init; }
    public PodCertificateProjection? PodCertificate { get; init; }
}

public sealed record SecretProjection
{
    public string? Name { get; init; }
    public IReadOnlyList<KeyToPath>? Items { get; init; }
    public bool? Optional { get; init; }
}

public sealed record DownwardApiProjection
{
    public IReadOnlyList<DownwardApiVolumeFile>? Items { get; init; }
}

public sealed record ConfigMapProjection
{
    public string? Name { get; init; }
    public IReadOnlyList<KeyToPath>? Items { get; init; }
    public bool? Optional { get; init; }
}

public sealed record ServiceAccountTokenProjection
{
    public string? Audience { get; init; }
    public long? ExpirationSeconds { get; init; }
    public string? Path { get; init; }
}

public sealed record ClusterTrustBundleProjection
{
    public string? Name { get; init; }
    public string? SignerName { get; init; }
    public LabelSelector? LabelSelector { get; init; }
    public bool? Optional { get; init; }
    public string? Path { get; init; }
}

public sealed record PodCertificateProjection
{
    public string? SignerName { get; init; }
    public string? KeyType { get; init; }
    public int? MaxExpirationSeconds { get; init; }
    public string? CredentialBundlePath { get; init; }
    public string? KeyPath { get; init; }
    public string? CertificateChainPath { get; init; }
    public IReadOnlyDictionary<string, string>? UserAnnotations { get; init; }
}
