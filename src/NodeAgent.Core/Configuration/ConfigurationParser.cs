using System.Globalization;
using System.Text;
using NodeAgent.Core.Admission;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Core.Status;

namespace NodeAgent.Core.Configuration;

/// <summary>Bytes of the configuration file to <see cref="AgentConfiguration"/>, with the same exactness about faults as manifests have.</summary>
public static class ConfigurationParser
{
    internal static readonly string[] KnownFields =
    [
        "apiVersion", "kind", "nodeName", "staticPodPath", "fileCheckFrequency", "rootDir", "runDir", "podLogsDir", "socket",
        "cgroupDriver", "cgroupRoot", "network", "requireControllers", "shimPath", "crashLoopBackOff",
        "maxPods", "systemReserved", "kubeReserved", .. EvictionReader.Fields,
        "podPidsLimit", "singleProcessOOMKill", "memorySwap", "memoryThrottlingFactor", .. ImageGcReader.Fields,
    ];

    private const int LargestPodCount = 1_000_000;

    // The kernel's own limit of process ids (PID_MAX_LIMIT) on 64-bit machines.
    private const int LargestPidCount = 4 << 20;
    private static readonly string[] ReservableResources = [ResourceName.Cpu, ResourceName.EphemeralStorage, ResourceName.Memory];
    private static readonly TimeSpan ShortestRestartPeriod = TimeSpan.FromSeconds(1), LongestRestartPeriod = TimeSpan.FromSeconds(300);

    /// <param name="pinProblem">What is wrong with a pattern of <c>pinnedImages</c>, null for nothing: known to who knows how images are named.</param>
    /// <returns>The settings, or null with at least one error.</returns>
    public static (AgentConfiguration? Configuration, IReadOnlyList<ManifestError> Errors) Parse(ReadOnlyMemory<byte> bytes, string file, Func<string, string?>? pinProblem = null)
    {
        var findings = new ManifestFindings(file);
        AgentConfiguration? configuration = null;
        try
        {
            IReadOnlyList<ManifestNode> documents = YamlDocuments.Read(Encoding.UTF8.GetString(ManifestText.Check(bytes).Span));
            if (documents.Count == 1)
                configuration = new Reader(findings, documents[0], pinProblem ?? (static _ => null)).Read();
            else
                findings.Add(ManifestError.OfFile(file, ManifestReason.NotAnObject, $"holds {documents.Count} documents", "write one PodAgentConfiguration into it"));
        }
        catch (ManifestSyntaxException fault)
        {
            findings.Add(new ManifestError(file, fault.Line, fault.Column, "", fault.Reason, fault.Message, fault.Remedy));
        }

        return (findings.Errors.Count == 0 ? configuration : null, findings.Errors);
    }

    private readonly struct Reader(ManifestFindings findings, ManifestNode document, Func<string, string?> pinProblem)
    {
        public AgentConfiguration? Read()
        {
            if (document.Kind != NodeKind.Mapping)
            {
                findings.Add(document, FieldPath.Root, ManifestReason.NotAnObject, $"is {document.Description}, expected an object", $"start with \"kind: {AgentConfiguration.ExpectedKind}\"");
                return null;
            }

            Expect("apiVersion", AgentConfiguration.ExpectedApiVersion, ManifestReason.UnsupportedApiVersion);
            Expect("kind", AgentConfiguration.ExpectedKind, ManifestReason.UnsupportedKind);
            RefuseUnknown(document, FieldPath.Root, KnownFields);
            return new AgentConfiguration
            {
                NodeName = Text("nodeName"),
                StaticPodPath = Folder("staticPodPath"),
                FileCheckFrequency = Duration(document, FieldPath.Root, "fileCheckFrequency", TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1)),
                RootDir = Folder("rootDir"),
                RunDir = Folder("runDir"),
                PodLogsDir = Folder("podLogsDir"),
                Socket = Folder("socket"),
                CgroupDriver = OneOf("cgroupDriver", "auto", "systemd", "cgroupfs"),
                CgroupRoot = Text("cgroupRoot"),
                Network = OneOf("network", "none"),
                RequireControllers = Bool("requireControllers"),
                ShimPath = Folder("shimPath"),
                MaxContainerRestartPeriod = RestartPeriod(),
                Eviction = new EvictionReader(findings, document).Read(),
                MaxPods = Count("maxPods", 1, LargestPodCount),
                SystemReserved = Reserved("systemReserved"),
                KubeReserved = Reserved("kubeReserved"),
                PodPidsLimit = Count("podPidsLimit", -1, LargestPidCount),
                SingleProcessOOMKill = Bool("singleProcessOOMKill"),
                SwapBehavior = Swap(),
                MemoryThrottlingFactor = Fraction("memoryThrottlingFactor"),
                ImageGc = new ImageGcReader(findings, document).Read(),
                PinnedImages = new ImageGcReader(findings, document).ReadPinned(pinProblem),
            };
        }

