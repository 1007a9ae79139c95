using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Testing.Fakes;

/// <summary>Changing what running pods may use.</summary>
public sealed partial class FakePodRuntime
{
    /// <summary>Bytes that a running container uses unless a test says otherwise.</summary>
    public const long DefaultMemoryUsage = 1 << 20;

    /// <summary>How much the running container uses from now on, in bytes.</summary>
    public void UseMemory(string pod, string container, long bytes)
    {
        lock (_gate)
        {
            _pods.Values.Where(p => p.Config.Pod.Metadata?.Name == pod).SelectMany(p => p.Containers.Values)
                .Single(c => c.Config.Container.Name == container && c.State == ContainerRunState.Running).MemoryUsage = bytes;
        }
    }

    public async Task UpdateContainerResourcesAsync(ContainerId id, ResourceRequirements? resources, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.UpdateContainerResources, NameOf(id), cancellationToken);
        lock (_gate)
        {
            var container = Find(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {id} does not exist");
            if (container.State is ContainerRunState.Exited or ContainerRunState.Unknown)
                return;
            if (container.State == ContainerRunState.Running)
                RefuseBelowUsage(PodResources.Limit(resources, ResourceName.Memory), container.MemoryUsage, $"container {NameOf(container.Config)}");
            container.Resources = resources;
        }
    }

    public async Task UpdatePodSandboxResourcesAsync(PodSandboxId id, Pod pod, CancellationToken cancellationToken)
    {
        await EnterAsync(RuntimeVerb.UpdatePodSandboxResources, NameOf(id), cancellationToken);
        lock (_gate)
        {
            var known = PodOf(id) ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"sandbox {id} does not exist");
            if (QosClass.Of(known.Config.Pod) != QosClass.Of(pod))
                throw new PodRuntimeException(RuntimeFailure.QosClassChanged, $"pod {NameOf(pod)}: these resources would make it {QosClass.Of(pod)}");
            long usage = known.Containers.Values.Where(container => container.State == ContainerRunState.Running).Sum(container => container.MemoryUsage);
            RefuseBelowUsage(PodResources.Limit(pod, ResourceName.Memory), usage, $"pod {NameOf(pod)}");
            known.Config = known.Config with { Pod = pod };
        }
    }

    private static void RefuseBelowUsage(long? limit, long usage, string whose)
    {
        if (limit <= usage)
            throw new PodRuntimeException(RuntimeFailure.MemoryLimitBelowUsage, $"{whose}: a memory limit of {limit} bytes is below the {usage} bytes that are in use");
    }
}
