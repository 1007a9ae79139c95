using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NodeAgent.Linux;

/// <summary>
/// posix_spawn(3): a new process without a fork of this one's runtime. Its address space is shared until execve, so no managed code runs in between.
/// </summary>
public static unsafe partial class Spawn
{
    private const short POSIX_SPAWN_SETSIGDEF = 0x04;
    private const short POSIX_SPAWN_SETSIGMASK = 0x08;
    private const short POSIX_SPAWN_SETSID = 0x80;
    private const int F_DUPFD_CLOEXEC = 1030;

    // glibc's opaque types take 336, 80 and 128 bytes; musl's no more.
    private const int OpaqueSize = 512;

    /// <summary>
    /// Starts a program in a session of its own with every signal blocked and at its default action: .NET ignores SIGPIPE, and children inherit that.
    /// </summary>
    /// <param name="path">The program.</param>
    /// <param name="argv">Its arguments, its name first.</param>
    /// <param name="env">Its whole environment.</param>
    /// <param name="fds">What becomes its descriptors 0, 1, 2, …; it has no others but those that are not close-on-exec.</param>
    /// <returns>The pid of a child, to be reaped.</returns>
    public static int Start(string path, IReadOnlyList<string> argv, IReadOnlyList<string> env, IReadOnlyList<SafeFileHandle> fds)
    {
        byte* actions = stackalloc byte[OpaqueSize];
        byte* attributes = stackalloc byte[OpaqueSize];
        Check(posix_spawn_file_actions_init(actions), "posix_spawn_file_actions_init", path);
        Check(posix_spawnattr_init(attributes), "posix_spawnattr_init", path);
        List<SafeFileHandle> moved = [];
        using CStringArray arguments = new(argv);
        using CStringArray environment = new(env);
        try
        {
            SetSignals(attributes, path);
            for (int i = 0; i < fds.Count; i++)
            {
                // First out of the way, so that no source is overwritten by an earlier target.
                int copy = LinuxException.Check(fcntl(fds[i], F_DUPFD_CLOEXEC, fds.Count + 1), "fcntl F_DUPFD_CLOEXEC", path);
                moved.Add(new SafeFileHandle(copy, ownsHandle: true));
                Check(posix_spawn_file_actions_adddup2(actions, copy, i), "posix_spawn_file_actions_adddup2", path);
            }

            int pid;
            fixed (byte* p = CString.Of(path))
                Check(posix_spawn(&pid, p, actions, attributes, arguments.Pointer, environment.Pointer), "posix_spawn", path);
            return pid;
        }
        finally
        {
            foreach (SafeFileHandle copy in moved)
                copy.Dispose();
            _ = posix_spawnattr_destroy(attributes);
            _ = posix_spawn_file_actions_destroy(actions);
        }
    }

    private static void SetSignals(byte* attributes, string path)
    {
        byte* all = stackalloc byte[128];
        new Span<byte>(all, 128).Fill(0xff);
        Check(posix_spawnattr_setsigdefault(attributes, all), "posix_spawnattr_setsigdefault", path);
        Check(posix_spawnattr_setsigmask(attributes, all), "posix_spawnattr_setsigmask", path);
        Check(posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID), "posix_spawnattr_setflags", path);
    }

    /// <summary>These calls return the error number itself.</summary>
    private static void Check(int error, string call, string path)
    {
        if (error != 0)
            throw new LinuxException(call, path, error);
    }

    /// <summary>A NULL-terminated char*[] in native memory.</summary>
    private sealed class CStringArray : IDisposable
    {
        private readonly byte** _items;
        private readonly int _count;

        public CStringArray(IReadOnlyList<string> texts)
        {
            _count = texts.Count;
            _items = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
            for (int i = 0; i < _count; i++)
            {
                byte[] text = CString.Of(texts[i]);
                _items[i] = (byte*)NativeMemory.Alloc((nuint)text.Length);
                text.CopyTo(new Span<byte>(_items[i], text.Length));
            }
        }

        public byte** Pointer => _items;

        public void Dispose()
        {
            for (int i = 0; i < _count; i++)
                NativeMemory.Free(_items[i]);
            NativeMemory.Free(_items);
        }
    }

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int from, int to);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(byte* attributes);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle file, int command, int argument);
}
