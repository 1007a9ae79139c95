using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Linux;
using NodeAgent.Linux.FileTrees;

namespace NodeAgent.UnitTests.Api;

/// <summary>The files of every container: a folder of the host, for absolute paths without links on the way.</summary>
public sealed class FolderFiles(string root) : IContainerFiles
{
    public List<ContainerId> Asked { get; } = [];

    public async Task CopyOutAsync(ContainerId container, string path, Stream archive, CancellationToken cancellationToken)
    {
        Asked.Add(container);
        if (!Path.Exists(root + path)) throw new PodRuntimeException(RuntimeFailure.NotFound, $"copy from {path}: no such file or folder");
        using SafeFileHandle file = Open(root + path);
        try
        {
            await new FileTreeReader().WriteAsync(file, path, archive, cancellationToken);
        }
        catch (IOException error)
        {
            throw new PodRuntimeException(RuntimeFailure.CopyFailed, error.Message, 0, error);
        }
    }

    public async Task<IReadOnlyList<string>> CopyInAsync(ContainerId container, string path, string name, Stream archive, CancellationToken cancellationToken)
    {
        Asked.Add(container);
        string full = root + path;
        if (path == "/read-only") throw new PodRuntimeException(RuntimeFailure.CopyFailed, "copy to /read-only: open: EROFS", Errno.EROFS);
        using var writer = new FileTreeWriter(_ => Directory.Exists(full)
            ? new FileTreePlace(Open(full), name)
            : new FileTreePlace(Open(Path.GetDirectoryName(full)!), Path.GetFileName(full)));
        return await writer.ReadAsync(archive, cancellationToken);
    }

    private static SafeFileHandle Open(string path) => new(Openat2.OpenPath(path, Openat2.O_PATH | Openat2.O_CLOEXEC), ownsHandle: true);
}
