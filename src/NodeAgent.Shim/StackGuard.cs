#if ZERO
using System.Runtime.InteropServices;

namespace NodeAgent.Shim;

/// <summary>The compiler guards methods with buffers on the stack by a cookie. The kernel's 16 random bytes (AT_RANDOM) make it unguessable.</summary>
internal static unsafe class StackGuard
{
    private const long AT_NULL = 0, AT_RANDOM = 25;

    [DllImport("libc", EntryPoint = "security_cookie_address")]
    private static extern ulong* CookieAddress();

    /// <summary>After argv and a NULL comes the environment and a NULL, then pairs of type and value. See getauxval(3).</summary>
    public static void Seed(int argc, byte** argv)
    {
        byte** environment = argv + argc + 1;
        while (*environment != null)
            environment++;
        for (long* entry = (long*)(environment + 1); entry[0] != AT_NULL; entry += 2)
        {
            if (entry[0] == AT_RANDOM)
                *CookieAddress() = *(ulong*)entry[1];
        }
    }
}
#endif