        private void Expect(string field, string value, ManifestReason reason)
        {
            if (document.Find(field) is not { } entry)
                findings.Add(document, FieldPath.Root.Field(field), ManifestReason.MissingKind, "is missing", $"write \"{field}: {value}\"");
            else if (entry.Value.Text != value)
                findings.Add(entry, FieldPath.Root.Field(field), reason, $"is {ManifestText.Quote(entry.Value.Text)}", $"write \"{field}: {value}\"");
        }

        private void RefuseUnknown(ManifestNode mapping, FieldPath path, string[] known)
        {
            foreach (ManifestEntry entry in mapping.Entries.Where(entry => !known.Contains(entry.Key, StringComparer.Ordinal)))
            {
                string remedy = Spelling.Nearest(entry.Key, known) is { } nearest ? $"did you mean {nearest}?" : "remove it";
                findings.Add(entry, path.Field(entry.Key), ManifestReason.UnknownField, "is not a setting of the agent", remedy);
            }
        }

        private string? Text(string field)
        {
            if (document.Find(field) is not { } entry || entry.Value.Kind == NodeKind.Null)
                return null;
            if (entry.Value.Kind == NodeKind.String && entry.Value.Text.Length > 0)
                return entry.Value.Text;
            findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected text", "quote it");
            return null;
        }

        private string? Folder(string field)
        {
            string? text = Text(field);
            if (text is not null && text[0] != '/')
                findings.Add(document.Find(field)!.Value, FieldPath.Root.Field(field), ManifestReason.InvalidValue, $"is {ManifestText.Quote(text)}, expected an absolute path", "start it with a slash");
            return text;
        }

        private string? OneOf(string field, params string[] allowed)
        {
            string? text = Text(field);
            if (text is not null && !allowed.Contains(text, StringComparer.Ordinal))
                findings.Add(document.Find(field)!.Value, FieldPath.Root.Field(field), ManifestReason.UnsupportedValue, $"is {ManifestText.Quote(text)}", "one of: " + string.Join(", ", allowed));
            return text;
        }

        private bool? Bool(string field)
        {
            if (document.Find(field) is not { } entry)
                return null;
            if (entry.Value.Kind == NodeKind.Bool)
                return entry.Value.Integer != 0;
            findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected true or false", "write true or false");
            return null;
        }

