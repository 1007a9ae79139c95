using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.Containers;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime.Sandbox;

/// <summary>
/// Takes a sandbox down, from whatever state it is in: ready, dead, half made by an agent that was killed, or half taken down. Every step may find its work
/// done already. A step that fails leaves the rest to the next try; nothing older than it is released before it.
/// </summary>
internal sealed class SandboxTeardown(RuntimeNode node, ContainerExits exits)
{
    /// <summary>
    ///  1. record: phase NotReady
    ///  2. the shim kills all it started, tells their ends, and ends itself
    ///  3. whatever is left in the pod's cgroup is killed; the cgroup goes
    ///  4. containers whose end nobody told are recorded from the shim's files, or as unknown
    ///  5. shm is unmounted
    /// Containers' records, the pod's volumes and its files stay. Called under the pod's gate.
    /// </summary>
    public async Task StopAsync(LiveSandbox sandbox, string why)
    {
        sandbox.Down(why);
        node.Options.Pass("SandboxTeardown.AfterRecord");
        await EndShimAsync(sandbox);
        node.Options.Pass("SandboxTeardown.AfterShim");
        // The pod's cgroup belongs to the sandbox that took this one's place, which was not made before this one was down.
        if (!sandbox.Pod.Sandboxes.Any(other => other != sandbox && other.Record.Phase != SandboxPhase.NotReady))
            await node.Cgroups.RemoveAsync(sandbox.Cgroup, node.Options.KillDeadline, node.Time);
        node.Options.Pass("SandboxTeardown.AfterCgroup");
        await SettleContainersAsync(sandbox, why);
        SandboxFiles.UnmountShm(sandbox.Folder);
        node.Options.Pass("SandboxTeardown.AfterShm");
    }

    /// <summary>Stops it and deletes its records; with the pod's last sandbox its volumes go too. Called under the pod's gate.</summary>
    /// <param name="keepVolumes">They may be older than the sandbox: a pod gets its emptyDirs back after a reboot.</param>
    public async Task RemoveAsync(LiveSandbox sandbox, bool keepVolumes = false)
    {
        await StopAsync(sandbox, "removed");
        foreach (LiveContainer container in sandbox.Containers.Values) TerminationLog.Remove(node.TerminationLogPath(container));
        if (!keepVolumes && sandbox.Pod.Sandboxes.All(other => other == sandbox)) node.Volumes.Remove(sandbox.Pod.Uid);
        node.Options.Pass("SandboxTeardown.AfterVolumes");
        node.Records.RemoveSandbox(sandbox.Pod.Uid, sandbox.Attempt);
        sandbox.Pod.Remove(sandbox);
    }

    /// <summary>
    /// Ends the shim with all it started and waits until both its process and its last event are gone. Found by its socket, which exists before its pid is
    /// recorded anywhere.
    /// </summary>
    public async ValueTask EndShimAsync(LiveSandbox sandbox)
    {
        sandbox.Stopping = true;
        PodShim? shim = sandbox.Shim ?? await TryConnectAsync(sandbox);
        ProcessIdentity process = sandbox.Record.Shim;
        if (shim is not null)
        {
            if (process.Pid == 0) process = Procfs.Identify(shim.Info.Pid, node.Paths.Proc) ?? default;
            try
            {
                await shim.ShutdownAsync(force: true);
                await shim.Gone.WaitAsync(node.Options.KillDeadline, node.Time);
            }
            catch (ShimGoneException)
            {
                // It ended before it could answer.
            }
            await sandbox.Watching.WaitAsync(node.Options.KillDeadline, node.Time);
            shim.Dispose();
            sandbox.Shim = null;
        }
        if (process.IsAlive(node.Paths.Proc)) await KillAsync(process);
        File.Delete($"{sandbox.Folder}/{ShimLauncher.SocketName}");
    }

    /// <summary>Null when nobody answers: it is dead, or stuck and has to be killed.</summary>
    private async Task<PodShim?> TryConnectAsync(LiveSandbox sandbox)
    {
        using CancellationTokenSource deadline = new(node.Options.KillDeadline, node.Time);
        try
        {
            return await node.Shims.ConnectAsync(sandbox.Folder, sandbox.Pod.Uid.Value, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>For a shim that does not answer.</summary>
    private async Task KillAsync(ProcessIdentity process)
    {
        using var pidfd = Pidfd.Open(process.Pid);
        // Opened before it is looked at: if it is still the process that was recorded, the descriptor is its.
        if (pidfd is null || !process.IsAlive(node.Paths.Proc)) return;
        Pidfd.SendSignal(pidfd, SignalNumbers.SIGKILL);
        if (!await Task.Run(() => Poll.Wait(pidfd, Poll.POLLIN, node.Options.KillDeadline)))
            throw new TimeoutException($"shim {process.Pid} did not die within {node.Options.KillDeadline.TotalSeconds} s of SIGKILL");
    }

    /// <summary>Gives every container of a sandbox that is gone its end.</summary>
    public async Task SettleContainersAsync(LiveSandbox sandbox, string why)
    {
        LiveContainer[] open = [.. sandbox.Containers.Values.Where(container => container.IsLive)];
        if (open.Length == 0) return;
        var records = ShimRecords.Read(sandbox.Folder).ToDictionary(record => record.Slot);
        foreach (LiveContainer container in open)
        {
            ShimSlotRecord? left = records.GetValueOrDefault(container.Record.Slot);
            if (left?.Exit is { } exit) await exits.HandleAsync(container, new ProcessEnd(exit.WaitStatus, exit.ExitedAt));
            else if (container.Phase == ContainerPhase.Starting && left?.Start is null) container.Revert();
            else await exits.LoseAsync(container, $"the process was gone when its end was looked for: {why}");
        }
    }
}
