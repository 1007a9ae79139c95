using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Bundle;

namespace NodeAgent.Runtime.Security;

/// <summary>Who a container runs as, and where that user is at home.</summary>
public sealed record ResolvedUser(ProcessUser User, string Home);

/// <summary>
/// The manifest's user over the image's. A number from the manifest takes its group from the image's passwd when no <c>runAsGroup</c> is given, 0 for one
/// that is not in there. Groups are: the primary one, those that the image's group file lists the user in (unless <c>supplementalGroupsPolicy: Strict</c>),
/// <c>supplementalGroups</c>, <c>fsGroup</c>.
/// </summary>
public static class UserResolution
{
    /// <param name="root">The container's root: its passwd and group are the image's.</param>
    public static ResolvedUser Resolve(Pod pod, Container container, ImageConfig image, SafeFileHandle root) =>
        Resolve(pod, container, image, new UserDatabase(MountTargets.Read(root, "/etc/passwd"), MountTargets.Read(root, "/etc/group")));

    /// <param name="users">Of the image.</param>
    /// <exception cref="PodRuntimeException">CreateContainerConfigError: an unknown name, or root where <c>runAsNonRoot</c> forbids it.</exception>
    public static ResolvedUser Resolve(Pod pod, Container container, ImageConfig image, UserDatabase users)
    {
        PodSecurityContext? podContext = pod.Spec?.SecurityContext;
        SecurityContext? context = container.SecurityContext;
        long? runAsUser = context?.RunAsUser ?? podContext?.RunAsUser;
        long? runAsGroup = context?.RunAsGroup ?? podContext?.RunAsGroup;
        if ((context?.RunAsNonRoot ?? podContext?.RunAsNonRoot) == true) VerifyNonRoot(pod, container, image, runAsUser);

        ImageUser user;
        IReadOnlyList<uint> memberships;
        try
        {
            user = runAsUser is { } uid ? users.Lookup(Id(uid, "runAsUser"), null) : users.Lookup(image.User);
            // user:group names the primary group and leaves the memberships of the user as they are.
            memberships = runAsUser is null && image.User.Contains(':', StringComparison.Ordinal) ? users.Lookup(UserPart(image)).Groups : user.Groups;
        }
        catch (UserLookupException e)
        {
            throw new PodRuntimeException(RuntimeFailure.CreateContainerConfigError, $"container {container.Name}: {e.Message}", 0, e);
        }
        uint gid = runAsGroup is { } group ? Id(group, "runAsGroup") : user.Gid;
        if (podContext?.SupplementalGroupsPolicy == "Strict") memberships = [];
        IEnumerable<uint> groups = [gid, .. memberships, .. (podContext?.SupplementalGroups ?? []).Select(id => Id(id, "supplementalGroups"))];
        if (podContext?.FsGroup is { } fsGroup) groups = groups.Append(Id(fsGroup, "fsGroup"));
        return new ResolvedUser(new ProcessUser(user.Uid, gid, [.. groups.Distinct()]), user.Home);
    }

    // The kubelet's rules and words: what an image calls by name cannot be told from root without trusting the image's own files.
    private static void VerifyNonRoot(Pod pod, Container container, ImageConfig image, long? runAsUser)
    {
        string place = $"(pod: \"{pod.Metadata?.Name}_{pod.Metadata?.Namespace}({pod.Metadata?.Uid})\", container: {container.Name})";
        if (runAsUser == 0) throw Refusal($"container's runAsUser breaks non-root policy {place}");
        if (runAsUser is not null) return;
        string user = UserPart(image);
        if (user.Length == 0 || (long.TryParse(user, System.Globalization.CultureInfo.InvariantCulture, out long uid) && uid == 0))
            throw Refusal($"container has runAsNonRoot and image will run as root {place}");
        if (!user.All(char.IsAsciiDigit))
            throw Refusal($"container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root {place}");
    }

    private static string UserPart(ImageConfig image) => image.User.Split(':')[0];

    private static uint Id(long value, string field) =>
        value is >= 0 and <= int.MaxValue ? (uint)value : throw Refusal($"securityContext.{field}: {value} is not within 0 and {int.MaxValue}");

    private static PodRuntimeException Refusal(string message) => new(RuntimeFailure.CreateContainerConfigError, message);
}
