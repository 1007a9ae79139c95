using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// Who a pod is. A pod from a file has no API server that would give it a UID, so it is computed: the same node, file and wish give the
/// same UID after every restart and upgrade of the agent, and a change of the wish gives another one, which replaces the pod.
/// What a pod can change while it runs (<see cref="ResizableResources"/>) is no part of it; its quality-of-service class is, for that cannot.
/// </summary>
public static class PodIdentity
{
    /// <summary>Names the recipe; another recipe must carry another name.</summary>
    private const string Recipe = "podagent-pod-2";

    /// <summary>
    /// A UUID of version 8 (RFC 9562): the first 128 bits of SHA-256 over the recipe's name, the node's name, the file's path, the
    /// pod's quality-of-service class and its <see cref="CanonicalForm"/> without what is resizable, each preceded by its length in UTF-8 bytes as 4 bytes, big end first.
    /// </summary>
    public static string Uid(string node, string file, Pod pod)
    {
        Span<byte> hash = stackalloc byte[32];
        Hash(hash, Recipe, node, file, QosClass.Of(pod), CanonicalForm.Of(ResizableResources.Without(pod)));
        hash[6] = (byte)((hash[6] & 0x0F) | 0x80);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..16], bigEndian: true).ToString("D");
    }

    /// <summary>16 hex digits over everything that is wanted of a pod, what is resizable included: two versions of one UID differ here.</summary>
    public static string Version(Pod pod)
    {
        Span<byte> hash = stackalloc byte[32];
        Hash(hash, "podagent-version-1", CanonicalForm.Of(pod));
        return Convert.ToHexStringLower(hash[..8]);
    }

    private static void Hash(Span<byte> result, params ReadOnlySpan<string> parts)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (string part in parts)
        {
            byte[] utf8 = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32BigEndian(length, utf8.Length);
            sha.AppendData(length);
            sha.AppendData(utf8);
        }
        sha.GetHashAndReset(result);
    }
}
