using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Volumes;

/// <summary>
/// A path of the host as a volume: what its type demands is checked, or made, each time a container starts. Links are followed, the host's owner chose them.
/// </summary>
public static class HostPathVolume
{
    private const UnixFileMode FolderMode = (UnixFileMode)0x1ed; // 0755
    private const UnixFileMode NewFileMode = (UnixFileMode)0x1a4; // 0644

    /// <exception cref="PodRuntimeException">CreateContainerConfigError: the path is not what the type says.</exception>
    public static string Resolve(string volume, HostPathVolumeSource source)
    {
        string path = source.Path!;
        switch (source.Type ?? HostPathType.Unset)
        {
            // With no type nothing is checked, and the field's runtimes make a missing folder.
            case HostPathType.Unset:
            case HostPathType.DirectoryOrCreate:
                if (Kind(path) is null) Directory.CreateDirectory(path, FolderMode);
                if (source.Type == HostPathType.DirectoryOrCreate) Demand(volume, path, HostPathType.Directory, InodeAttributes.S_IFDIR);
                break;
            case HostPathType.FileOrCreate:
                if (Kind(path) is null) CreateFile(volume, path);
                Demand(volume, path, HostPathType.File, InodeAttributes.S_IFREG);
                break;
            case HostPathType.Directory:
                Demand(volume, path, HostPathType.Directory, InodeAttributes.S_IFDIR);
                break;
            case HostPathType.File:
                Demand(volume, path, HostPathType.File, InodeAttributes.S_IFREG);
                break;
            case HostPathType.Socket:
                Demand(volume, path, HostPathType.Socket, InodeAttributes.S_IFSOCK);
                break;
            case HostPathType.CharDevice:
                Demand(volume, path, HostPathType.CharDevice, InodeAttributes.S_IFCHR);
                break;
            case HostPathType.BlockDevice:
                Demand(volume, path, HostPathType.BlockDevice, InodeAttributes.S_IFBLK);
                break;
            default:
                throw Refuse(volume, $"unknown hostPath type {source.Type}");
        }
        return path;
    }

    private static void CreateFile(string volume, string path)
    {
        try
        {
            using FileStream created = new(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = NewFileMode,
            });
        }
        catch (IOException e) when (!File.Exists(path))
        {
            throw Refuse(volume, $"hostPath file {path} could not be made: {e.Message}");
        }
        catch (IOException)
        {
            // Another container made it at the same moment.
        }
    }

    private static void Demand(string volume, string path, string type, uint kind)
    {
        uint? actual = Kind(path);
        if (actual is null) throw Refuse(volume, $"hostPath {path} does not exist (type {type})");
        if (actual != kind) throw Refuse(volume, $"hostPath {path} is not a {type}");
    }

    /// <summary>The file type bits, or null when there is nothing.</summary>
    private static uint? Kind(string path)
    {
        if (InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(path), 0, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t stat) == 0)
            return stat.Type;
        int errno = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
        return errno is Errno.ENOENT or Errno.ENOTDIR ? null : throw new LinuxException("stat", path, errno);
    }

    private static PodRuntimeException Refuse(string volume, string why) =>
        new(RuntimeFailure.CreateContainerConfigError, $"volume {volume}: {why}");
}
