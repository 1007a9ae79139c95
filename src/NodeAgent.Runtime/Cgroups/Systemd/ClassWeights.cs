using Microsoft.Extensions.Logging;
using NodeAgent.Core.Model;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups.Systemd;

/// <summary>
/// Keeps the slices of the QoS classes at their weights. Changes come with every pod; one setting is under way at a time for each slice, and what changed
/// meanwhile is set once after it. Nobody waits for it, and a failure is logged: the next change sets it all again.
/// </summary>
internal sealed class ClassWeights(SliceTree tree, ISystemd systemd, ILogger logger)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _burstableRequests = new(StringComparer.Ordinal);
    private bool _bestEffortSet;
    private bool _setting;
    private bool _changed;

    /// <summary>A pod of this class is to be made: the slice of BestEffort gets its one weight once.</summary>
    public void Use(string qosClass)
    {
        if (qosClass != PodQosClass.BestEffort) return;
        lock (_lock)
        {
            if (_bestEffortSet) return;
            _bestEffortSet = true;
        }
        _ = SetAsync(PodQosClass.BestEffort, 0);
    }

    /// <param name="cpuRequest">Millicores; null when the pod is gone.</param>
    public void Weigh(string pod, long? cpuRequest)
    {
        lock (_lock)
        {
            if (cpuRequest is { } request)
            {
                if (_burstableRequests.GetValueOrDefault(pod, -1) == request) return;
                _burstableRequests[pod] = request;
            }
            else if (!_burstableRequests.Remove(pod))
            {
                return;
            }
            _changed = true;
            if (_setting) return;
            _setting = true;
        }
        _ = SetBurstableAsync();
    }

    private async Task SetBurstableAsync()
    {
        while (true)
        {
            long sum;
            lock (_lock)
            {
                if (!_changed)
                {
                    _setting = false;
                    return;
                }
                _changed = false;
                sum = _burstableRequests.Values.Sum();
            }
            await SetAsync(PodQosClass.Burstable, sum);
        }
    }

    private async Task SetAsync(string qosClass, long sum)
    {
        string unit = tree.ClassUnit(qosClass);
        try
        {
            await systemd.SetPropertiesAsync(unit, UnitProperties.OfClass(qosClass, sum), CancellationToken.None);
        }
        catch (ObjectDisposedException)
        {
            // The agent ends: the next one sets it when it adopts its pods.
        }
        catch (Exception e) when (e is SystemdException or TimeoutException)
        {
            RuntimeLog.WeightNotSet(logger, unit, e);
        }
    }
}
