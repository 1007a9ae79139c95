// Starting a process, and its end.
//
// Who holds which fd when, in a START with log pipes (P = the shim, C = its child):
//
//   step                              stdout pipe r/w   report socket P/C   program, passed fds   log file
//   1 START received                                                        P (from SCM_RIGHTS)   P
//   2 pipes, report socket made       P / P             P / P               P                     P
//   3 setns to the pid namespace      .                 .                   .                     .     only with PidNamespaceFd
//   4 clone3                          P C / P C         P C / P C           P C                   P C
//   5 setns back                      .                 .                   .                     .     only with PidNamespaceFd
//   6 P closes what is C's            P C / C           P C / C             C                     P C
//   7 C plays the program: dup3(pipe w, 1) ...          .                   .                     .
//   8 C: execve closes CLOEXEC        P / fd 1 of C     P / -  ==> EOF      -                     P
//   9 P reads EOF: it runs. Start record, then the reply.
//
// The report socket tells a failed op, a second clone, the terminal's master, and by "executing" + EOF that execve happened; EOF
// without "executing" means that the child died on the way. With a second clone (a pod's user namespace: the pid
// namespace has to be made by a process that has entered the user namespace already, and the shim never enters it, for there is no
// way back), the first child sends the pid of the second, which has P as its parent by CLONE_PARENT, and exits; P then watches that.
//
// The end: pidfd readable -> wait4 -> the rest of the output is logged -> exit record -> event. Callers: EventLoop, Protocol, Signals.
namespace NodeAgent.Shim;

internal static unsafe class Containers
{
    private const ulong AllowedCloneFlags = Kernel.CLONE_NEWTIME | Kernel.CLONE_NEWNS | Kernel.CLONE_NEWCGROUP | Kernel.CLONE_NEWUTS |
        Kernel.CLONE_NEWIPC | Kernel.CLONE_NEWUSER | Kernel.CLONE_NEWPID | Kernel.CLONE_NEWNET;

    /// <summary>A child has ended that may be nobody's.</summary>
    public static bool SweepWanted { get; set; }

    /// <summary>
    /// Begins a start. Its outcome is answered later, by <see cref="Finish"/>, unless a step before the clone fails.
    /// </summary>
    /// <returns>0, or -errno with the step in <paramref name="step"/>.</returns>
    public static int Start(ShimStartRequest* request, Connection* owner, int* fds, int fdCount, int* step)
    {
        *step = (int)ShimStep.Program;
        if ((request->CloneFlags & ~AllowedCloneFlags) != 0)
            return -Kernel.EINVAL;
        if (Slots.FindById(request->Slot) != null)
            return -Kernel.EEXIST;
        if (EventLoop.Ending)
            return -Kernel.ESHUTDOWN;
        MappedProgram program;
        int error = ProgramCheck.Map(fds[request->ProgramFd], fdCount, false, &program);
        if (error < 0)
            return error;
        Slot* slot = Slots.Take(request->Slot);
        if (slot == null)
        {
            ProgramCheck.Unmap(&program);
            return -Kernel.ENOSPC;
        }

        slot->Flags = request->Flags;
        slot->Stdio = request->Stdio;
        slot->Sequence = request->Header.Sequence;
        slot->Owner = Connections.IndexOf(owner);
        slot->OwnerGeneration = owner->Generation;
        error = Launch(request, slot, &program, fds, fdCount, step);
        ProgramCheck.Unmap(&program);
        if (error < 0)
            Slots.Release(slot);
        return error;
    }

    /// <summary>The pidfd became readable, or a sweep looks after everybody.</summary>
    public static void Reap(Slot* slot)
    {
        if (!Slots.IsLive(slot))
            return;
        if (slot->State == ShimSlotState.Starting)
        {
            uint generation = slot->Generation;
            ReadReports(slot);
            if (slot->Generation != generation)
                return;
        }

        int status;
        if (Kernel.Call(NR.wait4, slot->Pid, (long)&status, Kernel.WNOHANG | Kernel.WALL, 0) == slot->Pid)
            Exited(slot, status);
    }

