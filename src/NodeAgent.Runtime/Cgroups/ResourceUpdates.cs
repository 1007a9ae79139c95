using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.State;

namespace NodeAgent.Runtime.Cgroups;

/// <summary>
/// Changes what a pod's cgroups enforce while its processes run on. Called under the pod's gate.
///  1. a memory limit below the present use is refused: the kernel would reclaim, and then kill, to get there. Use may still grow between the look and the
///     write, so this is a courtesy and no promise
///  2. the files
///  3. the record; an agent that ends before it finds the old values there and does the same again
/// </summary>
internal sealed class ResourceUpdates(RuntimeNode node)
{
    public void Update(LiveContainer container, ResourceRequirements? resources)
    {
        if (container.Phase is ContainerPhase.Starting or ContainerPhase.Running)
        {
            string cgroup = PodCgroups.ContainerPath(container.Sandbox.Cgroup, container.Id);
            CgroupValues values = CgroupValues.ForContainer(container.Sandbox.Pod.Pod, resources, node.Cgroups.Settings);
            RefuseBelowUsage(cgroup, values, $"container {container.Sandbox.Pod.Name}/{container.Record.Name}");
            try
            {
                node.Cgroups.UpdateContainer(cgroup, values);
            }
            catch (DirectoryNotFoundException)
            {
                // It ended this moment: there is nothing to limit any more.
            }
        }
        container.Apply(resources);
    }

    public async Task UpdateAsync(LiveSandbox sandbox, Pod pod, CancellationToken cancellationToken)
    {
        string before = QosClass.Of(sandbox.Pod.Pod);
        string after = QosClass.Of(pod);
        if (before != after)
            throw new PodRuntimeException(RuntimeFailure.QosClassChanged, $"pod {sandbox.Pod.Name}: these resources would make it {after}, it is {before}");
        if (sandbox.IsReady)
        {
            RefuseBelowUsage(sandbox.Cgroup, CgroupValues.ForPod(pod, node.Cgroups.Settings), $"pod {sandbox.Pod.Name}");
            await node.Cgroups.Driver.UpdatePodAsync(sandbox.Cgroup, pod, cancellationToken);
        }
        node.Records.Write(sandbox.Pod.Uid, pod);
        sandbox.Pod.Pod = pod;
    }

    private static void RefuseBelowUsage(string cgroup, CgroupValues values, string whose)
    {
        if (values.MemoryMax is not { } limit || PodCgroups.MemoryUsage(cgroup) is not { } usage || limit > usage) return;
        throw new PodRuntimeException(
            RuntimeFailure.MemoryLimitBelowUsage, $"{whose}: a memory limit of {limit} bytes is below the {usage} bytes that are in use");
    }
}
