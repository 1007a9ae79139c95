using NodeAgent.Cli.Output;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;

namespace NodeAgent.Cli.Commands;

/// <summary>The events at the end of a description.</summary>
internal static class EventLines
{
    public static void Write(Description description, IReadOnlyList<Event> events, DateTimeOffset now)
    {
        if (events.Count == 0)
        {
            description.Field(0, "Events", "<none>");
            return;
        }
        description.Heading(0, "Events");
        description.Row(1, "Type", "Reason", "Age", "From", "Message");
        description.Row(1, "----", "------", "---", "----", "-------");
        foreach (Event e in events)
            description.Row(1, e.Type ?? "", e.Reason ?? "", When(e, now), e.Source?.Component ?? "", TablePrinter.Safe((e.Message ?? "").Trim()));
    }

    private static string When(Event e, DateTimeOffset now)
    {
        string last = Age(e.LastTimestamp, now);
        return e.Count > 1 ? $"{last} (x{e.Count} over {Age(e.FirstTimestamp, now)})" : last;
    }

    private static string Age(DateTimeOffset? time, DateTimeOffset now) => time is { } then ? HumanDuration.Format(now - then) : "<unknown>";
}
