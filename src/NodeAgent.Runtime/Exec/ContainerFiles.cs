using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Linux.FileTrees;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.State;
using NodeAgent.Runtime.Volumes;

namespace NodeAgent.Runtime.Exec;

/// <summary>
/// Copies files of a running container through <c>/proc/{pid}/root</c>: its own mounts are seen, so what is mounted read-only stays so, and no program of the image
/// is needed. Every path is resolved with that folder as the root, see <see cref="ConfinedPath"/> and <see cref="FileTreeWriter"/>.
/// </summary>
internal static class ContainerFiles
{
    public static async Task CopyOutAsync(RuntimeNode node, LiveContainer container, string path, Stream archive, CancellationToken cancellationToken)
    {
        string step = $"container {container.Sandbox.Pod.Name}/{container.Record.Name}: copy from {path}";
        using SafeFileHandle root = OpenRoot(node, container, step);
        try
        {
            using SafeFileHandle file = ConfinedPath.TryOpen(root, Absolute(node, container, path))
                ?? throw new PodRuntimeException(RuntimeFailure.NotFound, $"{step}: no such file or folder");
            await new FileTreeReader().WriteAsync(file, path.TrimEnd('/'), archive, cancellationToken);
        }
        catch (Exception error) when (error is LinuxException or IOException)
        {
            throw Failed(step, error);
        }
    }

    public static async Task<IReadOnlyList<string>> CopyInAsync(
        RuntimeNode node, LiveContainer container, string path, string name, Stream archive, CancellationToken cancellationToken)
    {
        string step = $"container {container.Sandbox.Pod.Name}/{container.Record.Name}: copy to {path}";
        using SafeFileHandle root = OpenRoot(node, container, step);
        try
        {
            string absolute = Absolute(node, container, path);
            using var writer = new FileTreeWriter(_ => PlaceOf(root, absolute, name, step)) { Owner = OwnerOf(node, container), ModeMask = 0xFFF };
            return await writer.ReadAsync(archive, cancellationToken);
        }
        catch (Exception error) when (error is LinuxException or IOException or InvalidDataException)
        {
            throw Failed(step, error);
        }
    }

    /// <summary>The folder at the path, under the name; else the path itself, in a folder that has to be there.</summary>
    private static FileTreePlace PlaceOf(SafeFileHandle root, string path, string name, string step)
    {
        if (ConfinedPath.TryOpen(root, path) is { } there)
        {
            if (ConfinedPath.IsDirectory(there, path)) return new FileTreePlace(there, name);
            there.Dispose();
        }
        string trimmed = path.TrimEnd('/');
        int slash = trimmed.LastIndexOf('/');
        string last = trimmed[(slash + 1)..];
        SafeFileHandle? folder = ConfinedPath.TryOpen(root, trimmed[..slash]);
        if (folder is null || last is "" or "." or ".." || path.EndsWith('/'))
        {
            folder?.Dispose();
            throw new PodRuntimeException(RuntimeFailure.NotFound, $"{step}: there is no folder {(path.EndsWith('/') ? path : trimmed[..slash] + "/")}");
        }
        return new FileTreePlace(folder, last);
    }

    private static SafeFileHandle OpenRoot(RuntimeNode node, LiveContainer container, string step)
    {
        if (container.Record.Phase == ContainerPhase.Running)
        {
            try
            {
                var root = ConfinedPath.Open($"{Process(node, container)}/root");
                // Opened first and looked at then: if the pid still is the recorded process, the root is its.
                if (container.Record.Process.IsAlive(node.Paths.Proc)) return root;
                root.Dispose();
            }
            catch (LinuxException error) when (error.Errno is Errno.ENOENT or Errno.ESRCH)
            {
                // It has just ended.
            }
        }
        throw new PodRuntimeException(RuntimeFailure.NotRunning, $"{step}: it does not run");
    }

    private static string Absolute(RuntimeNode node, LiveContainer container, string path)
    {
        if (path.StartsWith('/')) return path;
        byte[] folder = new byte[4096];
        long length = LinuxException.Check(
            DirectoryEntries.readlinkat(Openat2.AT_FDCWD, CString.Of($"{Process(node, container)}/cwd"), folder), "readlink", "cwd");
        return $"{Encoding.UTF8.GetString(folder, 0, (int)length).TrimEnd('/')}/{path}";
    }

    // Files belong to whom the process creates them as: fsuid and fsgid, the last numbers of proc_pid_status(5).
    private static (uint Uid, uint Gid) OwnerOf(RuntimeNode node, LiveContainer container)
    {
        uint uid = 0, gid = 0;
        foreach (string line in File.ReadLines($"{Process(node, container)}/status"))
        {
            if (line.StartsWith("Uid:", StringComparison.Ordinal)) uid = Last(line);
            else if (line.StartsWith("Gid:", StringComparison.Ordinal)) gid = Last(line);
        }
        return (uid, gid);
    }

    private static uint Last(string line) => uint.Parse(line[(line.LastIndexOf('\t') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture);

    private static string Process(RuntimeNode node, LiveContainer container) => $"{node.Paths.Proc}/{container.Record.Process.Pid}";

    private static PodRuntimeException Failed(string step, Exception error) =>
        new(RuntimeFailure.CopyFailed, $"{step}: {error.Message}", (error as LinuxException)?.Errno ?? 0, error);
}
