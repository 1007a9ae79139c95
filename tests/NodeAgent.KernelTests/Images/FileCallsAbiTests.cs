using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using NodeAgent.Linux;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.KernelTests.Images;

/// <summary>Sizes, offsets and constants of the file calls, as the C compiler of this machine has them.</summary>
public sealed class FileCallsAbiTests
{
    [Fact]
    public void Structs_and_constants_are_those_of_the_headers()
    {
        Assert.SkipUnless(Tool.Exists("gcc"), "needs gcc");
        Dictionary<string, long> ours = new(StringComparer.Ordinal)
        {
            ["sizeof(struct open_how)"] = Unsafe.SizeOf<Openat2.open_how>(),
            ["sizeof(struct statx)"] = Unsafe.SizeOf<InodeAttributes.statx_t>(),
            ["sizeof(struct statfs)"] = Unsafe.SizeOf<Statfs.statfs_t>(),
            ["offsetof(struct statfs, f_bavail)"] = OffsetOf<Statfs.statfs_t>(nameof(Statfs.statfs_t.f_bavail)),
            ["offsetof(struct statfs, f_ffree)"] = OffsetOf<Statfs.statfs_t>(nameof(Statfs.statfs_t.f_ffree)),
            ["offsetof(struct statfs, f_frsize)"] = OffsetOf<Statfs.statfs_t>(nameof(Statfs.statfs_t.f_frsize)),
            ["sizeof(struct timespec)"] = Unsafe.SizeOf<InodeAttributes.timespec>(),
            ["offsetof(struct statx, stx_mode)"] = OffsetOf<InodeAttributes.statx_t>(nameof(InodeAttributes.statx_t.stx_mode)),
            ["offsetof(struct statx, stx_ino)"] = OffsetOf<InodeAttributes.statx_t>(nameof(InodeAttributes.statx_t.stx_ino)),
            ["offsetof(struct statx, stx_mtime)"] = OffsetOf<InodeAttributes.statx_t>(nameof(InodeAttributes.statx_t.stx_mtime)),
            ["offsetof(struct statx, stx_rdev_major)"] = OffsetOf<InodeAttributes.statx_t>(nameof(InodeAttributes.statx_t.stx_rdev_major)),
            ["offsetof(struct statx, stx_dev_minor)"] = OffsetOf<InodeAttributes.statx_t>(nameof(InodeAttributes.statx_t.stx_dev_minor)),
            ["O_CREAT"] = Openat2.O_CREAT,
            ["O_EXCL"] = Openat2.O_EXCL,
            ["O_TRUNC"] = Openat2.O_TRUNC,
            ["O_NONBLOCK"] = Openat2.O_NONBLOCK,
            ["O_CLOEXEC"] = Openat2.O_CLOEXEC,
            ["O_PATH"] = Openat2.O_PATH,
            ["O_DIRECTORY"] = Openat2.O_DIRECTORY,
            ["O_NOFOLLOW"] = Openat2.O_NOFOLLOW,
            ["RESOLVE_IN_ROOT"] = (long)Openat2.RESOLVE_IN_ROOT,
            ["RESOLVE_BENEATH"] = (long)Openat2.RESOLVE_BENEATH,
            ["RESOLVE_NO_MAGICLINKS"] = (long)Openat2.RESOLVE_NO_MAGICLINKS,
            ["RESOLVE_NO_SYMLINKS"] = (long)Openat2.RESOLVE_NO_SYMLINKS,
            ["RESOLVE_NO_XDEV"] = (long)Openat2.RESOLVE_NO_XDEV,
            ["AT_FDCWD"] = Openat2.AT_FDCWD,
            ["AT_REMOVEDIR"] = DirectoryEntries.AT_REMOVEDIR,
            ["AT_SYMLINK_FOLLOW"] = DirectoryEntries.AT_SYMLINK_FOLLOW,
            ["AT_SYMLINK_NOFOLLOW"] = InodeAttributes.AT_SYMLINK_NOFOLLOW,
            ["AT_EMPTY_PATH"] = InodeAttributes.AT_EMPTY_PATH,
            ["RENAME_NOREPLACE"] = DirectoryEntries.RENAME_NOREPLACE,
            ["RENAME_EXCHANGE"] = DirectoryEntries.RENAME_EXCHANGE,
            ["STATX_BASIC_STATS"] = InodeAttributes.STATX_BASIC_STATS,
            ["UTIME_NOW"] = InodeAttributes.UTIME_NOW,
            ["UTIME_OMIT"] = InodeAttributes.UTIME_OMIT,
            ["S_IFMT"] = InodeAttributes.S_IFMT,
            ["S_IFIFO"] = InodeAttributes.S_IFIFO,
            ["S_IFCHR"] = InodeAttributes.S_IFCHR,
            ["S_IFDIR"] = InodeAttributes.S_IFDIR,
            ["S_IFBLK"] = InodeAttributes.S_IFBLK,
            ["S_IFREG"] = InodeAttributes.S_IFREG,
            ["S_IFLNK"] = InodeAttributes.S_IFLNK,
            ["S_IFSOCK"] = InodeAttributes.S_IFSOCK,
            ["DT_UNKNOWN"] = DirectoryEntries.DT_UNKNOWN,
            ["DT_CHR"] = DirectoryEntries.DT_CHR,
            ["DT_DIR"] = DirectoryEntries.DT_DIR,
            ["DT_REG"] = DirectoryEntries.DT_REG,
            ["DT_LNK"] = DirectoryEntries.DT_LNK,
            ["LOCK_SH"] = FileContent.LOCK_SH,
            ["LOCK_EX"] = FileContent.LOCK_EX,
            ["LOCK_NB"] = FileContent.LOCK_NB,
            ["LOCK_UN"] = FileContent.LOCK_UN,
            ["makedev(511, 1048575)"] = (long)DirectoryEntries.makedev(511, 1048575),
            ["makedev(1048575, 3)"] = (long)DirectoryEntries.makedev(1048575, 3),
        };

        Assert.Equal(ours, Compiled([.. ours.Keys]));
    }

    private static long OffsetOf<T>(string field) => (long)Marshal.OffsetOf<T>(field);

    private static Dictionary<string, long> Compiled(IReadOnlyList<string> expressions)
    {
        using TemporaryFolder folder = new();
        string source = folder["abi.c"];
        File.WriteAllText(source, $$"""
            #define _GNU_SOURCE
            #include <stddef.h>
            #include <stdio.h>
            #include <dirent.h>
            #include <fcntl.h>
            #include <sys/file.h>
            #include <sys/stat.h>
            #include <sys/statfs.h>
            #include <sys/sysmacros.h>
            #include <linux/openat2.h>
            int main(void) {
            {{string.Join('\n', expressions.Select(expression => $"  printf(\"%lld\\n\", (long long)({expression}));"))}}
              return 0;
            }
            """);
        Tool.Run("gcc", "-o", folder["abi"], source);
        string[] values = Tool.Run(folder["abi"]).Split('\n');
        return expressions.Select((expression, i) => (expression, long.Parse(values[i]))).ToDictionary(pair => pair.expression, pair => pair.Item2, StringComparer.Ordinal);
    }
}
