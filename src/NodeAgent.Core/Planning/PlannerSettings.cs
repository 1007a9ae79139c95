namespace NodeAgent.Core.Planning;

/// <summary>The constants of planning. The defaults are the kubelet's.</summary>
public sealed record PlannerSettings
{
    public static readonly PlannerSettings Default = new();

    /// <summary><c>crashLoopBackOff.maxContainerRestartPeriod</c>: 1 s to 300 s.</summary>
    public TimeSpan MaxContainerRestartPeriod { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>The second restart waits this long, never more than <see cref="MaxContainerRestartPeriod"/>.</summary>
    public TimeSpan InitialContainerRestartPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A run that lasted longer than this clears its container's back-off. Independent of the maximum.</summary>
    public TimeSpan RestartBackoffForgottenAfter { get; init; } = TimeSpan.FromSeconds(600);

    public TimeSpan InitialImagePullPeriod { get; init; } = TimeSpan.FromSeconds(10);
    public TimeSpan MaxImagePullPeriod { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>A step that failed for a reason without a back-off of its own is tried again after this.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A kill that is not forced leaves a process at least this long, however much of the grace was used up by waiting or by a hook.</summary>
    public TimeSpan MinimumGrace { get; init; } = TimeSpan.FromSeconds(2);
}
