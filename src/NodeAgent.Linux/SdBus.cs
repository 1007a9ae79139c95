using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>A D-Bus message to send: a method call.</summary>
/// <param name="Destination">Bus name; ignored on a connection that has only one peer.</param>
/// <param name="Arguments">Each a value of the kinds of <see cref="SdBus.Append"/>.</param>
public sealed record BusCall(string Destination, string Path, string Interface, string Member, params IReadOnlyList<object> Arguments);

/// <summary>A property and its value, <c>(sv)</c>. The value is a string, bool, ulong, or a list of strings or uints.</summary>
public sealed record BusProperty(string Name, object Value);

public enum BusMessageKind
{
    Call = 1,
    Return = 2,
    Error = 3,
    Signal = 4,
}

/// <summary>A message that came in.</summary>
/// <param name="ReplyTo">Cookie of the call that is answered; 0 for a signal.</param>
/// <param name="Member">Of a signal; empty for an answer.</param>
/// <param name="Body">The leading basic values (string, uint, ulong, bool, int); a variant counts as its content.</param>
/// <param name="ErrorName">E.g. <c>org.freedesktop.systemd1.UnitExists</c>; null unless it is an error.</param>
public sealed record BusMessage(BusMessageKind Kind, ulong ReplyTo, string Path, string Interface, string Member, IReadOnlyList<object> Body, string? ErrorName, string? ErrorText);

/// <summary>
/// A D-Bus connection by the distribution's libsystemd.so.0, see sd-bus(3). Not thread-safe: one thread owns it. Nothing here waits: the owner waits on
/// <see cref="Descriptor"/> and calls <see cref="Process"/>. No callbacks into managed code: answers are told from each other by their cookie.
/// </summary>
public sealed unsafe partial class SdBus : IDisposable
{
    private nint _bus;

    private SdBus(nint bus) => _bus = bus;

    /// <summary>To be watched for reading, and for writing while <see cref="WantsWrite"/>. The connection's own.</summary>
    public SafeFileHandle Descriptor => new(Check(sd_bus_get_fd(Bus), "sd_bus_get_fd", null), ownsHandle: false);

    public bool WantsWrite => (Check(sd_bus_get_events(Bus), "sd_bus_get_events", null) & Poll.POLLOUT) != 0;

    private nint Bus => _bus != 0 ? _bus : throw new ObjectDisposedException(nameof(SdBus));

    /// <summary>Whether the library can be loaded at all; with the reason if not.</summary>
    public static bool IsAvailable(out string? reason)
    {
        bool there = NativeLibrary.TryLoad(Library, typeof(SdBus).Assembly, null, out _);
        reason = there ? null : $"{Library} cannot be loaded";
        return there;
    }

    /// <summary>The system bus. Throws <see cref="LinuxException"/> (ENOENT, ECONNREFUSED: there is none).</summary>
    public static SdBus OpenSystem()
    {
        nint bus;
        Check(sd_bus_open_system(&bus), "sd_bus_open_system", null);
        return new SdBus(bus);
    }

