using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>The C library's heap, which the runtime's compiler and its native libraries use.</summary>
public static partial class Malloc
{
    /// <summary>malloc_trim(3): gives free pages of every arena back to the kernel. A C library without it (musl) keeps none to speak of.</summary>
    public static void Trim()
    {
        try
        {
            _ = malloc_trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // Only glibc has it.
        }
    }

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint pad);
}
