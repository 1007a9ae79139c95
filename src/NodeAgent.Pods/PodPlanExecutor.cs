using System.Collections.Concurrent;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods.Hooks;

namespace NodeAgent.Pods;

/// <summary>How far a plan came.</summary>
/// <param name="Memory">The plan's memory with the outcome of every step that was tried.</param>
/// <param name="Failure">The step that ended the plan early; null when all were done, or when it was interrupted.</param>
/// <param name="Interrupted">The caller cancelled it.</param>
public sealed record PlanOutcome(PlannerMemory Memory, FailedStep? Failure, bool Interrupted);

public sealed record FailedStep(PodAction Action, StepFailureReason Reason, string Message, Exception Error);

/// <summary>
/// Does what a plan says, in its order; the first failure ends it. Decides nothing: whether and when a step is tried again is the next plan's matter.
/// </summary>
public sealed class PodPlanExecutor(IPodRuntime runtime, ISnapshotter snapshots, ImageEnsurer images, LifecycleHooks hooks, EventStore events, SteadyClock clock, PlannerSettings settings)
{
    private readonly ConcurrentDictionary<string, byte> _preparing = new(StringComparer.Ordinal);

    /// <summary>Snapshots that are made for containers which are not recorded yet: no orphans, although nothing refers to them.</summary>
    public IReadOnlyCollection<string> PreparingSnapshots => [.. _preparing.Keys];

    /// <param name="observed">What the plan was made from.</param>
    public async Task<PlanOutcome> ExecuteAsync(PodDesire desire, PodRuntimeState? observed, PodPlan plan, CancellationToken cancellationToken)
    {
        var memory = plan.Memory;
        foreach (var action in plan.Actions)
        {
            if (cancellationToken.IsCancellationRequested)
                return new PlanOutcome(memory, null, true);
            try
            {
                await DoAsync(desire, observed, action, cancellationToken);
                memory = memory.Succeeded(action);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return new PlanOutcome(memory, null, true);
            }
            catch (Exception error)
            {
                var reason = StepFailures.ReasonOf(action, error);
                if (memory.ResizeError != error.Message)
                    StepFailures.Record(events, desire.Pod, action, reason, error.Message);
                memory = memory.Failed(action, reason, error.Message, clock.Now, settings);
                return new PlanOutcome(memory, new FailedStep(action, reason, error.Message, error), false);
            }
        }

        return new PlanOutcome(memory, null, false);
    }

    private Task DoAsync(PodDesire desire, PodRuntimeState? observed, PodAction action, CancellationToken cancellationToken) => action switch
    {
        CreateSandbox create => CreateSandboxAsync(desire, create, cancellationToken),
        StopSandbox stop => runtime.StopPodSandboxAsync(stop.Id, cancellationToken),
        RemoveSandbox remove => RemoveSandboxAsync(observed, remove, cancellationToken),
        KillContainers kill => KillAsync(desire, kill, cancellationToken),
        StartContainer start => StartAsync(desire, start, cancellationToken),
        RemoveContainer remove => RemoveContainerAsync(remove.Id, cancellationToken),
        ResizeSandbox resize => runtime.UpdatePodSandboxResourcesAsync(resize.Id, resize.Pod, cancellationToken),
        ResizeContainer resize => runtime.UpdateContainerResourcesAsync(resize.Id, resize.Resources, cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, "the plan has a step of an unknown kind"),
    };

    private Task CreateSandboxAsync(PodDesire desire, CreateSandbox create, CancellationToken cancellationToken)
    {
        if (create.Reason == SandboxReason.SandboxDied)
            events.Record(desire.Pod, EventType.Normal, PodEvents.SandboxChanged, "the pod's sandbox died: it is made again and every container starts anew");
        return runtime.RunPodSandboxAsync(new PodSandboxConfig(desire.Uid, desire.Pod, create.Attempt, desire.Source), cancellationToken);
    }

    private async Task RemoveSandboxAsync(PodRuntimeState? observed, RemoveSandbox remove, CancellationToken cancellationToken)
    {
        await runtime.RemovePodSandboxAsync(remove.Id, cancellationToken);
        foreach (var run in observed?.Containers ?? [])
        {
            if (run.Sandbox == remove.Id)
                await snapshots.RemoveAsync(run.Id.Value, cancellationToken);
        }
    }

    private Task KillAsync(PodDesire desire, KillContainers kill, CancellationToken cancellationToken)
    {
        return Task.WhenAll(kill.Kills.Select(KillOneAsync).ToArray());

        async Task KillOneAsync(ContainerKill one)
        {
            events.Record(desire.Pod, EventType.Normal, PodEvents.Killing, one.Message, one.Name);
            TimeSpan grace = await hooks.PreStopAsync(desire.Uid, desire.Pod, one.Container, one.Id, one.Grace, settings.MinimumGrace, cancellationToken);
            await runtime.StopContainerAsync(one.Id, grace, one.Container?.Lifecycle?.StopSignal, cancellationToken);
            hooks.Forget(one.Id);
        }
    }

    private async Task StartAsync(PodDesire desire, StartContainer start, CancellationToken cancellationToken)
    {
        var image = await images.EnsureAsync(desire.Pod, start.Container, cancellationToken);
        var id = ContainerIdentity.Of(start.Sandbox, start.Name, start.Attempt);
        _preparing.TryAdd(id.Value, 0);
        try
        {
            var rootfs = await snapshots.PrepareAsync(id.Value, image, cancellationToken);
            var config = new ContainerConfig(
                start.Sandbox, desire.Uid, desire.Pod, start.Container, start.Type, start.Attempt, start.Hash, image, rootfs, id, start.RestartDelay);
            await runtime.CreateContainerAsync(config, cancellationToken);
        }
        finally
        {
            _preparing.TryRemove(id.Value, out _);
        }

        events.Record(desire.Pod, EventType.Normal, PodEvents.Created, $"created container {start.Name}", start.Name);
        await runtime.StartContainerAsync(id, cancellationToken);
        events.Record(desire.Pod, EventType.Normal, PodEvents.Started, $"started container {start.Name}", start.Name);
        await hooks.PostStartAsync(desire.Uid, desire.Pod, start.Container, id, cancellationToken);
    }

    private async Task RemoveContainerAsync(ContainerId id, CancellationToken cancellationToken)
    {
        await runtime.RemoveContainerAsync(id, cancellationToken);
        await snapshots.RemoveAsync(id.Value, cancellationToken);
    }
}
