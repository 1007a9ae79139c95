namespace NodeAgent.Core.Cri;

/// <summary>
/// Files of running containers, as their processes see them, copied without any program of their image. Paths that are not absolute begin in the working
/// directory of the container's process. Links are resolved within the container's root, and nothing it does can lead out of there.
/// Implementations: NodeAgent.Runtime (the kernel) and the fake of the API's tests.
/// </summary>
public interface IContainerFiles
{
    /// <summary>Writes a file or a folder as a tar archive whose first entry is <c>root</c>. Nothing has been written when this throws at once.</summary>
    /// <exception cref="PodRuntimeException">NotFound: no such container or path. NotRunning. CopyFailed: it can't be read.</exception>
    Task CopyOutAsync(ContainerId container, string path, Stream archive, CancellationToken cancellationToken);

    /// <summary>
    /// Puts such an archive to a path, or, if there is a folder, into it under <paramref name="name"/>. What is new belongs to the user of the container's process.
    /// An error in the middle leaves what has been put until then.
    /// </summary>
    /// <returns>What was left out, with the reasons.</returns>
    /// <exception cref="PodRuntimeException">NotFound: no such container, or the folder is not there. NotRunning. CopyFailed: it can't be written, or is no such archive.</exception>
    Task<IReadOnlyList<string>> CopyInAsync(ContainerId container, string path, string name, Stream archive, CancellationToken cancellationToken);
}
