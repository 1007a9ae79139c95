using System.Buffers.Binary;
using System.Text;

namespace NodeAgent.Linux;

/// <summary>The interface requests of ioctl(2) that a syscall program makes. See netdevice(7).</summary>
public static class Ifreq
{
    public const int AF_INET = 2;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_CLOEXEC = 0x80000;
    public const int SIOCSIFFLAGS = 0x8914;
    public const short IFF_UP = 0x1;

    private const int Size = 40;
    private const int IFNAMSIZ = 16;

    /// <summary>struct ifreq with a name and flags.</summary>
    public static byte[] WithFlags(string name, short flags)
    {
        byte[] request = new byte[Size];
        if (Encoding.UTF8.GetBytes(name, request) >= IFNAMSIZ) throw new ArgumentException($"interface name {name} is longer than 15 bytes", nameof(name));
        BinaryPrimitives.WriteInt16LittleEndian(request.AsSpan(IFNAMSIZ), flags);
        return request;
    }
}
