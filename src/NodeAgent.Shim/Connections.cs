namespace NodeAgent.Shim;

internal struct Connection
{
    public int Fd;
    public uint Generation;
    public bool Open;
    public bool Subscribed;

    /// <summary>Events were dropped and the subscriber does not know yet.</summary>
    public bool EventsLost;

    /// <summary>Grows from one connection to the next.</summary>
    public uint Order;
}

/// <summary>
/// The daemon's connections: any number in sequence, several at once; for one too many the oldest that has not subscribed gives way. A connection whose reply does not fit into its socket buffer is
/// closed (it has hundreds unread); one whose event does not fit is told EVENTSLOST as soon as there is room.
/// </summary>
internal static unsafe class Connections
{
    /// <summary>Requests of one connection before others get their turn.</summary>
    private const int RequestsPerEvent = 16;

    private static Connection* _table;
    private static uint _lastOrder;

    public static ulong DroppedLogRecords { get; set; }

    public static bool Initialize()
    {
        _table = (Connection*)Memory.Map(sizeof(Connection) * ShimAbi.MaxConnections);
        return _table != null && Kernel.SetNonBlocking(ShimAbi.ListenFd) >= 0 && EventLoop.Add(ShimAbi.ListenFd, Watch.Listener, 0, 0) >= 0;
    }

    public static int IndexOf(Connection* connection) => (int)(connection - _table);

    /// <summary>The connection if it is still that one, or null.</summary>
    public static Connection* Find(int index, uint generation) =>
        _table[index].Open && _table[index].Generation == generation ? _table + index : null;

    public static void Accept()
    {
        for (; ; )
        {
            int fd = (int)Kernel.Call(NR.accept4, ShimAbi.ListenFd, 0, 0, Kernel.SOCK_CLOEXEC | Kernel.SOCK_NONBLOCK);
            if (fd < 0)
                return;
            if (!Allowed(fd) || !Register(fd))
                Kernel.Close(fd);
        }
    }

    public static void Ready(int index, uint generation, uint events)
    {
        Connection* connection = Find(index, generation);
        if (connection != null && (events & Kernel.EPOLLOUT) != 0)
            SendEventsLost(connection);
        for (int i = 0; i < RequestsPerEvent && Find(index, generation) != null; i++)
        {
            int* fds = Scratch.PassedFds;
            int fdCount;
            bool cut;
            int got = Reports.ReceivePacket(connection->Fd, Scratch.Request, ShimAbi.MaxMessage, fds, &fdCount, &cut);
            if (got == -Kernel.EAGAIN)
                return;
            if (got <= 0)
            {
                // 0 is the peer's end, or an empty packet, which nobody may send.
                Close(connection);
                return;
            }

            Protocol.Handle(connection, (ShimHeader*)Scratch.Request, got, fds, fdCount, cut);
            for (int f = 0; f < fdCount; f++)
            {
                if (fds[f] >= 0)
                    Kernel.Close(fds[f]);
            }
        }
    }

    /// <summary>Sends a reply; the type and sequence are set, size and version are not.</summary>
    public static void Send(Connection* connection, ShimHeader* message, int size, int* fds, int fdCount)
    {
        if (SendPacket(connection, message, size, fds, fdCount) < 0)
            Close(connection);
    }

    public static void NotifyExit(Slot* slot)
    {
        ShimExitEvent message = new()
        {
            Header = new ShimHeader { Type = ShimMessageType.ExitEvent },
            Slot = slot->Id,
            Pid = slot->Pid,
            WaitStatus = slot->WaitStatus,
            ExitedAt = slot->ExitedAt,
        };
        Notify(&message.Header, sizeof(ShimExitEvent));
    }

    public static void NotifyLogFull(Slot* slot)
    {
        ShimLogFullEvent message = new()
        {
            Header = new ShimHeader { Type = ShimMessageType.LogFullEvent },
            Slot = slot->Id,
            LogBytes = slot->LogBytes,
        };
        Notify(&message.Header, sizeof(ShimLogFullEvent));
    }

