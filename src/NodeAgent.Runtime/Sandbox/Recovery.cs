using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Containers;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.Sandbox;

/// <summary>
/// What a starting agent does with what an earlier one left, however that one ended.
///  1. every record is read; a damaged one is told of, and stands for a run or sandbox of unknown state
///  2. a sandbox that was Ready and whose shim answers goes on; its runs are compared with the shim's list
///  3. a sandbox whose shim is dead becomes NotReady, its runs get their ends from the shim's files
///  4. a sandbox that was half made is taken down and forgotten; a half stopped one is stopped
///  5. cgroups of pods without a record are killed and removed
/// Doing all of it twice changes nothing more.
/// </summary>
internal sealed class Recovery(RuntimeNode node, SandboxTeardown teardown, ShimWatch watch, ContainerExits exits, ContainerStarter starter, OomWatch oom)
{
    public async Task<IReadOnlyList<LivePod>> RunAsync()
    {
        List<LivePod> pods = [];
        foreach (RecordedPod recorded in node.Records.Scan())
        {
            LivePod pod = Restore(recorded);
            foreach (LiveSandbox sandbox in pod.Sandboxes.ToArray()) await RecoverAsync(sandbox);
            if (pod.Sandboxes.Count > 0) pods.Add(pod);
        }
        await RemoveOrphanCgroupsAsync(pods);
        return pods;
    }

    private LivePod Restore(RecordedPod recorded)
    {
        if (recorded.Pod.Problem is { } problem) RuntimeLog.DamagedRecord(node.Logger, recorded.Uid.Value, problem);
        SandboxRecord? newest = recorded.Sandboxes.Select(sandbox => sandbox.Sandbox.Value).FirstOrDefault(record => record is not null);
        Pod manifest = recorded.Pod.Value ?? new Pod
        {
            Metadata = new ObjectMeta { Name = newest?.Name, Namespace = newest?.Namespace, Uid = recorded.Uid.Value },
        };
        LivePod pod = new(recorded.Uid, manifest);
        foreach (RecordedSandbox sandbox in recorded.Sandboxes) pod.Add(Restore(pod, sandbox));
        return pod;
    }

    private LiveSandbox Restore(LivePod pod, RecordedSandbox recorded)
    {
        if (recorded.Sandbox.Problem is { } problem) RuntimeLog.DamagedRecord(node.Logger, pod.Uid.Value, problem);
        SandboxRecord record = recorded.Sandbox.Value ?? new SandboxRecord(
            pod.Uid.Value, recorded.Attempt, pod.Pod.Metadata?.Namespace ?? "", pod.Pod.Metadata?.Name ?? "", "", SandboxPhase.NotReady,
            FindCgroup(pod), node.Now, default, [], null, "its record was damaged");
        LiveSandbox sandbox = new(pod, record, node.Records);
        foreach (RecordedContainer container in recorded.Containers) Restore(sandbox, container);
        return sandbox;
    }

    private void Restore(LiveSandbox sandbox, RecordedContainer recorded)
    {
        if (recorded.Record.Problem is { } problem) RuntimeLog.DamagedRecord(node.Logger, sandbox.Pod.Uid.Value, problem);
        ContainerRecord record = recorded.Record.Value ?? new ContainerRecord(
            recorded.Id, recorded.Name, ContainerType.Regular, recorded.Attempt, "", "",
            new ImageRecord("", [], "", 0, [], new ImageConfig(), DateTimeOffset.UnixEpoch), new Mount("", "", []), "", TimeSpan.Zero,
            DateTimeOffset.UnixEpoch, ContainerPhase.Unknown, FinishedAt: node.Now, ExitCode: ContainerReasons.UnknownCode,
            Reason: ContainerReasons.StatusUnknown, Message: "its record was damaged");
        LiveContainer container = node.Adopt(sandbox, record);
        if (!container.IsLive && container.Phase != ContainerPhase.Created) container.MarkEnded();
        sandbox.Containers[container.Id] = container;
        sandbox.SlotSeen(record.Slot);
    }

    private string FindCgroup(LivePod pod) =>
        node.Cgroups.Driver.Pods().FirstOrDefault(found => found.Uid == pod.Uid).Path ?? node.Cgroups.Driver.PodPath(pod.Uid, QosClass.Of(pod.Pod));

    private async Task RecoverAsync(LiveSandbox sandbox)
    {
        try
        {
            switch (sandbox.Record.Phase)
            {
                case SandboxPhase.Creating:
                    RuntimeLog.HalfMade(node.Logger, sandbox.Pod.Name, sandbox.Attempt);
                    await teardown.RemoveAsync(sandbox, keepVolumes: true);
                    break;
                case SandboxPhase.Ready when await ReconnectAsync(sandbox):
                    break;
                default:
                    await teardown.StopAsync(sandbox, "the process that held it was gone when the agent started");
                    break;
            }
            await EndUnknownAsync(sandbox);
        }
        catch (Exception e) when (e is TimeoutException or IOException or LinuxException)
        {
            // It stays NotReady with its record: stopping or removing it tries again and reports.
            RuntimeLog.OrphanKept(node.Logger, $"pod {sandbox.Pod.Name}: sandbox {sandbox.Attempt}", e);
            sandbox.Down(e.Message);
        }
    }