    /// <summary>
    /// Reaps orphans that were re-parented to the shim. While a second clone is awaited an unknown child may be just that one, so the
    /// orphans wait until its pid is known.
    /// </summary>
    public static void Sweep()
    {
        while (SweepWanted && Slots.AwaitingSecondClone == 0)
        {
            int status;
            int pid = (int)Kernel.Call(NR.wait4, -1, (long)&status, Kernel.WNOHANG | Kernel.WALL, 0);
            SweepWanted = pid > 0;
            Slot* slot = pid > 0 ? Slots.FindByPid(pid) : null;
            if (slot != null)
                Exited(slot, status);
        }
    }

    /// <summary>Takes in what a starting child has sent; at EOF the start is decided.</summary>
    public static void ReadReports(Slot* slot)
    {
        while (slot->ReportFd >= 0)
        {
            ShimReport report;
            int fd;
            int got = Reports.Receive(slot->ReportFd, &report, &fd);
            if (got == -Kernel.EAGAIN)
                return;
            if (got == sizeof(ShimReport))
                Apply(slot, &report, ref fd);
            if (fd >= 0)
                Kernel.Close(fd);
            if (got > 0)
                continue;

            // EOF. A start that went wrong is answered when the child has been reaped.
            EventLoop.CloseWatched(ref slot->ReportFd);
            SecondCloneSettled(slot);
            if (slot->Executing && slot->FailedErrno == 0)
                Running(slot);
        }
    }

    private static int Launch(ShimStartRequest* request, Slot* slot, MappedProgram* program, int* fds, int fdCount, int* step)
    {
        *step = (int)ShimStep.Stdio;
        ChildStdio stdio;
        int error = Stdio.Make(request, fds, slot, &stdio);
        if (error < 0)
            return error;
        error = Spawn(request, slot, program, fds, fdCount, &stdio, step);
        Stdio.CloseChildSide(&stdio);
        if (error < 0)
            return error;

        int index = Slots.IndexOf(slot);
        *step = (int)ShimStep.Stdio;
        error = EventLoop.Add(slot->Pidfd, Watch.Pidfd, index, slot->Generation);
        if (error >= 0)
            error = EventLoop.Add(slot->ReportFd, Watch.Report, index, slot->Generation);
        if (error >= 0)
            error = Streams.Watch(slot);
        if (error < 0)
        {
            // Not to be watched means not to be run.
            Kernel.Call(NR.pidfd_send_signal, slot->Pidfd, Kernel.SIGKILL, 0, 0);
            return error;
        }

        if ((slot->Flags & ShimStartFlags.SecondClone) != 0)
            Slots.AwaitingSecondClone++;
        return 0;
    }

    private static int Spawn(ShimStartRequest* request, Slot* slot, MappedProgram* program, int* fds, int fdCount, ChildStdio* stdio, int* step)
    {
        int home = -1;
        if (request->PidNamespaceFd >= 0)
        {
            // The way back is the shim's own pidfd: it stands for the namespace the shim itself is in, with no /proc needed.
            *step = (int)ShimStep.PidNamespace;
            home = (int)Kernel.Call(NR.pidfd_open, Kernel.Call(NR.getpid), 0);
            if (home < 0)
                return home;
            int entered = (int)Kernel.Call(NR.setns, fds[request->PidNamespaceFd], (long)Kernel.CLONE_NEWPID);
            if (entered < 0)
            {
                Kernel.Close(home);
                return entered;
            }
        }

        *step = (int)ShimStep.Clone;
        int pidfd = -1;
        CloneArgs args = new()
        {
            Flags = request->CloneFlags | Kernel.CLONE_PIDFD,
            Pidfd = (ulong)&pidfd,
            ExitSignal = Kernel.SIGCHLD,
        };
        if (request->CgroupFd >= 0)
        {
            args.Flags |= Kernel.CLONE_INTO_CGROUP;
            args.Cgroup = (ulong)fds[request->CgroupFd];
        }

        slot->ClonedAfter = Kernel.Now(Kernel.CLOCK_BOOTTIME);
        int pid = (int)Kernel.Call(NR.clone3, (long)&args, sizeof(CloneArgs));
        if (pid == 0)
            Child(program, fds, stdio);
        if (home >= 0)
        {
            // Cannot fail for a live process's own namespace. If it ever did, every later container would be born in the wrong one.
            if (Kernel.Call(NR.setns, home, (long)Kernel.CLONE_NEWPID) < 0)
                Kernel.ExitGroup(135);
            Kernel.Close(home);
        }

        if (pid < 0)
            return pid;
        slot->Pid = pid;
        slot->Pidfd = pidfd;
        return 0;
    }

