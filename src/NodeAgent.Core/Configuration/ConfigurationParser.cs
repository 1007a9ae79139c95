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
        private readonly MappingReader _root = new(findings, document, FieldPath.Root);

        public AgentConfiguration? Read()
        {
            if (document.Kind != NodeKind.Mapping)
            {
                findings.Add(document, FieldPath.Root, ManifestReason.NotAnObject, $"is {document.Description}, expected an object", $"start with \"kind: {AgentConfiguration.ExpectedKind}\"");
                return null;
            }

            _root.Expect("apiVersion", AgentConfiguration.ExpectedApiVersion, ManifestReason.UnsupportedApiVersion);
            _root.Expect("kind", AgentConfiguration.ExpectedKind, ManifestReason.UnsupportedKind);
            _root.RefuseUnknown(KnownFields);
            return new AgentConfiguration
            {
                NodeName = _root.Text("nodeName"),
                StaticPodPath = _root.AbsolutePath("staticPodPath"),
                FileCheckFrequency = _root.Duration("fileCheckFrequency", TimeSpan.FromMilliseconds(100), TimeSpan.FromDays(1)),
                RootDir = _root.AbsolutePath("rootDir"),
                RunDir = _root.AbsolutePath("runDir"),
                PodLogsDir = _root.AbsolutePath("podLogsDir"),
                Socket = _root.AbsolutePath("socket"),
                CgroupDriver = _root.OneOf("cgroupDriver", "auto", "systemd", "cgroupfs"),
                CgroupRoot = _root.Text("cgroupRoot"),
                Network = _root.OneOf("network", "none"),
                RequireControllers = _root.Bool("requireControllers"),
                ShimPath = _root.AbsolutePath("shimPath"),
                MaxContainerRestartPeriod = RestartPeriod(),
                Eviction = new EvictionReader(findings, document).Read(),
                MaxPods = _root.Count("maxPods", 1, LargestPodCount),
                SystemReserved = Reserved("systemReserved"),
                KubeReserved = Reserved("kubeReserved"),
                PodPidsLimit = _root.Count("podPidsLimit", -1, LargestPidCount),
                SingleProcessOOMKill = _root.Bool("singleProcessOOMKill"),
                SwapBehavior = Swap(),
                MemoryThrottlingFactor = Fraction("memoryThrottlingFactor"),
                ImageGc = new ImageGcReader(findings, document).Read(),
                PinnedImages = new ImageGcReader(findings, document).ReadPinned(pinProblem),
            };
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

        private NodeResources? Reserved(string field)
        {
            if (_root.Section(field, "write cpu, memory or ephemeral-storage under it", ReservableResources) is not { } reserved)
                return null;
            return new NodeResources(
                reserved.Amount(ResourceName.Cpu).MilliValue, reserved.Amount(ResourceName.Memory).Value, reserved.Amount(ResourceName.EphemeralStorage).Value, Pods: 0);
        }

        private SwapBehavior? Swap()
        {
            string? behavior = _root.Section("memorySwap", "write swapBehavior under it", "swapBehavior")?.OneOf("swapBehavior", Enum.GetNames<SwapBehavior>());
            return Enum.TryParse(behavior, out SwapBehavior known) ? known : null;
        }

        private TimeSpan? RestartPeriod() =>
            _root.Section("crashLoopBackOff", "write maxContainerRestartPeriod under it", "maxContainerRestartPeriod")
                ?.Duration("maxContainerRestartPeriod", ShortestRestartPeriod, LongestRestartPeriod);
    }
}
