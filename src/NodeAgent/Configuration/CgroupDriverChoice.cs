using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Cgroups.Systemd;

namespace NodeAgent.Configuration;

/// <summary>
/// Who is to make the cgroups of pods. <c>auto</c>: systemd where it runs the machine and answers, else the agent itself.
/// </summary>
internal static class CgroupDriverChoice
{
    public const string Auto = "auto", Systemd = "systemd", Cgroupfs = "cgroupfs";

    // At boot the bus may be just starting.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <param name="setting">Null counts as <c>auto</c>.</param>
    /// <exception cref="ConfigurationException"><c>systemd</c> was asked for where it is not to be had.</exception>
    public static async Task<CgroupDriverKind> MakeAsync(string? setting, TimeProvider time, CancellationToken cancellation)
    {
        if (setting == Cgroupfs) return CgroupDriverKind.Cgroupfs;
        string? reason = await ReasonAgainstSystemdAsync(time, cancellation);
        if (reason is null) return CgroupDriverKind.Systemd;
        if (setting != Systemd) return CgroupDriverKind.Cgroupfs;
        throw new ConfigurationException($"the cgroup driver cannot be systemd: {reason}; use auto or cgroupfs");
    }

    private static async Task<string?> ReasonAgainstSystemdAsync(TimeProvider time, CancellationToken cancellation)
    {
        if (!SystemdBus.IsBooted) return "systemd does not run this machine (there is no /run/systemd/system)";
        if (!SdBus.IsAvailable(out string? library)) return library;
        using SystemdBus systemd = new(time, Deadline);
        try
        {
            await systemd.VersionAsync(cancellation);
            return null;
        }
        catch (Exception e) when (e is SystemdException or TimeoutException)
        {
            return e.Message;
        }
    }
}
