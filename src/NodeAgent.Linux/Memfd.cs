using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>memfd_create(2) and its seals (fcntl(2)).</summary>
public static unsafe partial class Memfd
{
    public const int F_ADD_SEALS = 1033;
    public const int F_SEAL_SEAL = 1;
    public const int F_SEAL_SHRINK = 2;
    public const int F_SEAL_GROW = 4;
    public const int F_SEAL_WRITE = 8;

    private const uint MFD_CLOEXEC = 1;
    private const uint MFD_ALLOW_SEALING = 2;

    /// <summary>A memory file with that content that nobody can change any more.</summary>
    public static SafeFileHandle Sealed(string name, ReadOnlySpan<byte> content)
    {
        SafeFileHandle file = Create(name, content);
        LinuxException.Check(fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), "fcntl F_ADD_SEALS", name);
        return file;
    }

    /// <summary>A memory file with that content that is not sealed.</summary>
    public static SafeFileHandle Create(string name, ReadOnlySpan<byte> content)
    {
        fixed (byte* n = CString.Of(name))
        {
            SafeFileHandle file = new(LinuxException.Check(memfd_create(n, MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create", name), ownsHandle: true);
            int fd = (int)file.DangerousGetHandle();
            while (!content.IsEmpty)
                content = content[(int)LinuxException.Check(FileContent.write(fd, content), "write", name)..];
            return file;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int memfd_create(byte* name, uint flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle file, int command, int argument);
}
