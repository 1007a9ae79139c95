using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Linux;
using static NodeAgent.Linux.Mounts;
using static NodeAgent.Linux.Openat2;
using CriMount = NodeAgent.Core.Cri.Mount;

namespace NodeAgent.Runtime.Bundle;

/// <summary>How an overlay gets its layers, from the newest kernel interface to the oldest.</summary>
public enum OverlayMethod
{
    /// <summary>fsconfig(2) with <c>lowerdir+</c> once per layer (Linux 6.7).</summary>
    LayerByLayer,

    /// <summary>fsconfig(2) with all layers in one <c>lowerdir</c>: at most 255 bytes, the limit of a value.</summary>
    OneString,

    /// <summary>mount(2) on a directory of the host for a moment: all options in one page.</summary>
    OnPath,
}

/// <summary>
/// Turns an image's <see cref="CriMount"/> into a detached mount: it belongs to its descriptor alone, shows up nowhere on the host,
/// and is gone with the descriptor unless a container has attached it. What the kernel offers is found by trying, and kept.
///
/// Where layers have to stand in one string, each is opened and named <c>/proc/self/fd/N</c>: so no path needs escaping (<c>:</c>, <c>,</c> and <c>\</c> mean
/// something there), 200 layers fit into the page that mount(2) takes, and the daemon's working directory need not change for short relative names.
/// A path that is long or has such characters is named so in any case.
/// </summary>
/// <param name="scratch">A directory of the host, made when needed, on which <see cref="OverlayMethod.OnPath"/> mounts for a moment.</param>
public sealed class RootfsMounter(string scratch)
{
    // Bytes of a value of fsconfig(2).
    private const int MaxValue = 255;

    private readonly Lock _scratchGate = new();
    private OverlayMethod _method = OverlayMethod.LayerByLayer;

    /// <summary>The method that worked last.</summary>
    public OverlayMethod Method => _method;

    /// <exception cref="LinuxException">The kernel refused the mount; the text has its own explanation where it gave one.</exception>
    /// <exception cref="NotSupportedException">A type other than overlay and bind.</exception>
    public SafeFileHandle Mount(CriMount mount) => mount.Type switch
    {
        "bind" => BindMounter.Open(mount.Source, new BindOptions { Recursive = true, ReadOnly = mount.Options.Any(option => option.Key == "ro") }),
        "overlay" => MountOverlay(mount),
        _ => throw new NotSupportedException($"root file system of type {mount.Type}: expected overlay or bind"),
    };

    private SafeFileHandle MountOverlay(CriMount mount)
    {
        for (OverlayMethod method = _method; ; method++)
        {
            try
            {
                SafeFileHandle root = MountOverlay(mount, method);
                // Many layers may need the last way on a kernel that has a better one for few.
                if (method < OverlayMethod.OnPath) _method = method;
                return root;
            }
            // EINVAL also tells of a key that this kernel does not know. A true mistake in the options fails with every method, and the last one's error is thrown.
            catch (LinuxException e) when (method < OverlayMethod.OnPath && e.Errno is Errno.EINVAL or Errno.ENOSYS or Errno.EOPNOTSUPP or Errno.ENODEV)
            {
            }
        }
    }

    internal SafeFileHandle MountOverlay(CriMount mount, OverlayMethod method) => method switch
    {
        OverlayMethod.LayerByLayer => WithShortNames(mount, oneString: false, options => Configure(mount.Source, options)),
        OverlayMethod.OneString => WithShortNames(mount, oneString: true, options => Configure(mount.Source, options)),
        _ => WithShortNames(mount, oneString: true, options => MountOnPath(mount.Source, options)),
    };

    private static bool IsLower(string key) => key is "lowerdir" or "lowerdir+";

    private static SafeFileHandle Configure(string source, IEnumerable<(string Key, string? Value)> options)
    {
        using SafeFileHandle context = new(LinuxException.Check(fsopen("overlay\0"u8, FSOPEN_CLOEXEC), "fsopen", "overlay"), ownsHandle: true);
        int fd = (int)context.DangerousGetHandle();
        Set(fd, "source", source);
        foreach ((string key, string? value) in options) Set(fd, key, value);
        if (fsconfig(fd, FSCONFIG_CMD_CREATE, default, default) < 0) throw Refused(fd, "fsconfig", "overlay");
        int mounted = fsmount(fd, FSMOUNT_CLOEXEC, 0);
        if (mounted < 0) throw Refused(fd, "fsmount", "overlay");
        return new SafeFileHandle(mounted, ownsHandle: true);
    }

    private static void Set(int fd, string key, string? value)
    {
        int result = value is null
            ? fsconfig(fd, FSCONFIG_SET_FLAG, CString.Of(key), default)
            : fsconfig(fd, FSCONFIG_SET_STRING, CString.Of(key), CString.Of(value));
        if (result < 0) throw Refused(fd, "fsconfig", value is null ? key : $"{key}={value}");
    }

    // The context's descriptor gives the kernel's log of what it did not like, one message a read: "e overlay: ...".
    private static LinuxException Refused(int context, string call, string target)
    {
        int errno = Marshal.GetLastPInvokeError();
        Span<byte> message = stackalloc byte[1024];
        long length = FileContent.read(context, message);
        string told = length > 2 ? $" ({Encoding.UTF8.GetString(message[2..(int)length]).TrimEnd()})" : "";
        return new LinuxException(call, target + told, errno);
    }

    private static SafeFileHandle WithShortNames(CriMount mount, bool oneString, Func<List<(string Key, string? Value)>, SafeFileHandle> then)
    {
        List<SafeFileHandle> directories = [];
        string Named(string path)
        {
            if (!oneString && Encoding.UTF8.GetByteCount(path) <= MaxValue && path.AsSpan().IndexOfAny(':', ',', '\\') < 0) return path;
            directories.Add(new SafeFileHandle(OpenPath(path, O_PATH | O_DIRECTORY | O_CLOEXEC), ownsHandle: true));
            return string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{(int)directories[^1].DangerousGetHandle()}");
        }
        try
        {
            string[] layers = [.. mount.Options.Where(option => IsLower(option.Key)).Select(option => Named(option.Value ?? ""))];
            List<(string, string?)> options = oneString ? [("lowerdir", string.Join(':', layers))] : [.. layers.Select(layer => ("lowerdir+", (string?)layer))];
            foreach ((string key, string? value) in mount.Options.Where(option => !IsLower(option.Key)))
            {
                options.Add((key, key is "upperdir" or "workdir" && value is not null ? Named(value) : value));
            }
            return then(options);
        }
        finally
        {
            foreach (SafeFileHandle directory in directories) directory.Dispose();
        }
    }

    // 1. mount on the scratch directory; 2. copy the mount, detached; 3. undo 1, whatever became of 2. Single file: the directory is one.
    private SafeFileHandle MountOnPath(string source, List<(string Key, string? Value)> options)
    {
        string data = string.Join(',', options.Select(option => option.Value is null ? option.Key : $"{option.Key}={option.Value}"));
        lock (_scratchGate)
        {
            Directory.CreateDirectory(scratch);
            byte[] path = CString.Of(scratch);
            LinuxException.Check(mount(CString.Of(source), path, "overlay\0"u8, 0, CString.Of(data)), "mount overlay", scratch);
            try
            {
                return new SafeFileHandle(
                    LinuxException.Check(open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "open_tree", scratch), ownsHandle: true);
            }
            finally
            {
                LinuxException.Check(umount2(path, MNT_DETACH), "umount", scratch);
            }
        }
    }
}
