namespace NodeAgent.Shim;

/// <summary>Checks a request, does it, answers it. Nothing a peer can send may do more than get a negative answer.</summary>
internal static unsafe class Protocol
{
    public static void Handle(Connection* connection, ShimHeader* header, int size, int* fds, int fdCount, bool cut)
    {
        if (size < sizeof(ShimHeader))
            return;
        if (cut || header->Size != (uint)size)
        {
            Answer(connection, header, -Kernel.EINVAL, 0, 0);
            return;
        }

        if (header->Version != ShimAbi.Version)
        {
            Answer(connection, header, -Kernel.EPROTO, 0, 0);
            return;
        }

        if (size < MinimumSize(header->Type))
        {
            Answer(connection, header, -Kernel.EINVAL, 0, 0);
            return;
        }

        switch (header->Type)
        {
            case ShimMessageType.Hello:
                Hello(connection, header);
                break;
            case ShimMessageType.Subscribe:
                Subscribe(connection, header);
                break;
            case ShimMessageType.Run:
                Run(connection, (ShimRunRequest*)header, fds, fdCount);
                break;
            case ShimMessageType.Start:
                Start(connection, (ShimStartRequest*)header, fds, fdCount);
                break;
            case ShimMessageType.List:
                Listing.Reply(connection, (ShimSlotRequest*)header);
                break;
            case ShimMessageType.Shutdown:
                Shutdown(connection, (ShimSlotRequest*)header);
                break;
            default:
                SlotRequests.Handle(connection, header, fds, fdCount);
                break;
        }
    }

    public static void Answer(Connection* connection, ShimHeader* request, int result, uint slot, uint value, int* fds = null, int fdCount = 0)
    {
        ShimSlotReply reply = new() { Header = ReplyTo(request, result), Slot = slot, Value = value };
        Connections.Send(connection, &reply.Header, sizeof(ShimSlotReply), fds, fdCount);
    }

    public static ShimHeader ReplyTo(ShimHeader* request, int result) =>
        new() { Type = request->Type | ShimMessageType.Reply, Sequence = request->Sequence, Result = result };

    private static int MinimumSize(ShimMessageType type) => type switch
    {
        ShimMessageType.Hello or ShimMessageType.Subscribe => sizeof(ShimHeader),
        ShimMessageType.Run => sizeof(ShimRunRequest),
        ShimMessageType.Start => sizeof(ShimStartRequest),
        ShimMessageType.SetLog or ShimMessageType.AddTee => sizeof(ShimFdRequest),
        _ => sizeof(ShimSlotRequest),
    };

    private static void Hello(Connection* connection, ShimHeader* header)
    {
        ShimHelloReply reply = new()
        {
            Header = ReplyTo(header, 0),
            Pid = (int)Kernel.Call(NR.getpid),
            Slots = Slots.InUse(),
            StartedAt = Program.StartedAt,
            DroppedLogRecords = Connections.DroppedLogRecords,
            FailedExitRecords = Records.Failed,
        };
        Connections.Send(connection, &reply.Header, sizeof(ShimHelloReply), null, 0);
    }

    private static void Subscribe(Connection* connection, ShimHeader* header)
    {
        connection->Subscribed = true;
        Answer(connection, header, 0, 0, 0);
        for (int i = 0; i < Slots.Used; i++)
        {
            Slot* slot = Slots.At(i);
            if (slot->State != ShimSlotState.Free && slot->LogFullSent)
                Connections.NotifyLogFull(slot);
        }
    }

    private static void Run(Connection* connection, ShimRunRequest* request, int* fds, int fdCount)
    {
        ShimRunReply* reply = (ShimRunReply*)Scratch.Reply;
        Memory.Clear(reply, sizeof(ShimRunReply));
        long* results = stackalloc long[ShimAbi.ResultSlots];
        for (int i = 0; i < ShimAbi.ResultSlots; i++)
            results[i] = -1;
        MappedProgram program;
        int error = (uint)request->ProgramFd < (uint)fdCount
            ? ProgramCheck.Map(fds[request->ProgramFd], fdCount, true, &program)
            : -Kernel.EINVAL;
        reply->OpIndex = (int)ShimStep.Program;
        if (error >= 0)
        {
            Playing playing = new()
            {
                Program = &program,
                PassedFds = fds,
                Results = results,
                ReportFd = -1,
                Reported = (ShimReportedError*)(reply + 1),
            };
            error = ProgramPlayer.Play(&playing);
            reply->OpIndex = playing.OpIndex;
            reply->LastResult = playing.LastResult;
            reply->ReportedCount = playing.ReportedCount;
            ProgramCheck.Unmap(&program);
        }

        reply->Header = ReplyTo(&request->Header, error);
        Connections.Send(connection, &reply->Header, sizeof(ShimRunReply) + ((int)reply->ReportedCount * sizeof(ShimReportedError)), null, 0);
    }

    private static void Start(Connection* connection, ShimStartRequest* request, int* fds, int fdCount)
    {
        int step = (int)ShimStep.Program;
        int error = Indexes(request, fdCount) ? Containers.Start(request, connection, fds, fdCount, &step) : -Kernel.EINVAL;
        if (error >= 0)
            return;
        ShimStartReply reply = new() { Header = ReplyTo(&request->Header, error), Slot = request->Slot, OpIndex = step };
        Connections.Send(connection, &reply.Header, sizeof(ShimStartReply), null, 0);
    }

    private static bool Indexes(ShimStartRequest* request, int fdCount) =>
        (uint)request->ProgramFd < (uint)fdCount &&
        Optional(request->CgroupFd, fdCount) && Optional(request->PidNamespaceFd, fdCount) && Optional(request->LogFd, fdCount) &&
        Optional(request->StdinFd, fdCount) && Optional(request->StdoutFd, fdCount) && Optional(request->StderrFd, fdCount) &&
        request->Stdio <= ShimStdio.Terminal;

    private static bool Optional(int index, int fdCount) => index == ShimAbi.NoFd || (uint)index < (uint)fdCount;

    private static void Shutdown(Connection* connection, ShimSlotRequest* request)
    {
        bool force = request->Argument == 1;
        if (Slots.Live > 0 && !force)
        {
            Answer(connection, &request->Header, -Kernel.EBUSY, 0, (uint)Slots.Live);
            return;
        }

        EventLoop.Ending = true;
        Answer(connection, &request->Header, 0, 0, (uint)Slots.Live);
        for (int i = 0; i < Slots.Used; i++)
        {
            if (Slots.IsLive(Slots.At(i)))
                Kernel.Call(NR.pidfd_send_signal, Slots.At(i)->Pidfd, Kernel.SIGKILL, 0, 0);
        }
    }
}