    private async Task<bool> ReconnectAsync(LiveSandbox sandbox)
    {
        if (!sandbox.Record.Shim.IsAlive(node.Paths.Proc)) return false;
        if (await node.Shims.ConnectAsync(sandbox.Folder, sandbox.Pod.Uid.Value) is not { } shim) return false;
        sandbox.Shim = shim;
        IReadOnlyList<ShimSlot> slots = await shim.ListAsync();
        foreach (ShimSlot slot in slots) sandbox.SlotSeen(slot.Id);
        sandbox.PausePid = slots.FirstOrDefault(slot => slot.Id == LiveSandbox.PauseSlot)?.Pid ?? 0;
        node.Cgroups.Driver.Adopt(sandbox.Cgroup, sandbox.Pod.Pod);
        foreach (LiveContainer container in sandbox.Containers.Values)
            await CompareAsync(container, slots.FirstOrDefault(slot => slot.Id == container.Record.Slot));
        await DropForeignSlotsAsync(sandbox, shim, slots);
        watch.Follow(sandbox, shim);
        RuntimeLog.Recovered(
            node.Logger, sandbox.Pod.Name, sandbox.Attempt, sandbox.Containers.Values.Count(container => container.Phase == ContainerPhase.Running));
        return true;
    }

    private async Task CompareAsync(LiveContainer container, ShimSlot? slot)
    {
        switch (container.Phase, slot?.State)
        {
            case (ContainerPhase.Starting, null):
                // START never arrived, or failed: nothing ran.
                await node.Cgroups.RemoveAsync(
                    PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id), node.Options.KillDeadline, node.Time);
                container.Revert();
                break;
            case (ContainerPhase.Starting, ShimSlotState.Starting):
                // Whether it succeeds will be told to nobody: it is ended, and the run with it.
                Cgroupfs.Kill(PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id));
                container.FailStart(node.Now, "the agent ended during the start");
                await exits.ReleaseAsync(container);
                break;
            case (ContainerPhase.Starting, ShimSlotState.Running):
                await starter.RunningAsync(container, slot!.Pid, slot.StartedAt);
                break;
            case (ContainerPhase.Starting or ContainerPhase.Running, ShimSlotState.Exited):
                await exits.HandleAsync(container, new ProcessEnd(slot!.WaitStatus, slot.ExitedAt ?? node.Now));
                break;
            case (ContainerPhase.Running, ShimSlotState.Running):
                oom.Follow(container);
                break;
            case (ContainerPhase.Running, null):
                await exits.LoseAsync(container, "the sandbox's process does not know it");
                break;
            case (ContainerPhase.Exited or ContainerPhase.Unknown, not null):
                // Recorded, but the agent ended before it was released.
                await exits.ReleaseAsync(container);
                await ContainerExits.ForgetAsync(container.Sandbox, container.Record.Slot);
                break;
            default:
                break;
        }
    }

    /// <summary>Commands of an agent that is gone: nobody reads their output. A run that was removed from our records counts the same.</summary>
    private static async Task DropForeignSlotsAsync(LiveSandbox sandbox, PodShim shim, IReadOnlyList<ShimSlot> slots)
    {
        foreach (ShimSlot slot in slots)
        {
            if (slot.Id == LiveSandbox.PauseSlot || sandbox.BySlot(slot.Id) is not null) continue;
            if (slot.State == ShimSlotState.Exited) await shim.ForgetAsync(slot.Id);
            else await shim.KillAsync(slot.Id, SignalNumbers.SIGKILL);
        }
    }

    private async Task EndUnknownAsync(LiveSandbox sandbox)
    {
        foreach (LiveContainer container in sandbox.Containers.Values.Where(c => c.Phase == ContainerPhase.Unknown && c.Record.Slot == 0))
        {
            // Its record was damaged, so its process, if it has one, can't be told from others of the pod but by its cgroup.
            await exits.ReleaseAsync(container);
        }
    }

    private async Task RemoveOrphanCgroupsAsync(IReadOnlyList<LivePod> pods)
    {
        foreach ((PodUid uid, string cgroup) in node.Cgroups.Driver.Pods())
        {
            if (pods.Any(pod => pod.Uid == uid && pod.Sandboxes.Any(sandbox => sandbox.Cgroup == cgroup))) continue;
            RuntimeLog.OrphanCgroup(node.Logger, cgroup);
            try
            {
                await node.Cgroups.RemoveAsync(cgroup, node.Options.KillDeadline, node.Time);
            }
            catch (Exception e) when (e is TimeoutException or IOException or LinuxException)
            {
                RuntimeLog.OrphanKept(node.Logger, $"cgroup {cgroup}", e);
            }
        }
    }
}
