using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Probing;

/// <summary>Ports of probes and hooks: a number, a number written as text, or the name of one of the container's own ports.</summary>
public static class ProbePort
{
    /// <summary>Null when the container has no port of that name, or the number is none of a port.</summary>
    public static int? Find(IntOrString? port, Container container)
    {
        if (port is not { } given)
            return null;
        int? number = given.IsInt
            ? given.IntValue
            : container.Ports?.FirstOrDefault(candidate => candidate.Name == given.StringValue)?.Port
                ?? (int.TryParse(given.StringValue, NumberStyles.None, CultureInfo.InvariantCulture, out int written) ? written : null);
        return number is > 0 and <= 65535 ? number : null;
    }
}
