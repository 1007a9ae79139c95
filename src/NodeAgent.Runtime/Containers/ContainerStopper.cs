using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;

namespace NodeAgent.Runtime.Containers;

/// <summary>Ends runs: the stop signal, the grace, SIGKILL to the whole cgroup.</summary>
internal sealed class ContainerStopper(RuntimeNode node)
{
    /// <param name="signal">Name or number; null takes the container's own.</param>
    public async Task StopAsync(LiveContainer container, TimeSpan grace, string? signal, CancellationToken cancellationToken)
    {
        StopRequest? request = container.RequestStop(
            () => new StopRequest(node.Time, SignalOf(container, signal), grace, () => Kill(container)), out bool first);
        if (request is not null)
        {
            if (first && grace > TimeSpan.Zero) await SignalAsync(container, request);
            if (!first) request.Shorten(grace);
        }
        else if (container.Phase == ContainerPhase.Created)
        {
            return;
        }
        await container.Ended.WaitAsync(cancellationToken);
    }

    /// <summary>Kills at once and waits until nothing is left. Throws <see cref="TimeoutException"/> when that takes too long.</summary>
    public async Task KillAsync(LiveContainer container)
    {
        if (!container.IsLive && container.Phase == ContainerPhase.Created) return;
        if (container.IsLive) Kill(container);
        try
        {
            await container.Ended.WaitAsync(node.Options.KillDeadline, node.Time);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException(
                $"container {container.Sandbox.Pod.Name}/{container.Record.Name}: process {container.Record.Process.Pid} did not die within {node.Options.KillDeadline.TotalSeconds} s of SIGKILL", e);
        }
    }

    /// <summary>For a stop that was asked for while the start was still under way.</summary>
    public Task SignalIfStoppingAsync(LiveContainer container) =>
        container.Stop is { } request ? SignalAsync(container, request) : Task.CompletedTask;

    private static async Task SignalAsync(LiveContainer container, StopRequest request)
    {
        if (container.Phase != ContainerPhase.Running || container.Sandbox.Shim is not { } shim || !request.TakeSignal()) return;
        try
        {
            await shim.KillAsync(container.Record.Slot, request.Signal);
        }
        catch (ShimGoneException)
        {
            // The sandbox has died: whoever watches it ends its containers.
        }
    }

    private void Kill(LiveContainer container)
    {
        string cgroup = PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id);
        try
        {
            container.OomKillsBeforeOurs ??= PodCgroups.OomKills(cgroup);
            Cgroupfs.Kill(cgroup);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            RuntimeLog.KillFailed(node.Logger, container.Sandbox.Pod.Name, container.Record.Name, container.Id.Value, e);
        }
    }

    private int SignalOf(LiveContainer container, string? asked)
    {
        foreach (string? text in (string?[])[asked, RuntimeNode.SpecOf(container)?.Lifecycle?.StopSignal, container.Record.Image.Config.StopSignal])
        {
            if (string.IsNullOrEmpty(text)) continue;
            if (SignalNumbers.Parse(text) is { } number) return number;
            RuntimeLog.UnknownSignal(node.Logger, container.Sandbox.Pod.Name, container.Record.Name, text);
        }
        return SignalNumbers.SIGTERM;
    }
}
