using System.Security.Cryptography;
using System.Text;
using NodeAgent.Core.Cri;

namespace NodeAgent.Pods;

/// <summary>Container ids are computed, so that creating one run twice, before and after a crash, is creating the same container.</summary>
public static class ContainerIdentity
{
    /// <param name="sandbox">Carries the pod's uid and the sandbox's attempt.</param>
    public static ContainerId Of(PodSandboxId sandbox, string container, int attempt) =>
        new(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{sandbox.Value}/{container}/{attempt}"))));
}
