namespace NodeAgent.Shim;

internal struct Tee
{
    public uint Id;
    public int Fd;
    public int SlotIndex;
    public uint SlotGeneration;
    public ShimStreams Streams;
}

/// <summary>Copies of raw output for those who are attached. A reader that is too slow misses bytes, which are counted; it never slows the payload.</summary>
internal static unsafe class Tees
{
    private static Tee* _table;
    private static int _used;
    private static uint _lastId;

    public static bool Initialize()
    {
        _table = (Tee*)Memory.Map(sizeof(Tee) * ShimAbi.MaxTees);
        return _table != null;
    }

    /// <returns>0 or -errno. On success the fd belongs to the tee.</returns>
    public static int Add(Slot* slot, int fd, ShimStreams streams, uint* id)
    {
        bool open = ((streams & ShimStreams.Stdout) != 0 && slot->Out.Fd >= 0) || ((streams & ShimStreams.Stderr) != 0 && slot->Err.Fd >= 0);
        if (!open)
            return -Kernel.EPIPE;
        if (_used == ShimAbi.MaxTees)
            return -Kernel.ENOSPC;
        int error = Kernel.SetNonBlocking(fd);
        if (error < 0)
            return error;
        *id = ++_lastId;
        _table[_used++] = new Tee
        {
            Id = *id,
            Fd = fd,
            SlotIndex = Slots.IndexOf(slot),
            SlotGeneration = slot->Generation,
            Streams = streams,
        };
        return 0;
    }

    public static int Remove(Slot* slot, uint id)
    {
        for (int i = 0; i < _used; i++)
        {
            if (_table[i].Id == id && BelongsTo(i, slot))
            {
                RemoveAt(i);
                return 0;
            }
        }

        return -Kernel.ENOENT;
    }

    public static uint Count(Slot* slot)
    {
        uint count = 0;
        for (int i = 0; i < _used; i++)
            count += BelongsTo(i, slot) ? 1u : 0u;
        return count;
    }

    public static void Write(Slot* slot, bool isError, byte* data, int length)
    {
        ShimStreams stream = isError ? ShimStreams.Stderr : ShimStreams.Stdout;
        for (int i = _used - 1; i >= 0; i--)
        {
            if (!BelongsTo(i, slot) || (_table[i].Streams & stream) == 0)
                continue;
            long written = Kernel.Write(_table[i].Fd, data, length);
            if (written < 0 && written != -Kernel.EAGAIN)
                RemoveAt(i);
            else if (written < length)
                slot->DroppedTeeBytes += (ulong)(length - (written > 0 ? written : 0));
        }
    }

    /// <summary>Closes the tees that have nothing more to come.</summary>
    public static void StreamEnded(Slot* slot)
    {
        ShimStreams open = (slot->Out.Fd >= 0 ? ShimStreams.Stdout : 0) | (slot->Err.Fd >= 0 ? ShimStreams.Stderr : 0);
        for (int i = _used - 1; i >= 0; i--)
        {
            if (BelongsTo(i, slot) && (_table[i].Streams & open) == 0)
                RemoveAt(i);
        }
    }

    public static void RemoveAll(Slot* slot)
    {
        for (int i = _used - 1; i >= 0; i--)
        {
            if (BelongsTo(i, slot))
                RemoveAt(i);
        }
    }

    /// <summary>See <see cref="Inherited"/>.</summary>
    public static void CloseCopies()
    {
        for (int i = 0; i < _used; i++)
            Kernel.Close(_table[i].Fd);
    }

    private static bool BelongsTo(int tee, Slot* slot) =>
        _table[tee].SlotIndex == Slots.IndexOf(slot) && _table[tee].SlotGeneration == slot->Generation;

    private static void RemoveAt(int index)
    {
        Kernel.Close(_table[index].Fd);
        _table[index] = _table[--_used];
    }
}