    /// <summary>In the child: plays the program and never returns.</summary>
    private static void Child(MappedProgram* program, int* fds, ChildStdio* stdio)
    {
        Inherited.Close();
        Signals.ResetForChild();
        long* results = stackalloc long[ShimAbi.ResultSlots];
        for (int i = 0; i < ShimAbi.ResultSlots; i++)
            results[i] = -1;
        results[ShimAbi.StdinResult] = stdio->In;
        results[ShimAbi.StdoutResult] = stdio->Out;
        results[ShimAbi.StderrResult] = stdio->Err;
        results[ShimAbi.ReportResult] = stdio->Report;
        Playing playing = new() { Program = program, PassedFds = fds, Results = results, ReportFd = stdio->Report };
        int error = ProgramPlayer.Play(&playing);
        if (error < 0)
            ProgramPlayer.Send(stdio->Report, ShimReportKind.Failed, playing.OpIndex, -error);
        Kernel.ExitGroup(error < 0 ? 127 : 0);
    }

    private static void Apply(Slot* slot, ShimReport* report, ref int fd)
    {
        switch (report->Kind)
        {
            case ShimReportKind.Failed when slot->FailedErrno == 0 && report->Value > 0:
                slot->FailedOp = report->OpIndex;
                slot->FailedErrno = report->Value;
                break;
            case ShimReportKind.Tolerated when slot->ReportedCount < ShimAbi.MaxReported:
                slot->Reported[slot->ReportedCount++] = (uint)report->OpIndex | ((long)report->Value << 32);
                break;
            case ShimReportKind.SecondClone when (slot->Flags & ShimStartFlags.SecondClone) != 0 && Slots.FindByPid(report->Value) == null:
                TakeOver(slot, report->Value);
                break;
            case ShimReportKind.Terminal when slot->Stdio == ShimStdio.Terminal && slot->TerminalFd < 0 && fd >= 0:
                slot->TerminalFd = fd;
                fd = -1;
                Streams.WatchTerminal(slot);
                break;
            case ShimReportKind.Executing:
                slot->Executing = true;
                break;
        }
    }

    /// <summary>The second clone becomes the slot's process. It is the shim's child, so its pid stays its own until reaped here.</summary>
    private static void TakeOver(Slot* slot, int pid)
    {
        const int P_PIDFD = 3, WEXITED = 4, WNOWAIT = 0x1000000;
        int pidfd = (int)Kernel.Call(NR.pidfd_open, pid, 0);
        if (pidfd < 0)
            return;

        // Only a child of the shim's: a program that lies must not make it watch, and later kill, somebody else.
        bool child = Kernel.Call(NR.waitid, P_PIDFD, pidfd, 0, WEXITED | WNOWAIT | Kernel.WNOHANG | Kernel.WALL, 0) >= 0;
        if (!child || EventLoop.Add(pidfd, Watch.Pidfd, Slots.IndexOf(slot), slot->Generation) < 0)
        {
            Kernel.Close(pidfd);
            return;
        }

        EventLoop.CloseWatched(ref slot->Pidfd);
        slot->Pidfd = pidfd;
        slot->Pid = pid;
        SecondCloneSettled(slot);
    }

