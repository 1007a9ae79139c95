using System.Buffers.Binary;
using System.Text;

namespace NodeAgent.Core.Probing;

/// <summary>
/// The two messages of <c>grpc.health.v1.Health/Check</c> in gRPC's framing: a byte that says "not compressed", four bytes of length, the protobuf message.
/// Source: grpc/grpc doc/health-checking.md and doc/PROTOCOL-HTTP2.md.
/// </summary>
public static class GrpcHealth
{
    public const string Path = "/grpc.health.v1.Health/Check";
    public const string Serving = "SERVING";

    private const int FrameHeader = 5;

    // Field 1, length-delimited; field 1, varint.
    private const byte ServiceTag = 1 << 3 | 2;
    private const byte StatusTag = 1 << 3;

    private static readonly string[] Names = ["UNKNOWN", Serving, "NOT_SERVING", "SERVICE_UNKNOWN"];

    /// <param name="service">Empty for the server as a whole.</param>
    public static byte[] Request(string service)
    {
        byte[] name = Encoding.UTF8.GetBytes(service);
        List<byte> message = [];
        if (name.Length > 0)
        {
            message.Add(ServiceTag);
            uint length = (uint)name.Length;
            for (; length >= 0x80; length >>= 7)
                message.Add((byte)(length | 0x80));
            message.Add((byte)length);
            message.AddRange(name);
        }
        byte[] frame = new byte[FrameHeader + message.Count];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Count);
        message.CopyTo(frame, FrameHeader);
        return frame;
    }

    /// <summary>The status by name. Throws <see cref="InvalidDataException"/> when this is no answer to the question.</summary>
    public static string Status(ReadOnlySpan<byte> body)
    {
        if (body.Length < FrameHeader || body[0] != 0 || BinaryPrimitives.ReadUInt32BigEndian(body[1..]) is var length && length > body.Length - FrameHeader)
            throw new InvalidDataException("the answer is no gRPC message");
        ReadOnlySpan<byte> message = body.Slice(FrameHeader, (int)length);
        ulong status = 0;
        while (!message.IsEmpty)
        {
            ulong tag = Varint(ref message);
            ulong value = (tag & 7) == 0 ? Varint(ref message) : Skip(tag, ref message);
            if (tag == StatusTag)
                status = value;
        }
        return status < (ulong)Names.Length ? Names[status] : $"{status}";
    }

    private static ulong Skip(ulong tag, ref ReadOnlySpan<byte> message)
    {
        ulong size = (tag & 7) switch
        {
            1 => 8,
            2 => Varint(ref message),
            5 => 4,
            _ => ulong.MaxValue,
        };
        if (size > (ulong)message.Length)
            throw new InvalidDataException("the answer is no health check's");
        message = message[(int)size..];
        return 0;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (int i = 0; i < message.Length && i < 10; i++)
        {
            value |= (ulong)(message[i] & 0x7f) << (7 * i);
            if (message[i] < 0x80)
            {
                message = message[(i + 1)..];
                return value;
            }
        }
        throw new InvalidDataException("the answer is no health check's");
    }
}
