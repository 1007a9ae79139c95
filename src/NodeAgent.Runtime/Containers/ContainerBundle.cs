using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.PodFiles;
using NodeAgent.Core.Resources;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Security;
using NodeAgent.Runtime.State;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime.Containers;

/// <summary>
/// Everything a container's process is made from, looked up and opened, nothing of it attached yet. Disposing closes what the process has not taken.
/// </summary>
internal sealed class ContainerBundle : IDisposable
{
    private readonly SafeFileHandle _rootfs;
    private readonly ContainerMounts _mounts;

    private ContainerBundle(SafeFileHandle rootfs, ContainerMounts mounts, ContainerSpec spec)
    {
        _rootfs = rootfs;
        _mounts = mounts;
        Spec = spec;
        Program = ContainerProgram.Build(spec);
    }

    public ContainerSpec Spec { get; }

    public SyscallProgram Program { get; }

    /// <summary>In the order in which the program names them.</summary>
    public IReadOnlyList<SafeFileHandle> ProgramFds => [_rootfs, .. _mounts.Trees];

    /// <exception cref="PodRuntimeException">CreateContainerConfigError or CreateContainerError: the manifest asks for what this container cannot have.</exception>
    public static ContainerBundle Open(RuntimeNode node, LiveContainer container, Container manifest)
    {
        SafeFileHandle rootfs = node.Rootfs.Mount(container.Record.Rootfs);
        ContainerMounts? mounts = null;
        try
        {
            ProcessPlan plan = ProcessPlan.Of(node, container, manifest, rootfs);
            TerminationLog.Create(node.TerminationLogPath(container));
            LivePod pod = container.Sandbox.Pod;
            mounts = ContainerMounts.Open(
                new MountSources(pod.Uid, pod.Pod, manifest, container.Id, rootfs, container.Sandbox.Folder, plan.ExpandSubPath), node.Volumes);
            foreach (string folder in MountTargets.Standard) MountTargets.Prepare(rootfs, folder, isDirectory: true);
            string[] imageVolumes = PrepareImageVolumes(rootfs, mounts, container.Record.Image.Config.Volumes);
            PrepareWorkingDirectory(rootfs, mounts, plan.Process.WorkingDirectory);
            return new ContainerBundle(rootfs, mounts, SpecOf(node, container, manifest, plan, mounts) with { WritablePaths = imageVolumes });
        }
        catch
        {
            mounts?.Dispose();
            rootfs.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _mounts.Dispose();
        _rootfs.Dispose();
    }

    private static ContainerSpec SpecOf(RuntimeNode node, LiveContainer container, Container manifest, ProcessPlan plan, ContainerMounts mounts)
    {
        Pod pod = container.Sandbox.Pod.Pod;
        return new ContainerSpec
        {
            Name = container.Record.Name,
            Process = plan.Process,
            RootMountPoint = node.RootMountPoint,
            Mounts = mounts.Mounts,
            PidNamespace = pod.Spec?.HostPID == true ? PidNamespaceMode.Host
                : pod.Spec?.ShareProcessNamespace == true ? PidNamespaceMode.Pod
                : PidNamespaceMode.Own,
            Devices = plan.Security.Privileged ? HostDevices.List() : [],
            ReadOnlyRootFilesystem = plan.Security.ReadOnlyRootFilesystem,
            Privileged = plan.Security.Privileged,
            MaskedPaths = plan.Security.MaskedPaths,
            ReadOnlyPaths = plan.Security.ReadOnlyPaths,
            OomScoreAdj = OomScore.ForContainer(pod, manifest, node.MemoryBytes),
        };
    }

    /// <summary>Makes the folders of the volumes that the image declares, where the manifest mounts nothing.</summary>
    private static string[] PrepareImageVolumes(SafeFileHandle rootfs, ContainerMounts mounts, IReadOnlyList<string> paths) =>
    [
        .. paths.Select(path => MountTargets.Prepare(rootfs, path, isDirectory: true))
            .Where(path => mounts.Mounts.All(mount => mount.Target != path))
            .Distinct(StringComparer.Ordinal)
            .OrderBy(path => path.Length),
    ];

    /// <summary>A missing working directory is made, as the field's runtimes do; where a volume is mounted it is the volume's own matter.</summary>
    private static void PrepareWorkingDirectory(SafeFileHandle rootfs, ContainerMounts mounts, string directory)
    {
        bool inVolume = mounts.Mounts.Any(mount => directory == mount.Target || directory.StartsWith(mount.Target + "/", StringComparison.Ordinal));
        bool inFilesystem = MountTargets.Standard.Any(folder => directory == folder || directory.StartsWith(folder + "/", StringComparison.Ordinal));
        if (!inVolume && !inFilesystem) MountTargets.Prepare(rootfs, directory, isDirectory: true);
    }
}

/// <summary>A container's first process, and what commands run in it later inherit.</summary>
/// <param name="ExpandSubPath">Expands <c>$(VAR)</c> with the manifest's variables; throws CreateContainerConfigError for an unknown one.</param>
internal sealed record ProcessPlan(ProcessSpec Process, ContainerSecurity Security, Func<string, string> ExpandSubPath)
{
    public static ProcessPlan Of(RuntimeNode node, LiveContainer container, Container manifest, SafeFileHandle rootfs)
    {
        LivePod pod = container.Sandbox.Pod;
        ImageConfig image = container.Record.Image.Config;
        var facts = new DownwardFacts(
            pod.Pod, node.Options.NodeName, node.Options.HostIPs, PodIPs(node, container.Sandbox), node.Options.Allocatable);
        IReadOnlyList<KeyValuePair<string, string>> variables = ContainerEnvironment.FromManifest(manifest, facts);
        ContainerSecurity security = ContainerSecurity.Resolve(pod.Pod, manifest, node.Capabilities, node.MaskedPaths);
        ResolvedUser user = UserResolution.Resolve(pod.Pod, manifest, image, rootfs);
        bool tty = manifest.Tty == true;
        var process = new ProcessSpec
        {
            Argv = ContainerCommand.Argv(manifest, image, variables),
            Env = ContainerEnvironment.Resolve(image, variables, Hostname(node, pod), user.Home, tty),
            WorkingDirectory = ContainerCommand.WorkingDirectory(manifest, image),
            User = user.User,
            Capabilities = security.Capabilities,
            NoNewPrivileges = security.NoNewPrivileges,
            Seccomp = security.Seccomp,
            // Not the agent's own: the .NET runtime raises its soft limit to the hard one.
            Rlimits = [Rlimit.OpenFiles(node.OpenFiles)],
            Tty = tty,
            Stdin = manifest.Stdin == true,
        };
        return new ProcessPlan(process, security, expression => ExpandStrictly(manifest, variables, expression));
    }

    private static IReadOnlyList<string> PodIPs(RuntimeNode node, LiveSandbox sandbox) =>
        sandbox.Pod.Pod.Spec?.HostNetwork == true ? node.Options.HostIPs : sandbox.Record.PodIPs;

    private static string Hostname(RuntimeNode node, LivePod pod)
    {
        if (pod.Pod.Spec?.HostNetwork == true) return Environment.MachineName;
        return PodHostname.TryFor(pod.Pod, node.Options.ClusterDomain, out PodHostname? hostname, out _) ? hostname.Name : pod.Pod.Metadata?.Name ?? "";
    }

    private static string ExpandStrictly(Container manifest, IReadOnlyList<KeyValuePair<string, string>> variables, string expression)
    {
        Dictionary<string, string> values = new(variables, StringComparer.Ordinal);
        string? missing = null;
        string expanded = VariableExpansion.Expand(expression, name =>
        {
            if (values.TryGetValue(name, out string? value)) return value;
            missing ??= name;
            return null;
        });
        return missing is null ? expanded : throw new PodRuntimeException(
            RuntimeFailure.CreateContainerConfigError, $"container {manifest.Name}: subPathExpr {expression}: variable {missing} is not set");
    }
}
