namespace NodeAgent.Core.Planning;

/// <summary>
/// Back-off of pulling one image for one pod: 10 s after the first failure, doubled by each further one up to 300 s, counted from the failure.
/// Forgotten when a failure comes more than twice the maximum after the one before, and at a success.
/// </summary>
/// <param name="Since">Time of the last failed pull, steady time.</param>
public sealed record ImagePullBackoff(TimeSpan Delay, DateTimeOffset Since, StepFailureReason Reason, string Message)
{
    public DateTimeOffset Until => Since + Delay;

    public bool IsForgotten(DateTimeOffset now, PlannerSettings settings) => now - Since > 2 * settings.MaxImagePullPeriod;

    public static ImagePullBackoff AfterFailure(
        ImagePullBackoff? last, StepFailureReason reason, string message, DateTimeOffset now, PlannerSettings settings)
    {
        TimeSpan delay = last is null || last.IsForgotten(now, settings)
            ? settings.InitialImagePullPeriod
            : 2 * last.Delay;
        return new ImagePullBackoff(delay < settings.MaxImagePullPeriod ? delay : settings.MaxImagePullPeriod, now, reason, message);
    }
}