    /// <summary>See <see cref="Inherited"/>.</summary>
    public static void CloseCopies()
    {
        for (int i = 0; i < ShimAbi.MaxConnections; i++)
        {
            if (_table[i].Open)
                Kernel.Close(_table[i].Fd);
        }
    }

    private static void Notify(ShimHeader* message, int size)
    {
        for (int i = 0; i < ShimAbi.MaxConnections; i++)
        {
            Connection* connection = _table + i;
            if (!connection->Open || !connection->Subscribed)
                continue;
            int result = SendPacket(connection, message, size, null, 0);
            if (result == -Kernel.EAGAIN && !connection->EventsLost)
            {
                connection->EventsLost = true;
                EventLoop.SetWritable(connection->Fd, Watch.Connection, i, connection->Generation, true);
            }
            else if (result < 0 && result != -Kernel.EAGAIN)
            {
                Close(connection);
            }
        }
    }

    private static void SendEventsLost(Connection* connection)
    {
        ShimHeader message = new() { Type = ShimMessageType.EventsLostEvent };
        if (!connection->EventsLost || SendPacket(connection, &message, sizeof(ShimHeader), null, 0) < 0)
            return;
        connection->EventsLost = false;
        EventLoop.SetWritable(connection->Fd, Watch.Connection, IndexOf(connection), connection->Generation, false);
    }

    private static int SendPacket(Connection* connection, ShimHeader* message, int size, int* fds, int fdCount)
    {
        message->Size = (uint)size;
        message->Version = ShimAbi.Version;
        IoVector vector = new() { Base = message, Length = (ulong)size };
        MessageHeader header = new() { Vectors = &vector, VectorCount = 1 };
        if (fdCount > 0)
        {
            ControlHeader* control = (ControlHeader*)Scratch.Control;
            *control = new ControlHeader { Length = 16 + ((ulong)fdCount * 4), Level = Kernel.SOL_SOCKET, Type = Kernel.SCM_RIGHTS };
            for (int i = 0; i < fdCount; i++)
                ((int*)(control + 1))[i] = fds[i];
            header.Control = control;
            header.ControlLength = (control->Length + 7) & ~7UL;
        }

        return (int)Kernel.Call(NR.sendmsg, connection->Fd, (long)&header, Kernel.MSG_DONTWAIT | Kernel.MSG_NOSIGNAL);
    }

    /// <summary>Root, or whoever the shim itself runs as.</summary>
    private static bool Allowed(int fd)
    {
        PeerCredentials peer;
        int size = sizeof(PeerCredentials);
        if (Kernel.Call(NR.getsockopt, fd, Kernel.SOL_SOCKET, Kernel.SO_PEERCRED, (long)&peer, (long)&size) < 0)
            return false;
        return peer.Uid == 0 || peer.Uid == (uint)Kernel.Call(NR.getuid);
    }

    private static bool Register(int fd)
    {
        Connection* connection = Room();
        if (EventLoop.Add(fd, Watch.Connection, IndexOf(connection), connection->Generation) < 0)
            return false;
        connection->Fd = fd;
        connection->Open = true;
        connection->Subscribed = false;
        connection->EventsLost = false;
        connection->Order = ++_lastOrder;
        Records.RetryPending();
        return true;
    }

    private static Connection* Room()
    {
        Connection* oldest = _table;
        for (int i = 0; i < ShimAbi.MaxConnections; i++)
        {
            Connection* connection = _table + i;
            if (!connection->Open)
                return connection;
            bool weaker = oldest->Subscribed && !connection->Subscribed;
            if (weaker || (oldest->Subscribed == connection->Subscribed && connection->Order < oldest->Order))
                oldest = connection;
        }

        Close(oldest);
        return oldest;
    }

    private static void Close(Connection* connection)
    {
        connection->Open = false;
        connection->Generation++;
        EventLoop.CloseWatched(ref connection->Fd);
        for (int i = 0; i < Slots.Used; i++)
            Containers.ForgetIfOrphaned(Slots.At(i));
    }
}