        private int? Count(string field, int least, int most)
        {
            if (document.Find(field) is not { } entry)
                return null;
            if (entry.Value.Kind != NodeKind.Int)
                findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected a whole number", "write a number");
            else if (entry.Value.Integer < least || entry.Value.Integer > most)
                findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.OutOfRange, $"is {entry.Value.Integer}", $"between {least} and {most}");
            else
                return (int)entry.Value.Integer;
            return null;
        }

        /// <summary>Above 0, at most 1.</summary>
        private double? Fraction(string field)
        {
            if (document.Find(field) is not { } entry)
                return null;
            double value = 0;
            if (entry.Value.Kind is not (NodeKind.Int or NodeKind.Float) || !double.TryParse(entry.Value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out value))
                findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.WrongType, $"is {entry.Value.Description}, expected a number", "write a number such as 0.9");
            else if (!(value > 0 && value <= 1))
                findings.Add(entry.Value, FieldPath.Root.Field(field), ManifestReason.OutOfRange, $"is {entry.Value.Text}", "above 0, at most 1");
            else
                return value;
            return null;
        }

        private SwapBehavior? Swap()
        {
            FieldPath path = FieldPath.Root.Field("memorySwap");
            if (Section(path, "memorySwap", "write swapBehavior under it", "swapBehavior")?.Find("swapBehavior") is not { } behavior || behavior.Value.Text.Length == 0)
                return null;
            string[] known = Enum.GetNames<SwapBehavior>();
            if (known.Contains(behavior.Value.Text, StringComparer.Ordinal))
                return Enum.Parse<SwapBehavior>(behavior.Value.Text);
            findings.Add(behavior.Value, path.Field("swapBehavior"), ManifestReason.UnsupportedValue, $"is {ManifestText.Quote(behavior.Value.Text)}", "one of: " + string.Join(", ", known));
            return null;
        }

        private NodeResources? Reserved(string field)
        {
            FieldPath path = FieldPath.Root.Field(field);
            if (Section(path, field, "write cpu, memory or ephemeral-storage under it", ReservableResources) is not { } reserved)
                return null;
            return new NodeResources(
                Amount(reserved, path, ResourceName.Cpu).MilliValue,
                Amount(reserved, path, ResourceName.Memory).Value,
                Amount(reserved, path, ResourceName.EphemeralStorage).Value,
                Pods: 0);
        }

        private Quantity Amount(ManifestNode mapping, FieldPath path, string resource)
        {
            if (mapping.Find(resource) is not { } entry)
                return Quantity.Zero;
            if (!Quantity.TryParse(entry.Value.Text, out Quantity amount, out string? problem))
                findings.Add(entry.Value, path.Field(resource), ManifestReason.InvalidValue, $"is {ManifestText.Quote(entry.Value.Text)}: {problem}", "write it as 500m or 512Mi");
            else if (amount.Sign < 0)
                findings.Add(entry.Value, path.Field(resource), ManifestReason.OutOfRange, $"is {amount}, which is negative", "0 or more");
            else
                return amount;
            return Quantity.Zero;
        }

        private TimeSpan? RestartPeriod()
        {
            FieldPath path = FieldPath.Root.Field("crashLoopBackOff");
            return Section(path, "crashLoopBackOff", "write maxContainerRestartPeriod under it", "maxContainerRestartPeriod") is { } section
                ? Duration(section, path, "maxContainerRestartPeriod", ShortestRestartPeriod, LongestRestartPeriod)
                : null;
        }

        /// <summary>An object of the document, null when it is not there or is none; what it may not hold is refused.</summary>
        private ManifestNode? Section(FieldPath path, string field, string remedy, params string[] known)
        {
            if (document.Find(field) is not { } entry)
                return null;
            if (entry.Value.Kind == NodeKind.Mapping)
            {
                RefuseUnknown(entry.Value, path, known);
                return entry.Value;
            }

            findings.Add(entry.Value, path, ManifestReason.WrongType, $"is {entry.Value.Description}, expected an object", remedy);
            return null;
        }

        private TimeSpan? Duration(ManifestNode mapping, FieldPath path, string field, TimeSpan least, TimeSpan most)
        {
            if (mapping.Find(field) is not { } entry)
                return null;
            TimeSpan? duration = GoDuration.TryParse(entry.Value.Text);
            if (duration is null)
                findings.Add(entry.Value, path.Field(field), ManifestReason.InvalidValue, $"is {ManifestText.Quote(entry.Value.Text)}, which is no duration", "write it as 20s or 1m30s");
            else if (duration < least || duration > most)
                findings.Add(entry.Value, path.Field(field), ManifestReason.OutOfRange, $"is {ManifestText.Quote(entry.Value.Text)}", $"between {least.TotalSeconds} s and {most.TotalSeconds} s");
            return duration;
        }
    }
}
