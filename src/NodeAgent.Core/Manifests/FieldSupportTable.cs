namespace NodeAgent.Core.Manifests;

/// <summary>
/// The one table of what is honoured. To take a field in, move its path into a list of <see cref="Honoured"/>: nothing else changes.
/// A test holds the table against the model, so an entry can be neither missing nor stale.
/// </summary>
internal static class FieldSupportTable
{
    private const string NoScheduler = "it tells a scheduler where to put the pod, and here it runs on this node";
    private const string NoApiServer = "there is no API server here that could hold or hand out the object";
    private const string SetByAgent = "the agent fills this in itself";

    public static IEnumerable<FieldSupport> Entries() =>
        [.. Metadata(), .. Spec(), .. Volumes(), .. Containers("spec.containers[]"), .. Containers("spec.initContainers[]")];

    private static IEnumerable<FieldSupport> Metadata() =>
    [
        .. Honoured("apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations"),
        .. NoEffect(SetByAgent,
            "status.**", "metadata.uid", "metadata.resourceVersion", "metadata.generation", "metadata.selfLink", "metadata.creationTimestamp",
            "metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds", "metadata.managedFields.**"),
        .. NoEffect("nothing owns a pod that comes from a file, and nothing holds back its removal but the file",
            "metadata.ownerReferences.**", "metadata.finalizers"),
        .. Refused("a pod from a file needs a name that stays", "give metadata.name", "metadata.generateName"),
    ];

    private static IEnumerable<FieldSupport> Spec() =>
    [
        .. Honoured(
            "spec.restartPolicy", "spec.terminationGracePeriodSeconds", "spec.activeDeadlineSeconds", "spec.dnsPolicy", "spec.hostNetwork",
            "spec.hostPID", "spec.hostIPC", "spec.shareProcessNamespace", "spec.hostname", "spec.subdomain", "spec.hostAliases.**",
            "spec.dnsConfig.**", "spec.setHostnameAsFQDN", "spec.securityContext.runAsUser", "spec.securityContext.runAsGroup",
            "spec.securityContext.runAsNonRoot", "spec.securityContext.supplementalGroups", "spec.securityContext.fsGroup",
            "spec.resources.limits", "spec.resources.requests"),
        NotYet("spec.ephemeralContainers.**", "debugging containers are not started", "use podctl exec"),
        NotYet("spec.hostUsers", "user namespaces are not set up", "remove it, or set it to true", "true"),
        NotYet("spec.hostnameOverride", "the host name comes from hostname and subdomain", "use spec.hostname"),
        NotYet("spec.overhead.**", "the sandbox's own use is not accounted for", "remove it"),
        NotYet("spec.resources.claims.**", "devices are not allocated", "mount the device with a hostPath volume"),
        NotYet("spec.resourceClaims.**", "devices are not allocated", "mount the device with a hostPath volume"),
        NotYet("spec.readinessGates.**", "nothing here sets the condition that it waits for", "remove it"),
        NotYet("spec.imagePullSecrets.**", "Secret objects cannot be read", "put the registry's credentials into the agent's auth.json"),
        NotYet("spec.runtimeClassName", "there is one runtime", "remove it"),
        .. SecurityProfiles("spec.securityContext"),
        NotYet("spec.securityContext.sysctls.**", "sysctls of the pod are not set", "set them on the host"),
        NotYet("spec.securityContext.supplementalGroupsPolicy", "the image's own groups are always added", "use Merge", "Merge"),
        NotYet("spec.securityContext.fsGroupChangePolicy", "ownership is always set throughout", "use Always", "Always"),
        NotYet("spec.securityContext.seLinuxChangePolicy", "SELinux labels are not set", "use MountOption", "MountOption"),
        new("spec.os.name", SupportLevel.Refused, "this is Linux", "use linux", ["linux"]),
        .. Refused("nothing here lifts the gate, so the pod would never start", "remove it", "spec.schedulingGates.**"),
        .. NoEffect(NoScheduler,
            "spec.nodeName", "spec.nodeSelector", "spec.affinity.**", "spec.tolerations.**", "spec.topologySpreadConstraints.**",
            "spec.schedulerName", "spec.schedulingGroup.**"),
        .. Honoured("spec.priority"),
        .. NoEffect("only system-node-critical and system-cluster-critical are known here: their pods are admitted first and not evicted", "spec.priorityClassName"),
        .. NoEffect("pods are not preempted for one another here", "spec.preemptionPolicy"),
        .. NoEffect("there are no Services here whose variables could be set", "spec.enableServiceLinks"),
        .. NoEffect("there is no API server here to be known to", "spec.serviceAccountName", "spec.serviceAccount",
            "spec.automountServiceAccountToken"),
    ];

