using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using static NodeAgent.Linux.Errno;
using static NodeAgent.Linux.Mounts;

namespace NodeAgent.Runtime.Bundle;

/// <summary>Hides and protects paths. They are in file systems the kernel makes, and <c>/dev/null</c> is the node made just before: nothing of the image is involved.</summary>
internal static class MaskOps
{
    internal static void Emit(SyscallProgramBuilder builder, IReadOnlyList<string> masked, IReadOnlyList<string> readOnly)
    {
        foreach (string path in masked) EmitMask(builder, path);
        foreach (string path in readOnly) EmitReadOnly(builder, path);
    }

    private static void EmitMask(SyscallProgramBuilder builder, string path)
    {
        BlobRef target = builder.String(path);
        ProgramOp file = builder.Op($"hide file {path}", Syscalls.mount, builder.String("/dev/null"), target, 0, MS_BIND, 0);
        // ENOTDIR: a file cannot cover a directory, an empty file system can. ENOENT (this kernel has no such path) is met again and passed over.
        builder.Otherwise(file, [ENOTDIR, ENOENT], () =>
            builder.Op(
                $"hide directory {path}", Syscalls.mount,
                builder.String("tmpfs"), target, builder.String("tmpfs"), MS_RDONLY, 0).Tolerate(ENOENT));
    }

    private static void EmitReadOnly(SyscallProgramBuilder builder, string path)
    {
        BlobRef target = builder.String(path);
        ProgramOp bind = builder.Op($"bind {path} to itself", Syscalls.mount, target, target, 0, MS_BIND | MS_REC, 0);
        builder.WhenDone(bind, [ENOENT], () =>
            builder.Op(
                $"make {path} read-only", Syscalls.mount,
                0, target, 0, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
    }
}
