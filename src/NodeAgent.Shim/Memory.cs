namespace NodeAgent.Shim;

/// <summary>
/// Memory is only ever mapped, never allocated: what is mapped and not touched costs nothing, and what was touched goes back
/// with MADV_DONTNEED. That keeps an idle shim at a few pages.
/// </summary>
internal static unsafe class Memory
{
    /// <summary>Zeroed private memory, or null.</summary>
    public static byte* Map(int bytes)
    {
        long at = Kernel.Call(NR.mmap, 0, bytes, Kernel.PROT_READ | Kernel.PROT_WRITE, Kernel.MAP_PRIVATE | Kernel.MAP_ANONYMOUS, -1, 0);
        return at is < 0 and > -4096 ? null : (byte*)at;
    }

    /// <summary>A private, writable view of a file, or null.</summary>
    public static byte* MapFile(int fd, int bytes)
    {
        long at = Kernel.Call(NR.mmap, 0, bytes, Kernel.PROT_READ | Kernel.PROT_WRITE, Kernel.MAP_PRIVATE, fd, 0);
        return at is < 0 and > -4096 ? null : (byte*)at;
    }

    public static void Unmap(void* at, int bytes) => Kernel.Call(NR.munmap, (long)at, bytes);

    public static void GiveBack(void* at, int bytes) => Kernel.Call(NR.madvise, (long)at, bytes, Kernel.MADV_DONTNEED);

    public static void Copy(byte* to, byte* from, int count)
    {
        int i = 0;
        for (; i + 32 <= count; i += 32)
        {
            ulong a = *(ulong*)(from + i), b = *(ulong*)(from + i + 8), c = *(ulong*)(from + i + 16), d = *(ulong*)(from + i + 24);
            *(ulong*)(to + i) = a;
            *(ulong*)(to + i + 8) = b;
            *(ulong*)(to + i + 16) = c;
            *(ulong*)(to + i + 24) = d;
        }

        for (; i + 8 <= count; i += 8)
            *(ulong*)(to + i) = *(ulong*)(from + i);
        for (; i < count; i++)
            to[i] = from[i];
    }

    public static void Clear(void* at, int count)
    {
        byte* bytes = (byte*)at;
        int i = 0;
        for (; i + 8 <= count; i += 8)
            *(ulong*)(bytes + i) = 0;
        for (; i < count; i++)
            bytes[i] = 0;
    }

    /// <summary>Index of the first newline at or after <paramref name="from"/>, or <paramref name="end"/>. Eight bytes at a time.</summary>
    public static int FindNewline(byte* text, int from, int end)
    {
        const ulong Newlines = 0x0a0a0a0a0a0a0a0a, Ones = 0x0101010101010101, Tops = 0x8080808080808080;
        int i = from;
        for (; i + 8 <= end; i += 8)
        {
            ulong word = *(ulong*)(text + i) ^ Newlines;
            if (((word - Ones) & ~word & Tops) != 0)
                break;
        }

        for (; i < end; i++)
        {
            if (text[i] == (byte)'\n')
                return i;
        }

        return end;
    }

    /// <summary>The address of a literal; a NUL follows its text.</summary>
    public static byte* Literal(System.ReadOnlySpan<byte> text)
    {
#if ZERO
        return (byte*)text.Pointer;
#else
        return (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetReference(text));
#endif
    }

    /// <summary>Writes a number in decimal and returns its length.</summary>
    public static int Decimal(byte* to, ulong value)
    {
        int digits = 1;
        for (ulong rest = value / 10; rest != 0; rest /= 10)
            digits++;
        Digits(to, value, digits);
        return digits;
    }

    /// <summary>Writes a number as exactly that many digits.</summary>
    public static void Digits(byte* to, ulong value, int digits)
    {
        for (int i = digits - 1; i >= 0; i--)
        {
            to[i] = (byte)('0' + (value % 10));
            value /= 10;
        }
    }
}
