using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>statfs(2): how full a file system is.</summary>
public static unsafe partial class Statfs
{
    /// <summary>struct statfs of the 64-bit architectures, 120 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 120)]
    public struct statfs_t
    {
        public long f_type;
        public long f_bsize;
        public ulong f_blocks;
        public ulong f_bfree;
        public ulong f_bavail;
        public ulong f_files;
        public ulong f_ffree;
        public int f_fsid0;
        public int f_fsid1;
        public long f_namelen;
        public long f_frsize;
        public long f_flags;

        private readonly ulong Unit => (ulong)(f_frsize > 0 ? f_frsize : f_bsize);

        public readonly long CapacityBytes => (long)(f_blocks * Unit);

        /// <summary>For whoever is not root: the rest is held back by the file system.</summary>
        public readonly long AvailableBytes => (long)(f_bavail * Unit);

        public readonly long UsedBytes => (long)((f_blocks - f_bfree) * Unit);
    }

    /// <summary>Throws <see cref="LinuxException"/>.</summary>
    public static statfs_t Of(string path)
    {
        statfs_t result;
        fixed (byte* p = CString.Of(path))
        {
            int failed;
            do
            {
                failed = statfs(p, &result);
            }
            while (failed < 0 && Marshal.GetLastPInvokeError() == Errno.EINTR);
            LinuxException.Check(failed, "statfs", path);
        }
        return result;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statfs(byte* path, statfs_t* result);
}
