namespace NodeAgent.Shim;

/// <summary>Where a player has got to, and what it must tell.</summary>
internal unsafe struct Playing
{
    public MappedProgram* Program;
    public int* PassedFds;
    public long* Results;

    /// <summary>The child's end of the report socket; -1 in the shim itself, which collects into Reported.</summary>
    public int ReportFd;
    public int OpIndex;
    public long LastResult;
    public uint ReportedCount;
    public ShimReportedError* Reported;
}

/// <summary>Plays a checked program, op by op: in a child between clone and execve, or for RUN in the shim.</summary>
internal static unsafe class ProgramPlayer
{
    /// <returns>0 at the end of the program, -errno at an op that failed (its index is in OpIndex).</returns>
    public static int Play(Playing* playing)
    {
        MappedProgram* program = playing->Program;
        int i = 0;
        while (i < program->OpCount)
        {
            SyscallOp* op = program->Ops + i;
            playing->OpIndex = i;
            long result = Step(playing, op);
            playing->LastResult = result;
            if (op->ResultSlot != ShimAbi.NoResult)
                playing->Results[op->ResultSlot] = result;
            i++;
            if (!IsError(result))
            {
                i += op->SkipOnSuccess;
                continue;
            }

            int errno = (int)-result;
            if (!Tolerates(op, errno))
                return -errno;
            if ((op->Flags & SyscallOpFlags.Report) != 0)
                ReportTolerated(playing, errno);
            i += op->SkipOnTolerated;

            // Looked for in every place and found in none: there is no program to end well.
            if ((op->Flags & SyscallOpFlags.Exec) != 0 && i >= program->OpCount)
                return -errno;
        }

        return 0;
    }

    public static void Send(int fd, ShimReportKind kind, int opIndex, int value)
    {
        ShimReport report = new() { Kind = kind, OpIndex = opIndex, Value = value };
        Kernel.Write(fd, &report, sizeof(ShimReport));
    }

    private static bool IsError(long result) => result is < 0 and > -4096;

    private static long Step(Playing* playing, SyscallOp* op)
    {
        switch (op->Kind)
        {
            case SyscallOpKind.Poke32:
                *(uint*)Argument(playing, op, 0) = (uint)Argument(playing, op, 1);
                return 0;
            case SyscallOpKind.Poke64:
                *(ulong*)Argument(playing, op, 0) = (ulong)Argument(playing, op, 1);
                return 0;
            case SyscallOpKind.Park:
                Send(playing->ReportFd, ShimReportKind.Executing, playing->OpIndex, 0);
                ParkedInit.Run();
                return 0;
            case SyscallOpKind.Announce:
                Send(playing->ReportFd, ShimReportKind.Executing, playing->OpIndex, 0);
                return Kernel.Close(playing->ReportFd);
            default:
                return CallKernel(playing, op);
        }
    }

    private static long CallKernel(Playing* playing, SyscallOp* op)
    {
        if ((op->Flags & SyscallOpFlags.Exec) != 0)
            Send(playing->ReportFd, ShimReportKind.Executing, playing->OpIndex, 0);
        long result = Kernel.Call(
            op->Number,
            Argument(playing, op, 0),
            Argument(playing, op, 1),
            Argument(playing, op, 2),
            Argument(playing, op, 3),
            Argument(playing, op, 4),
            Argument(playing, op, 5));
        if (result > 0 && (op->Flags & SyscallOpFlags.ExitIfPositive) != 0)
        {
            Send(playing->ReportFd, ShimReportKind.SecondClone, playing->OpIndex, (int)result);
            Kernel.ExitGroup(0);
        }

        return result;
    }

    private static long Argument(Playing* playing, SyscallOp* op, int index)
    {
        ulong value = (&op->Arg0)[index];
        return (&op->ArgKind0)[index] switch
        {
            SyscallArgKind.Blob => (long)(playing->Program->Blob + value),
            SyscallArgKind.PassedFd => playing->PassedFds[value],
            SyscallArgKind.Result => playing->Results[value],
            _ => (long)value,
        };
    }

    private static bool Tolerates(SyscallOp* op, int errno)
    {
        if ((op->Flags & SyscallOpFlags.TolerateAny) != 0)
            return true;
        return errno == op->Tolerated0 || errno == op->Tolerated1 || errno == op->Tolerated2 || errno == op->Tolerated3;
    }

    private static void ReportTolerated(Playing* playing, int errno)
    {
        if (playing->ReportFd >= 0)
        {
            Send(playing->ReportFd, ShimReportKind.Tolerated, playing->OpIndex, errno);
        }
        else if (playing->ReportedCount < ShimAbi.MaxReported)
        {
            playing->Reported[playing->ReportedCount++] = new ShimReportedError { OpIndex = playing->OpIndex, Errno = errno };
        }
    }
}