    /// <summary>No second clone is to come any more: its pid is known, or the start is decided.</summary>
    private static void SecondCloneSettled(Slot* slot)
    {
        if ((slot->Flags & ShimStartFlags.SecondClone) == 0)
            return;
        slot->Flags &= ~ShimStartFlags.SecondClone;
        Slots.AwaitingSecondClone--;
    }

    private static void Running(Slot* slot)
    {
        slot->State = ShimSlotState.Running;
        slot->StartedAt = Kernel.Now(Kernel.CLOCK_REALTIME);
        Records.WriteStart(slot);
        Finish(slot, 0, 0, 0);
    }

    private static void Exited(Slot* slot, int status)
    {
        if (slot->State == ShimSlotState.Starting)
        {
            ReadReports(slot);
            if (slot->State == ShimSlotState.Starting && !(slot->Executing && slot->FailedErrno == 0))
            {
                Failed(slot, status);
                return;
            }

            // The program let the payload inherit the report socket: no EOF, but it ran.
            if (slot->State == ShimSlotState.Starting)
                Running(slot);
        }

        Ended(slot, status);
    }

    private static void Ended(Slot* slot, int status)
    {
        slot->WaitStatus = status;
        slot->ExitedAt = Kernel.Now(Kernel.CLOCK_REALTIME);
        EventLoop.CloseWatched(ref slot->Pidfd);
        EventLoop.CloseWatched(ref slot->StdinFd);
        Streams.Drain(slot);
        Records.WriteExit(slot);
        Slots.Ended(slot);
        Connections.NotifyExit(slot);
        ForgetIfOrphaned(slot);
    }

    private static void Failed(Slot* slot, int status)
    {
        SecondCloneSettled(slot);
        if (Connections.Find(slot->Owner, slot->OwnerGeneration) == null)
        {
            // Whoever asked is gone, and a new daemon may have seen the slot in the list: it has to end for that one, too.
            Ended(slot, status);
            return;
        }

        if (slot->FailedErrno > 0)
            Finish(slot, -slot->FailedErrno, slot->FailedOp, status);
        else
            Finish(slot, -Kernel.ECHILD, (int)ShimStep.Died, status);
        Slots.Release(slot);
    }

    /// <summary>Frees an ended slot without records whose connection has gone: nobody will ever ask for it.</summary>
    public static void ForgetIfOrphaned(Slot* slot)
    {
        if (slot->State == ShimSlotState.Exited && (slot->Flags & ShimStartFlags.NoExitRecord) != 0 &&
            Connections.Find(slot->Owner, slot->OwnerGeneration) == null)
        {
            Slots.Release(slot);
        }
    }

    /// <summary>Answers START.</summary>
    private static void Finish(Slot* slot, int result, int opIndex, int status)
    {
        Connection* owner = Connections.Find(slot->Owner, slot->OwnerGeneration);
        if (owner == null)
            return;
        ShimStartReply* reply = (ShimStartReply*)Scratch.Reply;
        int size = sizeof(ShimStartReply) + (int)slot->ReportedCount * sizeof(ShimReportedError);
        *reply = new ShimStartReply
        {
            Header = new ShimHeader { Type = ShimMessageType.Start | ShimMessageType.Reply, Sequence = slot->Sequence, Result = result },
            Slot = slot->Id,
            Pid = slot->Pid,
            OpIndex = opIndex,
            WaitStatus = status,
            ReportedCount = slot->ReportedCount,
        };
        ShimReportedError* reported = (ShimReportedError*)(reply + 1);
        for (uint i = 0; i < slot->ReportedCount; i++)
            reported[i] = new ShimReportedError { OpIndex = (int)slot->Reported[i], Errno = (int)(slot->Reported[i] >> 32) };
        Connections.Send(owner, &reply->Header, size, null, 0);
    }
}
