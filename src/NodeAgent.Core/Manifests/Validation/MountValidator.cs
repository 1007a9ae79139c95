using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>Where a container's volumes and devices appear.</summary>
internal static class MountValidator
{
    public static void Validate(Container container, PodSpec spec, ValidationScope at)
    {
        var paths = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (container.VolumeMounts?.Count ?? 0); i++)
            Mount(container.VolumeMounts![i], container, spec, paths, at["volumeMounts"][i]);
        for (int i = 0; i < (container.VolumeDevices?.Count ?? 0); i++)
        {
            VolumeDevice device = container.VolumeDevices![i];
            ValidationScope scope = at["volumeDevices"][i];
            if (scope["name"].Required(device.Name)) Reference(device.Name!, spec, scope["name"]);
            if (scope["devicePath"].Required(device.DevicePath) && !paths.Add(Canonical(device.DevicePath!)))
                scope["devicePath"].Duplicate(device.DevicePath!);
        }
    }

    private static void Mount(VolumeMount mount, Container container, PodSpec spec, HashSet<string> paths, ValidationScope at)
    {
        if (at["name"].Required(mount.Name)) Reference(mount.Name!, spec, at["name"]);
        if (at["mountPath"].Required(mount.MountPath) && !paths.Add(Canonical(mount.MountPath!)))
            at["mountPath"].Duplicate(mount.MountPath!);
        if (!string.IsNullOrEmpty(mount.SubPath) && !Syntax.StaysInside(mount.SubPath))
            at["subPath"].Invalid($"is {ManifestText.Quote(mount.SubPath)}, expected a relative path without ..", "write a path inside the volume");
        if (!string.IsNullOrEmpty(mount.SubPathExpr))
        {
            if (!string.IsNullOrEmpty(mount.SubPath)) at["subPathExpr"].Exclusive("may not be set together with subPath", "keep one of the two");
            if (!Syntax.StaysInside(mount.SubPathExpr)) at["subPathExpr"].Invalid("must be a relative path without ..");
        }
        at["mountPropagation"].OneOf(mount.MountPropagation, MountPropagationMode.None, MountPropagationMode.HostToContainer,
            MountPropagationMode.Bidirectional);
        if (mount.MountPropagation == MountPropagationMode.Bidirectional && container.SecurityContext?.Privileged != true)
        {
            at["mountPropagation"].Exclusive("may be Bidirectional only in a privileged container",
                "use HostToContainer, or set securityContext.privileged");
        }
        at["recursiveReadOnly"].OneOf(mount.RecursiveReadOnly, RecursiveReadOnlyMode.Disabled, RecursiveReadOnlyMode.IfPossible,
            RecursiveReadOnlyMode.Enabled);
        if (mount.RecursiveReadOnly is not (RecursiveReadOnlyMode.IfPossible or RecursiveReadOnlyMode.Enabled)) return;
        if (mount.ReadOnly != true) at["recursiveReadOnly"].Exclusive("needs readOnly to be true");
        if (mount.MountPropagation is not (null or MountPropagationMode.None))
            at["recursiveReadOnly"].Exclusive("needs mountPropagation to be None");
    }

    private static void Reference(string name, PodSpec spec, ValidationScope at)
    {
        IEnumerable<string> volumes = spec.Volumes?.Select(v => v.Name ?? "") ?? [];
        if (volumes.Contains(name, StringComparer.Ordinal)) return;
        at.Error(ManifestReason.MissingReference, $"{ManifestText.Quote(name)} is no volume of this pod",
            Spelling.Nearest(name, volumes) is { Length: > 0 } nearest ? $"did you mean {nearest}?" : "add it under spec.volumes");
    }

    /// <summary>Two spellings of one place count as one: the second mount would hide the first.</summary>
    private static string Canonical(string path) => "/" + string.Join('/', path.Split('/').Where(p => p.Length > 0 && p != "."));
}
