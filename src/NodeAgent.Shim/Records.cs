namespace NodeAgent.Shim;

/// <summary>
/// The files that outlive the shim, in the pod's record directory (a tmpfs: gone at reboot on purpose, so no fsync). All decimal, one line:
/// <c>N.p</c> start: pid, CLOCK_BOOTTIME ns before the clone and after execve (the start time in /proc/pid/stat lies between them), CLOCK_REALTIME ns.
/// <c>N.s</c> exit: wait status, CLOCK_REALTIME ns, pid. Written as <c>N.t</c> and renamed, so it is whole or not there.
/// </summary>
internal static unsafe class Records
{
    private static int _length;

    public static ulong Failed { get; private set; }

    public static void WriteStart(Slot* slot)
    {
        if ((slot->Flags & ShimStartFlags.NoExitRecord) != 0)
            return;
        _length = 0;
        Number((ulong)slot->Pid, (byte)' ');
        Number((ulong)slot->ClonedAfter, (byte)' ');
        Number((ulong)Kernel.Now(Kernel.CLOCK_BOOTTIME), (byte)' ');
        Number((ulong)slot->StartedAt, (byte)'\n');
        if (!WriteFile(slot->Id, (byte)'p'))
            Failed++;
    }

    /// <summary>Writes the exit record; when that fails it is tried again whenever somebody connects or another process ends.</summary>
    public static void WriteExit(Slot* slot)
    {
        if ((slot->Flags & ShimStartFlags.NoExitRecord) == 0 && !TryWriteExit(slot))
        {
            slot->RecordPending = true;
            Failed++;
        }
    }

    public static void RetryPending()
    {
        if (Failed == 0)
            return;
        for (int i = 0; i < Slots.Used; i++)
        {
            Slot* slot = Slots.At(i);
            if (slot->State == ShimSlotState.Exited && slot->RecordPending && TryWriteExit(slot))
                slot->RecordPending = false;
        }
    }

    public static void Remove(Slot* slot)
    {
        if ((slot->Flags & ShimStartFlags.NoExitRecord) != 0)
            return;
        Unlink(slot->Id, (byte)'p');
        Unlink(slot->Id, (byte)'s');
    }

    private static bool TryWriteExit(Slot* slot)
    {
        _length = 0;
        Number((uint)slot->WaitStatus, (byte)' ');
        Number((ulong)slot->ExitedAt, (byte)' ');
        Number((ulong)slot->Pid, (byte)'\n');
        if (!WriteFile(slot->Id, (byte)'t'))
            return false;
        byte* from = stackalloc byte[16];
        byte* to = stackalloc byte[16];
        Name(from, slot->Id, (byte)'t');
        Name(to, slot->Id, (byte)'s');
        return Kernel.Call(NR.renameat2, ShimAbi.RecordDirectoryFd, (long)from, ShimAbi.RecordDirectoryFd, (long)to, 0) >= 0;
    }

    private static void Number(ulong value, byte separator)
    {
        _length += Memory.Decimal(Scratch.Text + _length, value);
        Scratch.Text[_length++] = separator;
    }

    private static bool WriteFile(uint id, byte kind)
    {
        const int Flags = Kernel.O_WRONLY | Kernel.O_CREAT | Kernel.O_TRUNC | Kernel.O_CLOEXEC;
        byte* name = stackalloc byte[16];
        Name(name, id, kind);
        int fd = (int)Kernel.Call(NR.openat, ShimAbi.RecordDirectoryFd, (long)name, Flags, 0x180 /* 0600 */);
        if (fd < 0)
            return false;
        bool whole = Kernel.Write(fd, Scratch.Text, _length) == _length;
        Kernel.Close(fd);
        return whole;
    }

    private static void Unlink(uint id, byte kind)
    {
        byte* name = stackalloc byte[16];
        Name(name, id, kind);
        Kernel.Call(NR.unlinkat, ShimAbi.RecordDirectoryFd, (long)name, 0);
    }

    private static void Name(byte* to, uint id, byte kind)
    {
        int length = Memory.Decimal(to, id);
        to[length] = (byte)'.';
        to[length + 1] = kind;
        to[length + 2] = 0;
    }
}
