using System.Globalization;
using NodeAgent.Core.Cri;

namespace NodeAgent.Testing.Fakes;

/// <summary>What a fake container does with its time.</summary>
/// <param name="RunsFor">How long it runs by itself; null runs until it is stopped.</param>
/// <param name="ExitCode">What it exits with after <paramref name="RunsFor"/>.</param>
/// <param name="DiesAfterTerm">How long it takes to leave after the stop signal; null ignores that signal.</param>
/// <param name="TermExitCode">What it exits with then; 128 + signal and above is recorded as a death by that signal.</param>
/// <param name="StartError">The start fails with this message.</param>
public sealed record FakeLife(TimeSpan? RunsFor, int ExitCode, TimeSpan? DiesAfterTerm, int TermExitCode = 143, string? StartError = null)
{
    /// <summary>Runs until told to stop, then leaves at once.</summary>
    public static FakeLife Forever { get; } = new(null, 0, TimeSpan.Zero);

    /// <summary>Runs until it is killed.</summary>
    public static FakeLife IgnoresTerm { get; } = new(null, 0, null);

    public static FakeLife Exits(int code, TimeSpan after = default) => new(after, code, TimeSpan.Zero);

    public static FakeLife CannotStart(string message) => new(null, 0, null, StartError: message);

    /// <summary>
    /// Reads the container's command: <c>exit CODE [SECONDS]</c>, <c>ignore-term</c>, <c>slow-term SECONDS</c>, <c>no-start MESSAGE</c>; anything else runs forever.
    /// A manifest can thus script its own fake.
    /// </summary>
    public static FakeLife OfCommand(ContainerConfig config)
    {
        string[] words = [.. config.Container.Command ?? [], .. config.Container.Args ?? []];
        return words switch
        {
            ["exit", var code] => Exits(int.Parse(code, CultureInfo.InvariantCulture)),
            ["exit", var code, var seconds] => Exits(int.Parse(code, CultureInfo.InvariantCulture), Seconds(seconds)),
            ["ignore-term"] => IgnoresTerm,
            ["slow-term", var seconds] => new FakeLife(null, 0, Seconds(seconds)),
            ["no-start", var message] => CannotStart(message),
            _ => Forever,
        };
    }

    private static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(double.Parse(text, CultureInfo.InvariantCulture));
}

/// <summary>The verbs a test can make fail, hold up or look for in the journal.</summary>
public enum RuntimeVerb
{
    RunPodSandbox,
    StopPodSandbox,
    RemovePodSandbox,
    CreateContainer,
    StartContainer,
    StopContainer,
    RemoveContainer,
    UpdateContainerResources,
    UpdatePodSandboxResources,
    RemovePodLogs,
    RemovePodVolumes,
    RemoveOrphanVolumes,
    ListPods,
    PodStatus,
}

/// <param name="Target">Pod name, or <c>pod/container</c>; empty for a listing.</param>
/// <param name="At">When it was called, UTC.</param>
public sealed record RuntimeCall(RuntimeVerb Verb, string Target, DateTimeOffset At)
{
    public override string ToString() => $"{Verb} {Target}";
}
