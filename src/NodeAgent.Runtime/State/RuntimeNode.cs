using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime.State;

/// <summary>The parts of the node that every sequence of the runtime works with.</summary>
/// <param name="RootMountPoint">An empty folder on which containers' roots are attached for a moment, each in its own mount namespace.</param>
/// <param name="OpenFiles">How many files a container's process may open.</param>
/// <param name="Capabilities">What the agent itself may, one bit each: containers get no more.</param>
internal sealed record RuntimeNode(
    StatePaths Paths,
    PodRuntimeOptions Options,
    TimeProvider Time,
    ILogger Logger,
    RecordStore Records,
    PodCgroups Cgroups,
    PodVolumes Volumes,
    ShimLauncher Shims,
    RootfsMounter Rootfs,
    ChannelWriter<RuntimeEvent> Events,
    string RootMountPoint,
    ulong Capabilities,
    IReadOnlyList<string> MaskedPaths,
    long MemoryBytes,
    ulong OpenFiles)
{
    public DateTimeOffset Now => Time.GetUtcNow();

    public void Tell(PodUid uid, RuntimeEventKind kind, ContainerId? container = null) => Events.TryWrite(new RuntimeEvent(uid, kind, container));

    public string TerminationLogPath(LiveContainer container) =>
        Volumes.TerminationLogPath(container.Sandbox.Pod.Uid, container.Record.Name, container.Id);

    public LiveContainer Adopt(LiveSandbox sandbox, ContainerRecord record)
    {
        PodUid uid = sandbox.Pod.Uid;
        return new LiveContainer(sandbox, record, changed => Records.Write(uid, sandbox.Attempt, changed));
    }

    /// <summary>The container as the pod's manifest has it; null when the pod's record is damaged.</summary>
    public static Container? SpecOf(LiveContainer container)
    {
        PodSpec? spec = container.Sandbox.Pod.Pod.Spec;
        string name = container.Record.Name;
        return spec?.Containers?.FirstOrDefault(c => c.Name == name)
            ?? spec?.InitContainers?.FirstOrDefault(c => c.Name == name)
            ?? spec?.EphemeralContainers?.FirstOrDefault(c => c.Name == name);
    }
}
