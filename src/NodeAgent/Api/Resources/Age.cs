using NodeAgent.Core.Status;

namespace NodeAgent.Api.Resources;

/// <summary>The time since something, as a table cell.</summary>
internal static class Age
{
    public static string Of(DateTimeOffset? since, DateTimeOffset now) => since is { } then ? HumanDuration.Format(now - then) : "<unknown>";
}
