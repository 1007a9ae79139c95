using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.Exec;

/// <summary>
/// Joins somebody to a container's own process: its output comes by tees of the shim, which never wait for a slow reader, its input goes through the shim's end of
/// the pipe, or through the terminal.
/// </summary>
internal sealed class AttachStarter(ShimReactor reactor)
{
    public async Task<IExecSession> StartAsync(LiveContainer container, AttachRequest request)
    {
        string name = $"{container.Sandbox.Pod.Name}/{container.Record.Name}";
        ContainerRecord record = container.Record;
        if (record.Phase != ContainerPhase.Running || container.Sandbox.Shim is not { } shim || RuntimeNode.SpecOf(container) is not { } manifest)
            throw new PodRuntimeException(RuntimeFailure.NotRunning, $"container {name} does not run");
        var session = new AttachSession(reactor, shim, container);
        try
        {
            await session.OpenAsync(request, manifest);
            return session;
        }
        catch (Exception error)
        {
            await session.DisposeAsync();
            if (error is LinuxException { Errno: Errno.ENOENT } or ShimGoneException)
                throw new PodRuntimeException(RuntimeFailure.NotRunning, $"container {name} does not run", 0, error);
            if (error is LinuxException failed)
                throw new PodRuntimeException(RuntimeFailure.RunContainerError, $"container {name}: attach: {failed.Message}", failed.Errno, error);
            throw;
        }
    }

    /// <summary>Disposing lets go of the container, which runs on.</summary>
    private sealed class AttachSession(ShimReactor reactor, PodShim shim, LiveContainer container) : IExecSession
    {
        private readonly uint _slot = container.Record.Slot;
        private readonly List<uint> _tees = [];
        private ShimSlotFds? _fds;

        public Stream? Stdin { get; private set; }

        public Stream Stdout { get; private set; } = Stream.Null;

        public Stream? Stderr { get; private set; }

        public Task<int> ExitCode { get; } = ExitCodeOf(container);

        public async Task OpenAsync(AttachRequest request, Container manifest)
        {
            bool tty = manifest.Tty == true;
            // Whoever has the writing end of the input holds up its end, so nobody gets it who does not need it.
            _fds = await shim.GetFdsAsync(_slot, request.Stdin ? ShimFds.Stdin | ShimFds.Terminal : ShimFds.Terminal);
            if (request.Stdout) Stdout = await TeeAsync(ShimStreams.Stdout);
            if (!tty) Stderr = request.Stderr ? await TeeAsync(ShimStreams.Stderr) : Stream.Null;
            if (!request.Stdin || (_fds.Terminal ?? _fds.Stdin) is not { } input) return;
            // A terminal's end of input is a key, and the terminal is needed for output too.
            bool once = manifest.StdinOnce == true && !tty;
            Stdin = new AttachedInput(new FdStream(reactor, Pipes.Duplicate(input), writes: true), once ? CloseStdinAsync : null);
        }

        public void Resize(int columns, int rows)
        {
            if (_fds?.Terminal is { IsClosed: false } terminal) Pipes.SetTerminalSize(terminal, columns, rows);
        }

        public async ValueTask DisposeAsync()
        {
            try
            {
                foreach (uint tee in _tees) await shim.RemoveTeeAsync(_slot, tee);
            }
            catch (Exception error) when (error is ShimGoneException or LinuxException)
            {
                // With the shim, or the slot, its tees are gone.
            }
            finally
            {
                if (Stdin is not null) await Stdin.DisposeAsync();
                await Stdout.DisposeAsync();
                if (Stderr is not null) await Stderr.DisposeAsync();
                _fds?.Dispose();
            }
        }

        private static async Task<int> ExitCodeOf(LiveContainer container)
        {
            await container.Ended;
            return container.Record.ExitCode;
        }

        /// <summary>One that has ended already gives its end.</summary>
        private async Task<Stream> TeeAsync(ShimStreams which)
        {
            (SafeFileHandle read, SafeFileHandle write) = Pipes.Create();
            try
            {
                // The shim has its own from here on; as long as we had it too, there would be no end of file.
                using (write)
                {
                    if (await shim.AddTeeAsync(_slot, write, which) is not { } tee)
                    {
                        read.Dispose();
                        return Stream.Null;
                    }
                    _tees.Add(tee);
                }
                return new FdStream(reactor, read, writes: false);
            }
            catch
            {
                read.Dispose();
                throw;
            }
        }

        /// <summary>stdinOnce: when the first who is attached has no more input, the container has none any more.</summary>
        private async Task CloseStdinAsync()
        {
            // Ours is another end of the same pipe.
            _fds?.Stdin?.Dispose();
            try
            {
                await shim.CloseStdinAsync(_slot);
            }
            catch (Exception error) when (error is ShimGoneException or LinuxException)
            {
                // It has ended meanwhile.
            }
        }
    }

    private sealed class AttachedInput(FdStream input, Func<Task>? ended) : Stream
    {
        private int _ended;

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => input.WriteAsync(buffer, cancellationToken);
        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => input.WriteAsync(buffer, offset, count, cancellationToken);
        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
        public override void Flush()
        {
        }

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("use WriteAsync");
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();

        public override async ValueTask DisposeAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                await input.DisposeAsync();
                if (ended is not null) await ended();
            }
            await base.DisposeAsync();
        }
    }
}
