using System.Collections.Immutable;
using NodeAgent.Core.Cri;

namespace NodeAgent.Core.Planning;

/// <summary>
/// Brings the memory up to date with what is observed: counts, the pod's start, and when runs began and ended. Drops what has had its time.
///
/// Records carry the wall clock, which may be set at any time; plans count in steady time. A run that was not there at the last plan began after it, and one
/// that was alive at the last plan ended after it: a recorded time outside that window is a clock that jumped, and now stands for it. Plans follow events at
/// once, so now is late by the event's way only. The first plan of an agent has no window and believes the records, but never the future.
/// </summary>
internal static class RunSightings
{
    public static PlannerMemory Update(PlannerMemory memory, PodDesire desired, PodRuntimeState? observed, DateTimeOffset now, PlannerSettings settings)
    {
        IReadOnlyList<ContainerRun> runs = observed?.Containers ?? [];
        ImmutableDictionary<string, int>.Builder counts = memory.RestartCounts.ToBuilder();
        ImmutableDictionary<ContainerId, RunSighting>.Builder sightings = ImmutableDictionary.CreateBuilder<ContainerId, RunSighting>();
        foreach (ContainerRun run in runs)
        {
            if (!counts.TryGetValue(run.Name, out int count) || count < run.Attempt)
                counts[run.Name] = run.Attempt;
            sightings[run.Id] = See(run, memory.Sightings.GetValueOrDefault(run.Id), memory.PlannedAt, now);
        }

        HashSet<ContainerId> present = [.. runs.Select(r => r.Id)];
        HashSet<PodSandboxId> sandboxes = [.. (observed?.Sandboxes ?? []).Select(s => s.Id)];
        return memory with
        {
            PlannedAt = now,
            Failures = memory.Failures.RemoveRange(memory.Failures.Where(f => f.Value.RetryAt <= now).Select(f => f.Key)),
            ImagePulls = memory.ImagePulls.RemoveRange(memory.ImagePulls.Where(p => p.Value.IsForgotten(now, settings)).Select(p => p.Key)),
            Sightings = sightings.ToImmutable(),
            Sentences = memory.Sentences.RemoveRange(memory.Sentences.Keys.Where(id => !present.Contains(id))),
            Stopped = memory.Stopped.Intersect(sandboxes),
            RestartCounts = counts.ToImmutable(),
            StartTime = memory.StartTime ?? FirstTime(desired, observed, now),
        };
    }

    private static RunSighting See(ContainerRun run, RunSighting? before, DateTimeOffset? plannedAt, DateTimeOffset now)
    {
        RunSighting sighting = before ?? new RunSighting(Within(run.CreatedAt, plannedAt ?? DateTimeOffset.MinValue, now), null);
        if (sighting.Ended is not null || !PodView.HasEnded(run))
            return sighting;
        DateTimeOffset earliest = before is not null && plannedAt is { } seenAlive ? seenAlive : sighting.Began;
        return sighting with { Ended = Within(run.FinishedAt ?? now, earliest, now) };
    }

    private static DateTimeOffset Within(DateTimeOffset recorded, DateTimeOffset earliest, DateTimeOffset now) =>
        recorded >= earliest && recorded <= now ? recorded : now;

    private static DateTimeOffset FirstTime(PodDesire desired, PodRuntimeState? observed, DateTimeOffset now)
    {
        DateTimeOffset first = desired.AcceptedAt < now ? desired.AcceptedAt : now;
        foreach (PodSandbox sandbox in observed?.Sandboxes ?? [])
        {
            if (sandbox.CreatedAt < first)
                first = sandbox.CreatedAt;
        }

        return first;
    }
}
