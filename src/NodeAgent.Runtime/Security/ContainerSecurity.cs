using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Bundle;

namespace NodeAgent.Runtime.Security;

/// <summary>A container's rights as its manifest's securityContext gives them, the container's word over the pod's.</summary>
/// <param name="NoNewPrivileges">Only where <c>allowPrivilegeEscalation: false</c> says so, as on every Kubernetes node.</param>
/// <param name="Seccomp">Compiled; empty for unconfined.</param>
public sealed record ContainerSecurity(
    CapabilitySets Capabilities,
    bool Privileged,
    bool NoNewPrivileges,
    ReadOnlyMemory<byte> Seccomp,
    bool ReadOnlyRootFilesystem,
    IReadOnlyList<string> MaskedPaths,
    IReadOnlyList<string> ReadOnlyPaths)
{
    // A filter depends on the bounding set alone, and few sets are in use on a node.
    private static readonly ConcurrentDictionary<ulong, ReadOnlyMemory<byte>> DefaultFilters = new();

    /// <param name="availableCapabilities">What the daemon itself has, one bit each: more cannot be given.</param>
    /// <param name="maskedPaths">This machine's (<see cref="DefaultPaths.MaskedOn"/>).</param>
    /// <exception cref="PodRuntimeException">CreateContainerConfigError: something that this node cannot do.</exception>
    public static ContainerSecurity Resolve(Pod pod, Container container, ulong availableCapabilities, IReadOnlyList<string> maskedPaths)
    {
        SecurityContext context = container.SecurityContext ?? new SecurityContext();
        PodSecurityContext podContext = pod.Spec?.SecurityContext ?? new PodSecurityContext();
        RefuseModules(context, podContext);

        bool privileged = context.Privileged == true;
        bool unmasked = privileged || context.ProcMount == "Unmasked";
        CapabilitySets capabilities = CapabilitySets.Resolve(context.Capabilities, privileged, availableCapabilities);
        return new ContainerSecurity(
            capabilities,
            privileged,
            context.AllowPrivilegeEscalation == false,
            privileged ? default : Filter(context.SeccompProfile ?? podContext.SeccompProfile, capabilities),
            context.ReadOnlyRootFilesystem == true,
            unmasked ? [] : maskedPaths,
            unmasked ? [] : DefaultPaths.ReadOnly);
    }

    private static ReadOnlyMemory<byte> Filter(SeccompProfile? profile, CapabilitySets capabilities) => profile?.Type switch
    {
        SecurityProfileType.Unconfined => default,
        null or "" or SecurityProfileType.RuntimeDefault => DefaultFilters.GetOrAdd(
            capabilities.Bounding,
            static bounding => SeccompCompiler.Compile(DefaultSeccompPolicy.For(bounding, RuntimeInformation.ProcessArchitecture == Architecture.Arm64))),
        _ => throw Refusal($"seccompProfile: type {profile.Type} is not supported on this node: use RuntimeDefault or Unconfined"),
    };

    private static void RefuseModules(SecurityContext context, PodSecurityContext pod)
    {
        if ((context.AppArmorProfile ?? pod.AppArmorProfile)?.Type is { } type && type != SecurityProfileType.Unconfined)
            throw Refusal($"appArmorProfile: type {type} is not supported on this node");
        if ((context.SeLinuxOptions ?? pod.SeLinuxOptions) is { } options && options != new SeLinuxOptions())
            throw Refusal("seLinuxOptions are not supported on this node");
    }

    private static PodRuntimeException Refusal(string message) => new(RuntimeFailure.CreateContainerConfigError, message);
}
