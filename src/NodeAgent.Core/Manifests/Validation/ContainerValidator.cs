using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>The containers of a pod, each and together.</summary>
internal static class ContainerValidator
{
    private enum Role
    {
        Main,
        Init,
        Ephemeral,
    }

    private readonly record struct HostPort(int Number, string? Protocol, string Address);

    public static void Validate(PodSpec spec, ValidationScope at)
    {
        if (spec.Containers is not { Count: > 0 }) at["containers"].Missing("write at least one container");
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (spec.InitContainers?.Count ?? 0); i++)
            Container(spec.InitContainers![i], Role.Init, spec, names, at["initContainers"][i]);
        for (int i = 0; i < (spec.Containers?.Count ?? 0); i++)
            Container(spec.Containers![i], Role.Main, spec, names, at["containers"][i]);
        for (int i = 0; i < (spec.EphemeralContainers?.Count ?? 0); i++)
            Container(spec.EphemeralContainers![i], Role.Ephemeral, spec, names, at["ephemeralContainers"][i]);
        HostPorts(spec.Containers, [], spec, at["containers"]);
        // Init containers run one after the other, so each of them may have any port for itself.
        for (int i = 0; i < (spec.InitContainers?.Count ?? 0); i++)
            HostPorts(spec.InitContainers![i], [], spec, at["initContainers"][i]);
    }

    private static void Container(Container container, Role role, PodSpec spec, HashSet<string> names, ValidationScope at)
    {
        if (at["name"].Required(container.Name, "give every container a name")
            && at["name"].DnsLabel(container.Name) && !names.Add(container.Name!))
            at["name"].Duplicate(container.Name!);
        if (at["image"].Required(container.Image, "name the image to run") && container.Image!.Any(char.IsWhiteSpace))
            at["image"].Invalid($"is {ManifestText.Quote(container.Image!)}, which has white space in it", "remove the spaces");
        at["imagePullPolicy"].OneOf(container.ImagePullPolicy, PullPolicy.Always, PullPolicy.IfNotPresent, PullPolicy.Never);
        at["terminationMessagePolicy"].OneOf(container.TerminationMessagePolicy, TerminationMessagePolicy.File,
            TerminationMessagePolicy.FallbackToLogsOnError);
        Ports(container.Ports, spec.HostNetwork == true, at["ports"]);
        EnvironmentValidator.Env(container.Env, spec, at["env"]);
        EnvironmentValidator.EnvFrom(container.EnvFrom, at["envFrom"]);
        ResourceValidator.Validate(container.Resources, spec, at["resources"]);
        ResourceValidator.ResizePolicy(container.ResizePolicy, container.RestartPolicy ?? spec.RestartPolicy, at["resizePolicy"]);
        PodSecurityValidator.Validate(container.SecurityContext, spec, at["securityContext"]);
        RestartRules(container, at);
        MountValidator.Validate(container, spec, at);
        Probes(container, role, spec, at);
        if (role == Role.Ephemeral && container.Ports is { Count: > 0 })
            at["ports"].Exclusive("may not be set on an ephemeral container", "remove it");
    }

    private static void Ports(IReadOnlyList<ContainerPort>? ports, bool hostNetwork, ValidationScope at)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < (ports?.Count ?? 0); i++)
        {
            ContainerPort port = ports![i];
            if (!string.IsNullOrEmpty(port.Name)
                && at[i]["name"].Spelled(port.Name, Syntax.IsPortName, Syntax.PortNameRule) && !names.Add(port.Name))
                at[i]["name"].Duplicate(port.Name);
            if (port.Port is null) at[i]["containerPort"].Missing();
            else at[i]["containerPort"].Port(port.Port);
            if (port.HostPort is not (null or 0) && at[i]["hostPort"].Port(port.HostPort) && hostNetwork && port.HostPort != port.Port)
                at[i]["hostPort"].Exclusive("must equal containerPort when hostNetwork is true", "remove hostPort");
            at[i]["hostIP"].IPAddress(PodDefaults.NullIfEmpty(port.HostIP));
            at[i]["protocol"].OneOf(port.Protocol, Protocol.Tcp, Protocol.Udp, Protocol.Sctp);
        }
    }

    /// <summary>One port of the host can be had once by containers that run at the same time.</summary>
    private static void HostPorts(IReadOnlyList<Container>? containers, HashSet<HostPort> taken, PodSpec spec, ValidationScope at)
    {
        for (int c = 0; c < (containers?.Count ?? 0); c++) HostPorts(containers![c], taken, spec, at[c]);
    }

    private static void HostPorts(Container container, HashSet<HostPort> taken, PodSpec spec, ValidationScope at)
    {
        for (int i = 0; i < (container.Ports?.Count ?? 0); i++)
        {
            ContainerPort port = container.Ports![i];
            if (port.HostPort is null or 0 || taken.Add(new HostPort(port.HostPort.Value, port.Protocol, port.HostIP ?? ""))) continue;
            // On the host's network the host port is only a default: point at what was written.
            string field = spec.HostNetwork == true ? "containerPort" : "hostPort";
            at["ports"][i][field].Error(ManifestReason.DuplicateValue,
                $"{port.HostPort}/{port.Protocol} of the host is taken by another port of this pod", "use another port");
        }
    }

    private static void RestartRules(Container container, ValidationScope at)
    {
        at["restartPolicy"].OneOf(PodDefaults.NullIfEmpty(container.RestartPolicy), RestartPolicy.Always, RestartPolicy.OnFailure,
            RestartPolicy.Never);
        IReadOnlyList<ContainerRestartRule>? rules = container.RestartPolicyRules;
        ValidationScope scope = at["restartPolicyRules"];
        if (rules is not { Count: > 0 }) return;
        if (string.IsNullOrEmpty(container.RestartPolicy))
            at["restartPolicy"].Missing("restartPolicyRules need the container's own restartPolicy beside them");
        if (rules.Count > 20) scope.Error(ManifestReason.TooLong, $"has {rules.Count} rules, more than 20");
        for (int i = 0; i < rules.Count; i++)
        {
            ContainerRestartRule rule = rules[i];
            if (scope[i]["action"].Required(rule.Action))
                scope[i]["action"].OneOf(rule.Action, ContainerRestartRuleAction.Restart, ContainerRestartRuleAction.RestartAllContainers);
            ValidationScope codes = scope[i]["exitCodes"];
            if (rule.ExitCodes is null)
            {
                codes.Missing();
                continue;
            }
            if (codes["operator"].Required(rule.ExitCodes.Operator)) codes["operator"].OneOf(rule.ExitCodes.Operator, "In", "NotIn");
            IReadOnlyList<int> values = rule.ExitCodes.Values ?? [];
            if (values.Count == 0) codes["values"].Missing("write at least one exit code");
            if (values.Count > 255) codes["values"].Error(ManifestReason.TooLong, $"has {values.Count} exit codes, more than 255");
            var seen = new HashSet<int>();
            for (int j = 0; j < values.Count; j++)
            {
                codes["values"][j].InRange(values[j], 0, 255);
                if (!seen.Add(values[j])) codes["values"][j].Duplicate(values[j].ToString(System.Globalization.CultureInfo.InvariantCulture));
            }
        }
    }

    private static void Probes(Container container, Role role, PodSpec spec, ValidationScope at)
    {
        bool sidecar = role == Role.Init && container.RestartPolicy == RestartPolicy.Always;
        if (role == Role.Main || sidecar)
        {
            ProbeValidator.Probe(container.LivenessProbe, mustSucceedOnce: true, ownGrace: true, at["livenessProbe"]);
            ProbeValidator.Probe(container.ReadinessProbe, mustSucceedOnce: false, ownGrace: false, at["readinessProbe"]);
            ProbeValidator.Probe(container.StartupProbe, mustSucceedOnce: true, ownGrace: true, at["startupProbe"]);
            ProbeValidator.Lifecycle(container.Lifecycle, spec, at["lifecycle"]);
            return;
        }
        string what = role == Role.Init ? "may be set on an init container only when its restartPolicy is Always" :
            "may not be set on an ephemeral container";
        if (container.LivenessProbe is not null) at["livenessProbe"].Exclusive(what, "remove it");
        if (container.ReadinessProbe is not null) at["readinessProbe"].Exclusive(what, "remove it");
        if (container.StartupProbe is not null) at["startupProbe"].Exclusive(what, "remove it");
        // Its stop signal included, as the API server has it.
        if (container.Lifecycle is not null) at["lifecycle"].Exclusive(what, "remove it");
        if (container.ResizePolicy is { Count: > 0 }) at["resizePolicy"].Exclusive(what, "remove it");
    }
}
