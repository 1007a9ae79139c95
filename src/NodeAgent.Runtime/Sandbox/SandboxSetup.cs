using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.PodFiles;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.Sandbox;

/// <summary>
/// Makes a sandbox. Each step pushes its undo before it acts; a failure undoes them newest first, and an undo that fails keeps the record, which a later stop
/// or the next start of the agent works off.
///
///   step                                              undo
///   1 record: phase Creating                          the folder is renamed and deleted
///   2 cgroup: the pod's and the shim's leaf           kill, wait, rmdir
///   3 shim: socket, process born in its leaf, connection   shutdown, which kills all it started; else SIGKILL
///     a driver that makes a cgroup around a process does so now: see its own steps   undone with 2
///   4 volumes of the pod                              unmount and delete, unless the pod had some before
///   5 files: hosts, resolv.conf, hostname; shm        unmount shm (the files go with the folder)
///   6 namespaces: net, ipc, uts made, host name set, loopback up         with the shim
///   7 pause: pid 1 of a shared pid namespace, if the pod wants one        with the shim
///   8 record: phase Ready
/// The shim starts, and is put into its cgroup, while 4 and 5 are done: it needs none of them.
/// </summary>
internal sealed class SandboxSetup(RuntimeNode node, SandboxTeardown teardown)
{
    /// <summary>Puts the sandbox into the pod at step 1. Called under the pod's gate.</summary>
    public async Task<LiveSandbox> RunAsync(LivePod pod, PodSandboxConfig config, CancellationToken cancellationToken)
    {
        if (!PodHostname.TryFor(config.Pod, node.Options.ClusterDomain, out PodHostname? hostname, out string? problem))
            throw Failed(pod, problem);
        string? resources = ResourcesMessage(pod, config.Pod);
        LiveSandbox sandbox = new(pod, NewRecord(config, resources), node.Records);
        bool hadVolumes = node.Volumes.Exist(config.Uid);
        UndoStack undo = new();
        Task admitting = Task.CompletedTask;
        using CancellationTokenSource giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            undo.Push("record", () => RemoveRecord(sandbox));
            node.Records.Begin(sandbox.Record, config.Pod);
            pod.Pod = config.Pod;
            pod.Add(sandbox);
            node.Options.Pass("SandboxSetup.AfterRecord");

            undo.Push("cgroup", () => RemoveCgroupAsync(sandbox, admitting, giveUp));
            bool prepared = node.Cgroups.Driver.Prepare(config.Uid, config.Pod);
            node.Options.Pass("SandboxSetup.AfterCgroup");

            undo.Push("shim", () => teardown.EndShimAsync(sandbox));
            int pid = Spawn(sandbox, prepared);
            Task<PodShim?> connecting = node.Shims.ConnectAsync(sandbox.Folder, config.Uid.Value, giveUp.Token);
            admitting = node.Cgroups.Driver.AdmitAsync(config.Uid, config.Pod, pid, giveUp.Token);
            node.Options.Pass("SandboxSetup.AfterShim");

            if (!hadVolumes) undo.Push("volumes", () => node.Volumes.Remove(config.Uid));
            node.Volumes.Prepare(config.Uid, config.Pod, node.Options.Allocatable.MemoryBytes);
            node.Options.Pass("SandboxSetup.AfterVolumes");

            undo.Push("shm", () => SandboxFiles.UnmountShm(sandbox.Folder));
            MakeFiles(sandbox, config.Pod, hostname);
            node.Options.Pass("SandboxSetup.AfterFiles");

            sandbox.Shim = await connecting ?? throw Failed(pod, "its shim died at once");
            ProcessIdentity process = Procfs.Identify(sandbox.Shim.Info.Pid, node.Paths.Proc) ?? throw Failed(pod, "its shim died at once");
            node.Options.Pass("SandboxSetup.AfterConnect");
            await admitting;
            node.Options.Pass("SandboxSetup.AfterAdmission");
            await MakeNamespacesAsync(sandbox, config.Pod, hostname);
            node.Options.Pass("SandboxSetup.AfterNamespaces");

            if (config.Pod.Spec?.ShareProcessNamespace == true && config.Pod.Spec.HostPID != true) await StartPauseAsync(sandbox);
            node.Options.Pass("SandboxSetup.AfterPause");

            sandbox.Update(record => record with { Phase = SandboxPhase.Ready, Shim = process });
            undo.Forget();
            return sandbox;
        }
        catch (Exception e)
        {
            await UndoAsync(sandbox, undo);
            if (e is PodRuntimeException or OperationCanceledException) throw;
            throw new PodRuntimeException(
                RuntimeFailure.FailedCreatePodSandBox, $"pod {pod.Name}: sandbox {sandbox.Attempt}: {e.Message}", (e as LinuxException)?.Errno ?? 0, e);
        }
    }

    /// <returns>Pid of the shim; of no use to anybody when it is born in its cgroup.</returns>
    private int Spawn(LiveSandbox sandbox, bool bornInCgroup)
    {
        using SafeFileHandle? cgroup = bornInCgroup ? Cgroupfs.OpenFolder(PodCgroups.ShimPath(sandbox.Cgroup)) : null;
        return node.Shims.Spawn(sandbox.Folder, sandbox.Pod.Uid.Value, cgroup);
    }

    /// <summary>The admission may still be under way when a later step fails.</summary>
    private async ValueTask RemoveCgroupAsync(LiveSandbox sandbox, Task admitting, CancellationTokenSource giveUp)
    {
        await giveUp.CancelAsync();
        await admitting.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await node.Cgroups.RemoveAsync(sandbox.Cgroup, node.Options.KillDeadline, node.Time);
    }

    private SandboxRecord NewRecord(PodSandboxConfig config, string? resources) => new(
        config.Uid.Value, config.Attempt, config.Pod.Metadata?.Namespace ?? "default", config.Pod.Metadata?.Name ?? "", config.Source,
        SandboxPhase.Creating, node.Cgroups.Driver.PodPath(config.Uid, QosClass.Of(config.Pod)), node.Now, default, [], resources);

    private void MakeFiles(LiveSandbox sandbox, Pod pod, PodHostname hostname)
    {
        if (pod.Spec?.HostIPC != true) SandboxFiles.MountShm(sandbox.Folder);
        foreach (string omitted in SandboxFiles.Write(sandbox.Folder, pod, hostname, []))
            RuntimeLog.DnsOmitted(node.Logger, sandbox.Pod.Name, omitted);
    }

    private static async Task MakeNamespacesAsync(LiveSandbox sandbox, Pod pod, PodHostname hostname)
    {
        using SafeFileHandle cgroup = Cgroupfs.OpenFolder(PodCgroups.ShimPath(sandbox.Cgroup));
        SyscallProgram program = SandboxProgram.Build(new SandboxSpec
        {
            HostNetwork = pod.Spec?.HostNetwork == true,
            HostIpc = pod.Spec?.HostIPC == true,
            Hostname = hostname.Name,
            // On a kernel where it could not be born there.
            JoinsCgroup = !Cgroupfs.Processes(PodCgroups.ShimPath(sandbox.Cgroup)).Contains(sandbox.Shim!.Info.Pid),
            OomScoreAdj = OomScore.Sandbox,
            Sysctls = [.. (pod.Spec?.SecurityContext?.Sysctls ?? []).Select(sysctl => (sysctl.Name ?? "", sysctl.Value ?? ""))],
        });
        ShimOutcome outcome = await sandbox.Shim.RunAsync(program, [cgroup]);
        if (!outcome.Succeeded) throw Failed(sandbox.Pod, outcome.Describe(program), outcome.Errno);
    }

    private async Task StartPauseAsync(LiveSandbox sandbox)
    {
        SyscallProgram program = PauseProgram.Build(node.RootMountPoint);
        using SafeFileHandle cgroup = Cgroupfs.OpenFolder(PodCgroups.ShimPath(sandbox.Cgroup));
        ShimOutcome outcome = await sandbox.Shim!.StartAsync(new ShimStart
        {
            Slot = LiveSandbox.PauseSlot,
            Program = program,
            CloneFlags = PauseProgram.CloneFlags,
            Cgroup = cgroup,
            Stdio = ShimStdio.Null,
        });
        if (!outcome.Succeeded) throw Failed(sandbox.Pod, $"pause: {outcome.Describe(program)}", outcome.Errno);
        sandbox.PausePid = outcome.Pid;
    }

    private string? ResourcesMessage(LivePod pod, Pod manifest)
    {
        IReadOnlyList<string> missing = node.Cgroups.MissingFor(manifest);
        if (missing.Count == 0) return null;
        string message = $"cgroup v2 controllers missing on this node: {string.Join(", ", missing)}";
        return node.Options.RequireControllers ? throw Failed(pod, $"{message}, and requireControllers is set") : message;
    }

    private void RemoveRecord(LiveSandbox sandbox)
    {
        sandbox.Pod.Remove(sandbox);
        node.Records.RemoveSandbox(sandbox.Pod.Uid, sandbox.Attempt);
    }

    private async Task UndoAsync(LiveSandbox sandbox, UndoStack undo)
    {
        if (await undo.UnwindAsync() is not { } failure) return;
        RuntimeLog.UndoFailed(node.Logger, sandbox.Pod.Name, sandbox.Attempt, failure.Step, failure.Error);
        sandbox.Down($"undoing {failure.Step} failed: {failure.Error.Message}");
    }

    private static PodRuntimeException Failed(LivePod pod, string what, int errno = 0) =>
        new(RuntimeFailure.FailedCreatePodSandBox, $"pod {pod.Name}: {what}", errno);
}
