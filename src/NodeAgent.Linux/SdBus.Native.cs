using System.Runtime.InteropServices;

namespace NodeAgent.Linux;

/// <summary>The functions of <c>systemd/sd-bus.h</c> that have no variable argument lists. Loaded when first called.</summary>
public sealed unsafe partial class SdBus
{
    private const string Library = "libsystemd.so.0";

    [LibraryImport(Library)]
    private static partial int sd_bus_open_system(nint* bus);

    [LibraryImport(Library)]
    private static partial int sd_bus_new(nint* bus);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_set_address(nint bus, string address);

    [LibraryImport(Library)]
    private static partial int sd_bus_start(nint bus);

    [LibraryImport(Library)]
    private static partial nint sd_bus_flush_close_unref(nint bus);

    [LibraryImport(Library)]
    private static partial int sd_bus_get_fd(nint bus);

    [LibraryImport(Library)]
    private static partial int sd_bus_get_events(nint bus);

    [LibraryImport(Library)]
    private static partial int sd_bus_process(nint bus, nint* message);

    [LibraryImport(Library)]
    private static partial int sd_bus_send(nint bus, nint message, ulong* cookie);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_message_new_method_call(nint bus, nint* message, string destination, string path, string @interface, string member);

    [LibraryImport(Library)]
    private static partial nint sd_bus_message_unref(nint message);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_append_basic(nint message, sbyte type, void* value);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_message_open_container(nint message, sbyte type, string contents);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_close_container(nint message);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sd_bus_message_enter_container(nint message, sbyte type, string contents);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_exit_container(nint message);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_peek_type(nint message, byte* type, nint* contents);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_read_basic(nint message, sbyte type, void* value);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_get_type(nint message, byte* type);

    [LibraryImport(Library)]
    private static partial int sd_bus_message_get_reply_cookie(nint message, ulong* cookie);

    [LibraryImport(Library)]
    private static partial nint* sd_bus_message_get_error(nint message);

    [LibraryImport(Library)]
    private static partial nint sd_bus_message_get_path(nint message);

    [LibraryImport(Library)]
    private static partial nint sd_bus_message_get_interface(nint message);

    [LibraryImport(Library)]
    private static partial nint sd_bus_message_get_member(nint message);
}
