using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime.Containers;

/// <summary>
/// What follows a container's end, each step of which a restarted agent does again from the shim's record until ours is written:
///  1. why: the cgroup's OOM counter and the termination message, while both exist
///  2. the record
///  3. whoever is left in its cgroup is killed (a container that shares the host's or the pod's pid namespace can leave some), the cgroup removed
///  4. the event; those who wait for the end go on
///  5. the shim forgets the slot
/// </summary>
internal sealed class ContainerExits(RuntimeNode node)
{
    public async Task HandleAsync(LiveContainer container, ProcessEnd end)
    {
        ContainerRecord record = container.Record;
        int exitCode = ShimWaitStatus.ExitCode(end.WaitStatus);
        // The cgroup is this run's own, so its counter started at 0, and it stays until the end is recorded, also while no agent runs. Only when the sandbox died
        // it may be gone with it.
        long oomKills = Math.Max(PodCgroups.OomKills(PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id)), record.OomKills);
        string reason = ContainerReasons.Of(exitCode, oomKills - (container.OomKillsBeforeOurs ?? 0));
        Container? spec = RuntimeNode.SpecOf(container);
        string? message = TerminationLog.Read(node.TerminationLogPath(container), spec?.TerminationMessagePolicy, exitCode, record.LogPath);

        if (!container.Finish(end, exitCode, ShimWaitStatus.Signal(end.WaitStatus), reason, message, oomKills)) return;
        await ReleaseAsync(container);
        await ForgetAsync(container.Sandbox, record.Slot);
    }

    /// <summary>The same for a process whose end nobody saw.</summary>
    public async Task LoseAsync(LiveContainer container, string message)
    {
        if (!container.Lose(node.Now, message)) return;
        await ReleaseAsync(container);
    }

    /// <summary>After the record says that the run is over: steps 3 and 4.</summary>
    public async Task ReleaseAsync(LiveContainer container)
    {
        try
        {
            await node.Cgroups.RemoveAsync(
                PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id), node.Options.KillDeadline, node.Time);
        }
        catch (Exception e) when (e is TimeoutException or IOException or LinuxException)
        {
            // The pod's own cgroup is removed with everything in it when the sandbox is stopped, and says so if it can't be.
            RuntimeLog.CgroupLeft(node.Logger, container.Sandbox.Pod.Name, container.Record.Name, container.Id.Value, e);
        }
        container.Stop?.Dispose();
        node.Tell(container.Sandbox.Pod.Uid, RuntimeEventKind.ContainerExited, container.Id);
        container.MarkEnded();
    }

    public static async Task ForgetAsync(LiveSandbox sandbox, uint slot)
    {
        if (sandbox.Shim is not { } shim || slot == 0) return;
        try
        {
            await shim.ForgetAsync(slot);
        }
        catch (ShimGoneException)
        {
            // With the shim its slots are gone; its records go with the sandbox's folder.
        }
    }
}
