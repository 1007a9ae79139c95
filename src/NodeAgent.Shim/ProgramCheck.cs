namespace NodeAgent.Shim;

/// <summary>A program mapped into the shim: a private, writable view of a sealed memfd.</summary>
internal unsafe struct MappedProgram
{
    public byte* Base;
    public int Size;
    public SyscallOp* Ops;
    public int OpCount;
    public byte* Blob;
}

/// <summary>Maps a program and checks everything in it that the player will rely on. Whatever is wrong is EINVAL.</summary>
internal static unsafe class ProgramCheck
{
    /// <param name="fd">Must be sealed against writing and shrinking: what was checked is what gets played, and no page can vanish.</param>
    /// <param name="fdCount">Passed fds that the program may name.</param>
    /// <param name="inShim">For RUN: refuses what must not happen to the shim itself.</param>
    /// <param name="program">Filled in on success; the caller unmaps it.</param>
    /// <returns>0 or -errno.</returns>
    public static int Map(int fd, int fdCount, bool inShim, MappedProgram* program)
    {
        const int Seals = Kernel.F_SEAL_SHRINK | Kernel.F_SEAL_WRITE;
        long seals = Kernel.Call(NR.fcntl, fd, Kernel.F_GET_SEALS);
        ulong size = Kernel.FileSize(fd);
        if (seals < 0 || (seals & Seals) != Seals || size < (ulong)sizeof(SyscallProgramHeader) || size > ShimAbi.MaxProgramBytes)
            return -Kernel.EINVAL;
        program->Base = Memory.MapFile(fd, (int)size);
        program->Size = (int)size;
        if (program->Base == null)
            return -Kernel.ENOMEM;
        if (Layout(program, fdCount) && Ops(program, fdCount, inShim))
        {
            Relocate(program);
            return 0;
        }

        Unmap(program);
        return -Kernel.EINVAL;
    }

    public static void Unmap(MappedProgram* program)
    {
        Memory.Unmap(program->Base, program->Size);
        program->Base = null;
    }

    private static bool Layout(MappedProgram* program, int fdCount)
    {
        SyscallProgramHeader* header = (SyscallProgramHeader*)program->Base;
        if (header->Magic != ShimAbi.ProgramMagic || header->Version != ShimAbi.Version || header->Machine != Machine.Elf)
            return false;
        if (header->Size != (uint)program->Size || header->FdCount > (uint)fdCount || header->OpCount > ShimAbi.MaxProgramOps)
            return false;
        if (!Fits(header, header->OpsOffset, header->OpCount, sizeof(SyscallOp)) ||
            !Fits(header, header->RelocationsOffset, header->RelocationCount, sizeof(SyscallRelocation)) ||
            !Fits(header, header->BlobOffset, header->BlobSize, 1))
        {
            return false;
        }

        program->Ops = (SyscallOp*)(program->Base + header->OpsOffset);
        program->OpCount = (int)header->OpCount;
        program->Blob = program->Base + header->BlobOffset;
        SyscallRelocation* relocations = (SyscallRelocation*)(program->Base + header->RelocationsOffset);
        for (uint i = 0; i < header->RelocationCount; i++)
        {
            if ((ulong)relocations[i].At + 8 > header->BlobSize || relocations[i].Target > header->BlobSize)
                return false;
        }

        // A relocation must not be able to change an op or another relocation: the blob overlaps neither.
        return header->BlobOffset >= header->OpsOffset + header->OpCount * (ulong)sizeof(SyscallOp) &&
            header->BlobOffset >= header->RelocationsOffset + header->RelocationCount * (ulong)sizeof(SyscallRelocation);
    }

    private static bool Fits(SyscallProgramHeader* header, uint offset, uint count, int size) =>
        offset >= sizeof(SyscallProgramHeader) && offset % 8 == 0 && offset + (ulong)count * (ulong)size <= header->Size;

    private static bool Ops(MappedProgram* program, int fdCount, bool inShim)
    {
        uint blobSize = ((SyscallProgramHeader*)program->Base)->BlobSize;
        for (int i = 0; i < program->OpCount; i++)
        {
            SyscallOp* op = program->Ops + i;
            if (op->ResultSlot != ShimAbi.NoResult && op->ResultSlot >= ShimAbi.ResultSlots)
                return false;
            if (!Kind(op, blobSize, i == program->OpCount - 1, inShim))
                return false;
            for (int a = 0; a < 6; a++)
            {
                ulong value = (&op->Arg0)[a];
                bool good = (&op->ArgKind0)[a] switch
                {
                    SyscallArgKind.Immediate => true,
                    SyscallArgKind.Blob => value <= blobSize,
                    SyscallArgKind.PassedFd => value < (ulong)fdCount,
                    SyscallArgKind.Result => value < ShimAbi.ResultSlots,
                    _ => false,
                };
                if (!good)
                    return false;
            }
        }

        return true;
    }

    private static bool Kind(SyscallOp* op, uint blobSize, bool last, bool inShim)
    {
        switch (op->Kind)
        {
            case SyscallOpKind.Syscall:
                return !inShim || ((op->Flags & (SyscallOpFlags.Exec | SyscallOpFlags.ExitIfPositive)) == 0 && !EndsOrForks(op->Number));
            case SyscallOpKind.Poke32:
            case SyscallOpKind.Poke64:
                return op->ArgKind0 == SyscallArgKind.Blob && op->Arg0 + (op->Kind == SyscallOpKind.Poke32 ? 4u : 8u) <= blobSize;
            case SyscallOpKind.Park:
                return last && !inShim;
            case SyscallOpKind.Announce:
                return !inShim;
            default:
                return false;
        }
    }

    private static bool EndsOrForks(int number) =>
        number is NR.clone or NR.clone3 or NR.execve or NR.execveat or NR.exit or NR.exit_group || number == NR.fork || number == NR.vfork;

    private static void Relocate(MappedProgram* program)
    {
        SyscallProgramHeader* header = (SyscallProgramHeader*)program->Base;
        SyscallRelocation* relocations = (SyscallRelocation*)(program->Base + header->RelocationsOffset);
        for (uint i = 0; i < header->RelocationCount; i++)
            *(ulong*)(program->Blob + relocations[i].At) = (ulong)(program->Blob + relocations[i].Target);
    }
}
