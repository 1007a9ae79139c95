namespace NodeAgent.Runtime.Bundle;

/// <summary>Parts of <c>/proc</c> and <c>/sys</c> that tell about or act on the whole machine: the lists that containerd and Docker use.</summary>
public static class DefaultPaths
{
    public static readonly IReadOnlyList<string> Masked =
    [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
        "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
    ];

    public static readonly IReadOnlyList<string> ReadOnly =
        ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    /// <summary>The masked paths of a machine: the default ones and each processor's <c>thermal_throttle</c>.</summary>
    /// <param name="sys">Where sysfs is, normally <c>/sys</c>.</param>
    public static IReadOnlyList<string> MaskedOn(string sys)
    {
        string processors = sys + "/devices/system/cpu";
        if (!Directory.Exists(processors)) return Masked;
        IEnumerable<string> throttles = Directory.EnumerateDirectories(processors, "cpu*")
            .Where(directory => Directory.Exists(directory + "/thermal_throttle"))
            .Select(directory => $"/sys/devices/system/cpu/{Path.GetFileName(directory)}/thermal_throttle")
            .Order(StringComparer.Ordinal);
        return [.. Masked, .. throttles];
    }
}
