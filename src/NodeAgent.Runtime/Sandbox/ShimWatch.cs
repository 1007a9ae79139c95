using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Containers;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.Sandbox;

/// <summary>
/// Follows one shim for as long as its connection lasts.
/// <code>
/// connected --events--> each end is handled beside the loop, so that a slow one holds up no other
///     '--connection gone--> taken down by us, or the agent ends:  nothing to do
///                           shim alive:  connect again, compare
///                           shim dead:   the sandbox has died, its containers with it
/// </code>
/// </summary>
internal sealed class ShimWatch(RuntimeNode node, ContainerExits exits, SandboxTeardown teardown)
{
    /// <summary>Set when the agent ends: connections close, shims live on.</summary>
    public bool Ending { get; set; }

    public void Follow(LiveSandbox sandbox, PodShim shim) => sandbox.Watching = Task.Run(() => FollowAsync(sandbox, shim));

    /// <summary>
    /// Compares what we believe with the shim's own list: an end whose event was lost is handled now. Runs that are being started meanwhile are left alone.
    /// </summary>
    public async Task ReconcileAsync(LiveSandbox sandbox, PodShim shim)
    {
        LiveContainer[] running = [.. sandbox.Containers.Values.Where(container => container.Phase == ContainerPhase.Running)];
        uint[] execs = [.. sandbox.Execs.Keys];
        if (running.Length == 0 && execs.Length == 0) return;
        Dictionary<uint, ShimSlot> slots = (await shim.ListAsync()).ToDictionary(slot => slot.Id);
        foreach (LiveContainer container in running)
        {
            ShimSlot? slot = slots.GetValueOrDefault(container.Record.Slot);
            if (slot is { State: ShimSlotState.Exited })
                await EndAsync(container, new ProcessEnd(slot.WaitStatus, slot.ExitedAt ?? node.Now));
            else if (slot is null && container.Phase == ContainerPhase.Running)
                await exits.LoseAsync(container, "the sandbox's process does not know it");
        }
        foreach (uint exec in execs)
        {
            if (slots.GetValueOrDefault(exec) is { State: ShimSlotState.Exited } slot) EndExec(sandbox, exec, slot.WaitStatus);
        }
    }

    private async Task FollowAsync(LiveSandbox sandbox, PodShim shim)
    {
        List<Task> handling = [];
        await foreach (ShimEvent happened in shim.Events.ReadAllAsync())
        {
            handling.RemoveAll(task => task.IsCompleted);
            switch (happened)
            {
                case ShimExited exit:
                    handling.Add(ExitedAsync(sandbox, exit));
                    break;
                case ShimEventsLost:
                    handling.Add(ReconcileQuietlyAsync(sandbox, shim));
                    break;
                default:
                    // Log rotation asks for its limit itself; nobody sets one yet.
                    break;
            }
        }
        await Task.WhenAll(handling);
        if (sandbox.Stopping || Ending) return;
        await LostAsync(sandbox);
    }

    private async Task ExitedAsync(LiveSandbox sandbox, ShimExited exit)
    {
        await Task.Yield();
        if (sandbox.BySlot(exit.Slot) is { } container)
        {
            await EndAsync(container, new ProcessEnd(exit.WaitStatus, exit.At));
        }
        else if (exit.Slot == LiveSandbox.PauseSlot)
        {
            // With pid 1 of the shared namespace the kernel has killed every process in it: the sandbox is of no use any more.
            await DieAsync(sandbox, "the first process of the shared pid namespace has died");
        }
        else if (!EndExec(sandbox, exit.Slot, exit.WaitStatus))
        {
            await ContainerExits.ForgetAsync(sandbox, exit.Slot);
        }
    }

    private async Task EndAsync(LiveContainer container, ProcessEnd end)
    {
        try
        {
            if (container.Accept(end)) await exits.HandleAsync(container, end);
        }
        catch (Exception e)
        {
            // The shim keeps its record until ours is written: the next comparison or start of the agent takes it from there.
            RuntimeLog.ExitNotRecorded(node.Logger, container.Sandbox.Pod.Name, container.Record.Name, container.Id.Value, e);
        }
    }

    private static bool EndExec(LiveSandbox sandbox, uint slot, int waitStatus) =>
        sandbox.Execs.TryRemove(slot, out TaskCompletionSource<int>? ended) && ended.TrySetResult(ShimWaitStatus.ExitCode(waitStatus));

    private async Task ReconcileQuietlyAsync(LiveSandbox sandbox, PodShim shim)
    {
        try
        {
            await ReconcileAsync(sandbox, shim);
        }
        catch (ShimGoneException)
        {
            // The loop's end deals with it.
        }
    }

    private async Task LostAsync(LiveSandbox sandbox)
    {
        ProcessIdentity process = sandbox.Record.Shim;
        if (process.IsAlive(node.Paths.Proc) && await node.Shims.ConnectAsync(sandbox.Folder, sandbox.Pod.Uid.Value) is { } again)
        {
            sandbox.Shim = again;
            Follow(sandbox, again);
            await ReconcileQuietlyAsync(sandbox, again);
            return;
        }
        RuntimeLog.SandboxDied(node.Logger, sandbox.Pod.Name, sandbox.Attempt, process.Pid);
        await DieAsync(sandbox, $"the process that held it (pid {process.Pid}) has died");
    }

    /// <summary>
    /// Its containers have lost their network, log and parent: they are ended, and their records say how. The rest is taken down when the loops ask for it.
    /// </summary>
    private async Task DieAsync(LiveSandbox sandbox, string why)
    {
        try
        {
            if (!sandbox.Down(why)) return;
            foreach (uint exec in sandbox.Execs.Keys)
            {
                if (sandbox.Execs.TryRemove(exec, out TaskCompletionSource<int>? ended)) ended.TrySetResult(ContainerReasons.UnknownCode);
            }
            foreach (LiveContainer container in sandbox.Containers.Values)
            {
                if (container.IsLive) Cgroupfs.Kill(PodCgroups.ContainerPath(sandbox.Cgroup, container.Id));
            }
            if (sandbox.Shim is { Gone.IsCompleted: true }) await teardown.SettleContainersAsync(sandbox, why);
        }
        catch (Exception e)
        {
            RuntimeLog.DeathCleanupFailed(node.Logger, sandbox.Pod.Name, sandbox.Attempt, e);
        }
        node.Tell(sandbox.Pod.Uid, RuntimeEventKind.SandboxDied);
    }
}
