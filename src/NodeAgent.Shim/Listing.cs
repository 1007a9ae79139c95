namespace NodeAgent.Shim;

/// <summary>LIST: as many slots as fit into a message, and where to go on.</summary>
internal static unsafe class Listing
{
    public static void Reply(Connection* connection, ShimSlotRequest* request)
    {
        int most = (ShimAbi.MaxMessage - sizeof(ShimListReply)) / sizeof(ShimSlotInfo);
        ShimListReply* reply = (ShimListReply*)Scratch.Reply;
        *reply = new ShimListReply { Header = Protocol.ReplyTo(&request->Header, 0) };
        ShimSlotInfo* entries = (ShimSlotInfo*)(reply + 1);
        for (uint i = request->Argument; i < (uint)Slots.Used; i++)
        {
            Slot* slot = Slots.At((int)i);
            if (slot->State == ShimSlotState.Free)
                continue;
            if (reply->Count == most)
            {
                reply->Next = i;
                break;
            }

            Describe(slot, entries + reply->Count++);
        }

        Connections.Send(connection, &reply->Header, sizeof(ShimListReply) + ((int)reply->Count * sizeof(ShimSlotInfo)), null, 0);
    }

    private static void Describe(Slot* slot, ShimSlotInfo* info) => *info = new ShimSlotInfo
    {
        Slot = slot->Id,
        Pid = slot->Pid,
        State = slot->State,
        Flags = slot->Flags,
        WaitStatus = slot->WaitStatus,
        Tees = Tees.Count(slot),
        StartedAt = slot->StartedAt,
        ExitedAt = slot->ExitedAt,
        LogBytes = slot->LogBytes,
        DroppedRecords = slot->DroppedRecords,
        DroppedTeeBytes = slot->DroppedTeeBytes,
    };
}
