// A syscall program: what a child does between clone and execve, as data. The daemon decides and writes it; the shim checks it
// and plays it.
//
//   header | ops | relocations | blob          each part at the offset its header names, 8-aligned; the whole at most 16 MiB
//
// Playing an op: turn each argument into a number by its kind, make the call, and then
//   result >= 0                  keep it in ResultSlot, skip SkipOnSuccess ops
//   -errno that is tolerated     report it if asked, keep it in ResultSlot, skip SkipOnTolerated ops
//   any other -errno             report {op index, errno} and end
// Before the first op, every relocation writes the address of blob[Target] into the 8 bytes at blob[At] (argv, envp, iovecs).
namespace NodeAgent.Shim;

/// <summary>40 bytes.</summary>
public struct SyscallProgramHeader
{
    public uint Magic;
    public ushort Version;

    /// <summary>The e_machine of the ELF specification the syscall numbers belong to; another machine's program is refused.</summary>
    public ushort Machine;

    /// <summary>Bytes of the whole program; equals the file's size.</summary>
    public uint Size;
    public uint OpsOffset;
    public uint OpCount;
    public uint RelocationsOffset;
    public uint RelocationCount;
    public uint BlobOffset;
    public uint BlobSize;

    /// <summary>Fds the program names; fewer passed ones are refused.</summary>
    public uint FdCount;
}

public enum SyscallOpKind : byte
{
    /// <summary>Call Number with the arguments.</summary>
    Syscall = 0,

    /// <summary>Write the low 4 bytes of argument 1 to the blob at argument 0 (an fd into a struct or control message).</summary>
    Poke32 = 1,

    /// <summary>Write the 8 bytes of argument 1 to the blob at argument 0.</summary>
    Poke64 = 2,

    /// <summary>
    /// Become the pod's init: named "pause", every fd closed, every signal blocked; reaps what is re-parented to it and exits with 0 on
    /// SIGTERM or SIGINT. Only last.
    /// </summary>
    Park = 3,

    /// <summary>
    /// Answer START now, as execve would: for a program that goes on without one. Closes the report socket; an op that fails later ends the
    /// process with exit code 127.
    /// </summary>
    Announce = 4,
}

[System.Flags]
public enum SyscallOpFlags : ushort
{
    None = 0,

    /// <summary>Tell the daemon of a tolerated error.</summary>
    Report = 1,

    /// <summary>Every error is tolerated.</summary>
    TolerateAny = 2,

    /// <summary>The op that replaces the process (execve, execveat).</summary>
    Exec = 4,

    /// <summary>A positive result is the pid of a second clone: tell the shim and exit; the clone, with 0, plays on.</summary>
    ExitIfPositive = 8,
}

public enum SyscallArgKind : byte
{
    Immediate = 0,

    /// <summary>Address of the blob at that offset.</summary>
    Blob = 1,

    /// <summary>The passed fd of that index.</summary>
    PassedFd = 2,

    /// <summary>The value in that result slot.</summary>
    Result = 3,
}

/// <summary>72 bytes.</summary>
public struct SyscallOp
{
    public SyscallOpKind Kind;
    public byte ResultSlot;
    public byte SkipOnTolerated;
    public byte SkipOnSuccess;
    public int Number;
    public SyscallArgKind ArgKind0, ArgKind1, ArgKind2, ArgKind3, ArgKind4, ArgKind5;
    public SyscallOpFlags Flags;
    public ulong Arg0, Arg1, Arg2, Arg3, Arg4, Arg5;

    /// <summary>Positive errnos; 0 is unused.</summary>
    public ushort Tolerated0, Tolerated1, Tolerated2, Tolerated3;
}

/// <summary>Writes the address of blob[Target] to the 8 bytes at blob[At]. 8 bytes.</summary>
public struct SyscallRelocation
{
    public uint At;
    public uint Target;
}