    /// <summary>A peer behind a socket, without a bus between.</summary>
    /// <param name="address">D-Bus address: <c>unix:path=/run/systemd/private</c>.</param>
    public static SdBus OpenPeer(string address)
    {
        nint bus;
        Check(sd_bus_new(&bus), "sd_bus_new", null);
        SdBus opened = new(bus);
        try
        {
            Check(sd_bus_set_address(bus, address), "sd_bus_set_address", address);
            Check(sd_bus_start(bus), "sd_bus_start", address);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Queues a call and returns the cookie that its answer will carry.</summary>
    public ulong Send(BusCall call)
    {
        string what = $"{call.Interface}.{call.Member}";
        nint message;
        Check(sd_bus_message_new_method_call(Bus, &message, call.Destination, call.Path, call.Interface, call.Member), "sd_bus_message_new_method_call", what);
        try
        {
            foreach (object argument in call.Arguments) Append(message, argument, what);
            ulong cookie;
            Check(sd_bus_send(Bus, message, &cookie), "sd_bus_send", what);
            return cookie;
        }
        finally
        {
            sd_bus_message_unref(message);
        }
    }

    /// <summary>
    /// One step of reading and writing. False when there is nothing to do before the descriptor is ready again; true with null when something internal was done.
    /// Throws <see cref="LinuxException"/> (ENOTCONN, ECONNRESET: the connection is gone for good).
    /// </summary>
    public bool Process(out BusMessage? received)
    {
        nint message = 0;
        received = null;
        if (Check(sd_bus_process(Bus, &message), "sd_bus_process", null) == 0) return false;
        if (message == 0) return true;
        try
        {
            received = Read(message);
        }
        finally
        {
            sd_bus_message_unref(message);
        }
        return true;
    }

    public void Dispose()
    {
        if (_bus != 0) sd_bus_flush_close_unref(_bus);
        _bus = 0;
    }

    /// <summary>string s, bool b, uint u, ulong t, list of strings as, list of uints au, list of properties a(sv); <see cref="NoUnits"/> an empty a(sa(sv)).</summary>
    private static void Append(nint message, object value, string what)
    {
        switch (value)
        {
            case IReadOnlyList<BusProperty> properties:
                Open(message, 'a', "(sv)", what);
                foreach (BusProperty property in properties) AppendProperty(message, property, what);
                Close(message, what);
                break;
            case NoUnits:
                Open(message, 'a', "(sa(sv))", what);
                Close(message, what);
                break;
            case IReadOnlyList<string> texts:
                Open(message, 'a', "s", what);
                foreach (string text in texts) Append(message, text, what);
                Close(message, what);
                break;
            case IReadOnlyList<uint> numbers:
                Open(message, 'a', "u", what);
                foreach (uint number in numbers) Append(message, number, what);
                Close(message, what);
                break;
            case string text:
                fixed (byte* bytes = Encoding.UTF8.GetBytes(text + "\0")) AppendBasic(message, 's', bytes, what);
                break;
            case bool flag:
                int boolean = flag ? 1 : 0;
                AppendBasic(message, 'b', &boolean, what);
                break;
            case uint number:
                AppendBasic(message, 'u', &number, what);
                break;
            case ulong number:
                AppendBasic(message, 't', &number, what);
                break;
            default:
                throw new ArgumentException($"{what}: a {value.GetType()} has no place in a message", nameof(value));
        }
    }

    private static void AppendProperty(nint message, BusProperty property, string what)
    {
        Open(message, 'r', "sv", what);
        Append(message, property.Name, what);
        Open(message, 'v', SignatureOf(property.Value), what);
        Append(message, property.Value, $"{what} {property.Name}");
        Close(message, what);
        Close(message, what);
    }

    private static string SignatureOf(object value) => value switch
    {
        string => "s",
        bool => "b",
        uint => "u",
        ulong => "t",
        IReadOnlyList<string> => "as",
        IReadOnlyList<uint> => "au",
        _ => throw new ArgumentException($"a {value.GetType()} has no place in a message", nameof(value)),
    };

    private static BusMessage Read(nint message)
    {
        byte kind;
        Check(sd_bus_message_get_type(message, &kind), "sd_bus_message_get_type", null);
        ulong replyTo = 0;
        if (sd_bus_message_get_reply_cookie(message, &replyTo) < 0) replyTo = 0;
        // struct sd_bus_error starts with name and message, both char*.
        nint* error = sd_bus_message_get_error(message);
        List<object> body = [];
        if (error is null) ReadBasics(message, body);
        return new BusMessage(
            (BusMessageKind)kind, replyTo, Text(sd_bus_message_get_path(message)), Text(sd_bus_message_get_interface(message)),
            Text(sd_bus_message_get_member(message)), body,
            error is null ? null : Text(error[0]), error is null ? null : Text(error[1]));
    }

    private static void ReadBasics(nint message, List<object> into)
    {
        byte type;
        nint contents;
        while (sd_bus_message_peek_type(message, &type, &contents) > 0)
        {
            ulong value = 0;
            if (type == 'v')
            {
                if (sd_bus_message_enter_container(message, (sbyte)'v', Text(contents)) < 0) return;
                ReadBasics(message, into);
                sd_bus_message_exit_container(message);
                continue;
            }
            if (type is not ((byte)'s' or (byte)'o' or (byte)'g' or (byte)'u' or (byte)'i' or (byte)'t' or (byte)'b')) return;
            if (sd_bus_message_read_basic(message, (sbyte)type, &value) < 0) return;
            into.Add(type switch
            {
                (byte)'s' or (byte)'o' or (byte)'g' => Text((nint)value),
                (byte)'u' => (uint)value,
                (byte)'i' => (int)value,
                (byte)'b' => (int)value != 0,
                _ => value,
            });
        }
    }

    private static string Text(nint utf8) => Marshal.PtrToStringUTF8(utf8) ?? "";

    private static void Open(nint message, char type, string contents, string what) =>
        Check(sd_bus_message_open_container(message, (sbyte)type, contents), "sd_bus_message_open_container", what);

    private static void Close(nint message, string what) => Check(sd_bus_message_close_container(message), "sd_bus_message_close_container", what);

    private static void AppendBasic(nint message, char type, void* value, string what) =>
        Check(sd_bus_message_append_basic(message, (sbyte)type, value), "sd_bus_message_append_basic", what);

    // The library returns negative error numbers.
    private static int Check(int result, string function, string? target) => result >= 0 ? result : throw new LinuxException(function, target, -result);

    /// <summary>No auxiliary units: the last argument of StartTransientUnit.</summary>
    public sealed record NoUnits
    {
        public static NoUnits Value { get; } = new();
    }
}
