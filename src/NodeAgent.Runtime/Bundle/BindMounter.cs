using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using static NodeAgent.Linux.Mounts;
using static NodeAgent.Linux.Openat2;

namespace NodeAgent.Runtime.Bundle;

/// <summary>How mounts made later on one side show on the other (mount_namespaces(7)).</summary>
public enum MountPropagation
{
    /// <summary>Not at all: Kubernetes' <c>None</c>.</summary>
    Private,

    /// <summary>What the host mounts below shows in the container: <c>HostToContainer</c>.</summary>
    Slave,

    /// <summary>Both ways: <c>Bidirectional</c>, for privileged containers.</summary>
    Shared,
}

public sealed record BindOptions
{
    /// <summary>Takes along what is mounted below the source.</summary>
    public bool Recursive { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>Read-only for everything mounted below as well; without it only the top is.</summary>
    public bool RecursiveReadOnly { get; init; }

    public bool NoSuid { get; init; }
    public bool NoDev { get; init; }
    public bool NoExec { get; init; }
    public MountPropagation Propagation { get; init; } = MountPropagation.Private;
}

/// <summary>Copies a file or tree of the host as a detached mount, ready to be attached in a container with its flags already set.</summary>
public static class BindMounter
{
    /// <exception cref="LinuxException">ENOENT: the source does not exist.</exception>
    public static SafeFileHandle Open(string source, BindOptions options)
    {
        uint flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (options.Recursive ? (uint)AT_RECURSIVE : 0);
        return WithOptions(open_tree(AT_FDCWD, CString.Of(source), flags), source, options);
    }

    /// <summary>The same for what a descriptor stands for, which cannot have been exchanged since it was opened and checked.</summary>
    public static SafeFileHandle Open(SafeFileHandle source, string shown, BindOptions options)
    {
        uint flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (options.Recursive ? (uint)AT_RECURSIVE : 0);
        return WithOptions(open_tree((int)source.DangerousGetHandle(), "\0"u8, flags), shown, options);
    }

    private static SafeFileHandle WithOptions(int opened, string source, BindOptions options)
    {
        SafeFileHandle tree = new(LinuxException.Check(opened, "open_tree", source), ownsHandle: true);
        try
        {
            // A copy of a shared mount is its peer: unless that is ended here, mounts in the container would show on the host.
            int propagation = options.Propagation switch
            {
                MountPropagation.Shared => MS_SHARED,
                MountPropagation.Slave => MS_SLAVE,
                _ => MS_PRIVATE,
            };
            Set(tree, source, options.Recursive, 0, propagation);
            ulong below = (options.NoSuid ? MOUNT_ATTR_NOSUID : 0) | (options.NoDev ? MOUNT_ATTR_NODEV : 0) | (options.NoExec ? MOUNT_ATTR_NOEXEC : 0)
                | (options.RecursiveReadOnly ? MOUNT_ATTR_RDONLY : 0);
            if (below != 0) Set(tree, source, options.Recursive, below, 0);
            if (options.ReadOnly) Set(tree, source, recursive: false, MOUNT_ATTR_RDONLY, 0);
            return tree;
        }
        catch
        {
            tree.Dispose();
            throw;
        }
    }

    private static void Set(SafeFileHandle tree, string source, bool recursive, ulong set, int propagation)
    {
        mount_attr attributes = new() { attr_set = set, propagation = (ulong)propagation };
        uint flags = AT_EMPTY_PATH | (recursive ? (uint)AT_RECURSIVE : 0);
        LinuxException.Check(mount_setattr((int)tree.DangerousGetHandle(), "\0"u8, flags, attributes), "mount_setattr", source);
    }
}