    private static IEnumerable<FieldSupport> Volumes()
    {
        const string volume = "spec.volumes[].";
        return
        [
            .. Honoured(volume + "name", volume + "hostPath.**"),
            new(volume + "emptyDir.sizeLimit", SupportLevel.Honoured),
            NotYet(volume + "emptyDir.medium", "huge pages are not mounted", "use Memory, or leave it out", "", "Memory"),
            NotYet(volume + "configMap.**", NoApiServer, "use a hostPath volume"),
            NotYet(volume + "secret.**", NoApiServer, "use a hostPath volume"),
            NotYet(volume + "downwardAPI.**", "its files are not written", "use environment variables with fieldRef"),
            NotYet(volume + "projected.**", "its files are not written", "use a hostPath volume"),
            NotYet(volume + "image.**", "images are not mounted as volumes", "copy the files into the container's image"),
            NotYet(volume + "persistentVolumeClaim.**", "claims are not resolved", "use a hostPath volume"),
            NotYet(volume + "ephemeral.**", "claims are not resolved", "use an emptyDir volume"),
            NotYet(volume + "nfs.**", "network file systems are not mounted", "mount it on the host and use a hostPath volume"),
            .. Refused("it needs a driver that only a cluster has", "mount it on the host and use a hostPath volume",
                volume + "iscsi.**", volume + "fc.**", volume + "glusterfs.**", volume + "rbd.**", volume + "cephfs.**", volume + "cinder.**",
                volume + "flexVolume.**", volume + "flocker.**", volume + "gcePersistentDisk.**", volume + "awsElasticBlockStore.**",
                volume + "azureFile.**", volume + "azureDisk.**", volume + "vsphereVolume.**", volume + "quobyte.**",
                volume + "photonPersistentDisk.**", volume + "portworxVolume.**", volume + "scaleIO.**", volume + "storageos.**",
                volume + "csi.**"),
            .. Refused("Kubernetes has removed it", "clone the repository on the host and use a hostPath volume", volume + "gitRepo.**"),
        ];
    }

    /// <param name="at">The path of a kind of container, e.g. <c>spec.containers[]</c>.</param>
    private static IEnumerable<FieldSupport> Containers(string at)
    {
        string c = at + ".";
        return
        [
            .. Honoured(
                c + "name", c + "image", c + "command", c + "args", c + "workingDir", c + "imagePullPolicy", c + "stdin", c + "stdinOnce",
                c + "tty", c + "terminationMessagePath", c + "terminationMessagePolicy", c + "restartPolicy", c + "restartPolicyRules.**",
                c + "ports[].name", c + "ports[].containerPort", c + "ports[].protocol",
                c + "env[].name", c + "env[].value", c + "env[].valueFrom.fieldRef.**", c + "env[].valueFrom.resourceFieldRef.**",
                c + "resources.limits", c + "resources.requests", c + "resizePolicy[].resourceName", c + "resizePolicy[].restartPolicy",
                c + "volumeMounts[].name", c + "volumeMounts[].mountPath", c + "volumeMounts[].readOnly", c + "volumeMounts[].subPath",
                c + "volumeMounts[].mountPropagation", c + "lifecycle.**",
                c + "livenessProbe.**", c + "readinessProbe.**", c + "startupProbe.**"),
            new(c + "ports[].hostPort", SupportLevel.Honoured) { Condition = "with hostNetwork: true" },
            new(c + "ports[].hostIP", SupportLevel.Honoured) { Condition = "with hostNetwork: true" },
            NotYet(c + "env[].valueFrom.configMapKeyRef.**", NoApiServer, "write the value into the manifest"),
            NotYet(c + "env[].valueFrom.secretKeyRef.**", NoApiServer, "mount a file of the host that only root can read"),
            NotYet(c + "env[].valueFrom.fileKeyRef.**", "env files are not read", "write the value into the manifest"),
            NotYet(c + "envFrom.**", NoApiServer, "write the variables into the manifest"),
            NotYet(c + "resources.claims.**", "devices are not allocated", "mount the device with a hostPath volume"),
            NotYet(c + "volumeMounts[].subPathExpr", "variables in it are not expanded", "use subPath"),
            NotYet(c + "volumeMounts[].recursiveReadOnly", "mounts under a read-only one stay as they are", "remove it", "Disabled"),
            NotYet(c + "volumeDevices.**", "block devices are not handed in", "mount the device with a hostPath volume"),
            .. SecurityContext(c + "securityContext"),
        ];
    }

    private static IEnumerable<FieldSupport> SecurityContext(string at) =>
    [
        .. Honoured(
            at + ".runAsUser", at + ".runAsGroup", at + ".runAsNonRoot", at + ".capabilities.**", at + ".privileged",
            at + ".readOnlyRootFilesystem", at + ".allowPrivilegeEscalation"),
        NotYet(at + ".procMount", "/proc is always masked", "use Default", "Default"),
        .. SecurityProfiles(at),
    ];

    private static IEnumerable<FieldSupport> SecurityProfiles(string at) =>
    [
        NotYet(at + ".seccompProfile.type", "profiles are not read from files", "use RuntimeDefault or Unconfined",
            "RuntimeDefault", "Unconfined"),
        NotYet(at + ".seccompProfile.localhostProfile", "profiles are not read from files", "use RuntimeDefault or Unconfined"),
        NotYet(at + ".appArmorProfile.type", "AppArmor profiles are not applied", "use Unconfined, or remove it", "Unconfined"),
        NotYet(at + ".appArmorProfile.localhostProfile", "AppArmor profiles are not applied", "remove it"),
        NotYet(at + ".seLinuxOptions.**", "SELinux labels are not set", "remove it"),
        .. Refused("this is Linux", "remove it", at + ".windowsOptions.**"),
    ];

    private static IEnumerable<FieldSupport> Honoured(params string[] paths) => paths.Select(p => new FieldSupport(p, SupportLevel.Honoured));

    private static IEnumerable<FieldSupport> NoEffect(string reason, params string[] paths) =>
        paths.Select(p => new FieldSupport(p, SupportLevel.NoEffectOnOneNode, reason));

    private static IEnumerable<FieldSupport> Refused(string reason, string remedy, params string[] paths) =>
        paths.Select(p => new FieldSupport(p, SupportLevel.Refused, reason, remedy));

    private static FieldSupport NotYet(string path, string reason, string remedy, params string[] acceptedValues) =>
        new(path, SupportLevel.NotYet, reason, remedy, acceptedValues.Length > 0 ? acceptedValues : null);
}
