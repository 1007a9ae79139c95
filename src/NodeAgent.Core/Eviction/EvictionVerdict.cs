using System.Text;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Eviction;

/// <summary>
/// The words and the grace of an eviction. Tools match the kubelet's messages, so they are the same to the letter, down to the blank at the end.
///
/// | why                                  | grace |
/// | hard threshold of memory or pids     | 0: there is no moment to lose, and a hog seldom listens |
/// | hard threshold of a disk, own limit  | 1 s |
/// | soft threshold                       | evictionMaxPodGracePeriod, or the pod's own if that is shorter |
/// </summary>
public static class EvictionVerdict
{
    private static readonly TimeSpan ShortGrace = TimeSpan.FromSeconds(1);

    /// <summary>The node is short of something.</summary>
    public static PodVerdict ForNode(EvictionThreshold threshold, NodeReadings readings, PodUsage pod, EvictionSettings settings, DateTimeOffset now)
    {
        string resource = EvictionSignals.Resource(threshold.Signal);
        var message = new StringBuilder($"The node was low on resource: {resource}. ");
        if (readings.Signals.TryGetValue(threshold.Signal, out SignalReading reading))
        {
            QuantityFormat format = resource is EvictionSignals.Inodes or EvictionSignals.Pids ? QuantityFormat.DecimalSI : QuantityFormat.BinarySI;
            Quantity limit = threshold.Value.Quantity ?? Quantity.FromValue(threshold.Value.Of(reading.Capacity), format);
            message.Append($"Threshold quantity: {limit}, available: {Available(reading.Available, format)}. ");
        }

        if (resource == ResourceName.Memory && pod.Pod.Spec?.Resources?.Requests is { } whole && whole.TryGetValue(resource, out Quantity requested))
            message.Append($"Pod {pod.Pod.Metadata?.Name} was using {Quantity.FromBytes(pod.Memory)}, request is {requested}, has larger consumption of {resource}. ");
        foreach (ContainerUsage container in pod.Containers)
            AppendExcess(message, pod.Pod, container, resource);
        return new PodVerdict(PodVerdict.Evicted, message.ToString(), now, Grace(threshold, pod.Pod, settings), Disruption: true);
    }

    /// <summary>The pod has outgrown a limit of its own.</summary>
    public static PodVerdict ForLimit(string message, DateTimeOffset now) => new(PodVerdict.Evicted, message, now, ShortGrace);

    private static TimeSpan Grace(EvictionThreshold threshold, Pod pod, EvictionSettings settings)
    {
        if (threshold.IsHard)
            return EvictionSignals.IsMemory(threshold.Signal) || threshold.Signal == EvictionSignal.PidAvailable ? TimeSpan.Zero : ShortGrace;
        TimeSpan own = PodDeletion.GraceOf(pod);
        return own < settings.MaxPodGracePeriod ? own : settings.MaxPodGracePeriod;
    }

    private static void AppendExcess(StringBuilder message, Pod pod, ContainerUsage usage, string resource)
    {
        if (PodResources.All(pod).FirstOrDefault(container => container.Name == usage.Name) is not { } container)
            return;
        long? used = resource switch
        {
            ResourceName.Memory => usage.MemoryBytes,
            ResourceName.EphemeralStorage when usage.RootFs is { } rootFs && usage.Logs is { } logs => rootFs.Bytes + logs.Bytes,
            _ => null,
        };
        Quantity request = container.Resources?.Requests is { } requests && requests.TryGetValue(resource, out Quantity asked) ? asked : Quantity.Zero;
        if (used > request.Value)
            message.Append($"Container {usage.Name} was using {Available(used.Value, QuantityFormat.BinarySI)}, request is {request}, has larger consumption of {resource}. ");
    }

    /// <summary>Bytes in Ki where they are not an exact multiple of anything larger: nobody reads twelve digits.</summary>
    private static Quantity Available(long amount, QuantityFormat format) =>
        format == QuantityFormat.BinarySI ? Quantity.FromBytes(amount / 1024 * 1024) : Quantity.FromValue(amount, format);
}
