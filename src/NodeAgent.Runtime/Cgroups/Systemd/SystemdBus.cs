using System.Collections.Concurrent;
using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups.Systemd;

/// <summary>
/// The service manager over sd-bus. One thread owns the connection and sleeps until the bus or a caller has something for it; nothing is polled.
/// <code>
/// closed --first call--> open --call--> waiting for the answer --job's path--> waiting for JobRemoved --> done
///    ^                     '--connection lost: every waiting call fails--.
///    '--------------------------------------------------------------------'     the next call opens it again
/// </code>
/// The thread starts with the first call. A call that is given up (deadline, cancellation) is forgotten here; the manager may still do it.
/// </summary>
public sealed class SystemdBus : ISystemd
{
    private const string Manager = "org.freedesktop.systemd1";
    private const string ManagerPath = "/org/freedesktop/systemd1";
    private const string ManagerInterface = "org.freedesktop.systemd1.Manager";
    private const string PrivateSocket = "/run/systemd/private";
    private const string Jobs = $"type='signal',sender='{Manager}',path='{ManagerPath}',interface='{ManagerInterface}',member='JobRemoved'";

    private readonly TimeProvider _time;
    private readonly TimeSpan _deadline;
    private readonly ConcurrentQueue<Pending> _requests = new();
    private readonly Microsoft.Win32.SafeHandles.SafeFileHandle _wake = Epoll.CreateEventfd();
    private readonly Dictionary<ulong, Pending> _calls = [];
    private readonly Dictionary<string, Pending> _jobs = new(StringComparer.Ordinal);
    private readonly Lock _start = new();
    private Thread? _thread;
    private volatile bool _disposed;

    /// <param name="deadline">How long a call may take, its job included.</param>
    public SystemdBus(TimeProvider time, TimeSpan deadline)
    {
        _time = time;
        _deadline = deadline;
    }

    /// <summary>Whether systemd runs this machine, as sd_booted(3) tells.</summary>
    public static bool IsBooted => Directory.Exists("/run/systemd/system");

    /// <summary>The manager's version, which shows that it answers: <c>252.30-1~deb12u2</c>.</summary>
    public async Task<string> VersionAsync(CancellationToken cancellationToken)
    {
        BusCall call = new(Manager, ManagerPath, "org.freedesktop.DBus.Properties", "Get", ManagerInterface, "Version");
        BusMessage answer = await CallAsync(call, "its version", waitForJob: false, cancellationToken);
        return answer.Body is [string version, ..] ? version : "";
    }

    public Task StartScopeAsync(string unit, IReadOnlyList<BusProperty> properties, CancellationToken cancellationToken) => CallAsync(
        Call("StartTransientUnit", unit, "fail", properties, SdBus.NoUnits.Value), $"unit {unit}: start", waitForJob: true, cancellationToken);

    public Task SetPropertiesAsync(string unit, IReadOnlyList<BusProperty> properties, CancellationToken cancellationToken) => CallAsync(
        Call("SetUnitProperties", unit, true, properties), $"unit {unit}: set properties", waitForJob: false, cancellationToken);

    public async Task StopAsync(string unit, CancellationToken cancellationToken)
    {
        try
        {
            await CallAsync(Call("StopUnit", unit, "replace"), $"unit {unit}: stop", waitForJob: true, cancellationToken);
        }
        catch (SystemdException e) when (e.Name == SystemdException.NoSuchUnit)
        {
            // What is not there has stopped.
        }
    }

    public void Dispose()
    {
        lock (_start)
        {
            if (_disposed) return;
            _disposed = true;
        }
        Wake();
        _thread?.Join();
        _wake.Dispose();
    }

    private static BusCall Call(string member, params object[] arguments) => new(Manager, ManagerPath, ManagerInterface, member, arguments);

    private async Task<BusMessage> CallAsync(BusCall call, string what, bool waitForJob, CancellationToken cancellationToken)
    {
        Pending pending = new(call, what, waitForJob);
        lock (_start)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_thread is null)
            {
                _thread = new Thread(Run) { IsBackground = true, Name = "systemd" };
                _thread.Start();
            }
        }
        _requests.Enqueue(pending);
        Wake();
        try
        {
            return await pending.Answer.Task.WaitAsync(_deadline, _time, cancellationToken);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"systemd: {what}: no answer within {_deadline.TotalSeconds} s", e);
        }
        finally
        {
            // The thread drops what has been given up when it comes by.
            pending.Answer.TrySetCanceled(CancellationToken.None);
        }
    }

    private void Wake() => _ = FileContent.write((int)_wake.DangerousGetHandle(), BitConverter.GetBytes(1UL));

    private void Run()
    {
        using var epoll = Epoll.Create();
        LinuxException.Check(Epoll.Control(epoll, Epoll.EPOLL_CTL_ADD, _wake, Epoll.EPOLLIN, 0), "epoll_ctl", "wake");
        SdBus? bus = null;
        try
        {
            while (!_disposed)
            {
                try
                {
                    bus ??= _requests.IsEmpty ? null : Open(epoll);
                    if (bus is not null) Turn(bus, epoll);
                }
                catch (Exception e) when (e is LinuxException or DllNotFoundException or EntryPointNotFoundException)
                {
                    bus?.Dispose();
                    bus = null;
                    FailAll(e);
                }
                Sleep(epoll);
            }
        }
        finally
        {
            bus?.Dispose();
            FailAll(new ObjectDisposedException(nameof(SystemdBus)));
        }
    }

    /// <summary>The system bus; without one the manager's own socket, which only root may use.</summary>
    private static SdBus Open(Microsoft.Win32.SafeHandles.SafeFileHandle epoll)
    {
        SdBus bus;
        try
        {
            bus = SdBus.OpenSystem();
            // Answers come in order: who is asked to start a job after this cannot tell its end before the signal is ours.
            bus.Send(new BusCall("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", Jobs));
        }
        catch (LinuxException) when (File.Exists(PrivateSocket))
        {
            bus = SdBus.OpenPeer($"unix:path={PrivateSocket}");
        }
        using var descriptor = bus.Descriptor;
        LinuxException.Check(Epoll.Control(epoll, Epoll.EPOLL_CTL_ADD, descriptor, Epoll.EPOLLIN, 1), "epoll_ctl", "bus");
        return bus;
    }

    private void Turn(SdBus bus, Microsoft.Win32.SafeHandles.SafeFileHandle epoll)
    {
        while (_requests.TryDequeue(out Pending? request))
        {
            if (!request.Answer.Task.IsCompleted) _calls[bus.Send(request.Call)] = request;
        }
        while (bus.Process(out BusMessage? message))
        {
            if (message is not null) Take(message);
        }
        foreach ((ulong cookie, Pending call) in _calls)
        {
            if (call.Answer.Task.IsCompleted) _calls.Remove(cookie);
        }
        foreach ((string job, Pending call) in _jobs)
        {
            if (call.Answer.Task.IsCompleted) _jobs.Remove(job);
        }
        using var descriptor = bus.Descriptor;
        _ = Epoll.Control(epoll, Epoll.EPOLL_CTL_MOD, descriptor, bus.WantsWrite ? Epoll.EPOLLIN | Epoll.EPOLLOUT : Epoll.EPOLLIN, 1);
    }

    private void Take(BusMessage message)
    {
        if (message is { Kind: BusMessageKind.Signal, Member: "JobRemoved", Body: [uint, string path, string, string result, ..] })
        {
            if (!_jobs.Remove(path, out Pending? job)) return;
            if (result == "done") job.Answer.TrySetResult(message);
            else job.Fail(result, $"its job ended as {result}");
        }
        else if (_calls.Remove(message.ReplyTo, out Pending? call))
        {
            if (message.Kind == BusMessageKind.Error) call.Fail(message.ErrorName!, $"{message.ErrorText} ({message.ErrorName})");
            else if (call.WaitForJob && message.Body is [string job, ..]) _jobs[job] = call;
            else call.Answer.TrySetResult(message);
        }
    }

    private void Sleep(Microsoft.Win32.SafeHandles.SafeFileHandle epoll)
    {
        Span<Epoll.Event> events = stackalloc Epoll.Event[2];
        Span<byte> wakes = stackalloc byte[8];
        int count = Epoll.Wait(epoll, events);
        for (int i = 0; i < count; i++)
        {
            if (events[i].Data == 0) _ = FileContent.read((int)_wake.DangerousGetHandle(), wakes);
        }
    }

    private void FailAll(Exception error)
    {
        foreach (Pending pending in _calls.Values.Concat(_jobs.Values)) pending.Fail("", error.Message, error);
        _calls.Clear();
        _jobs.Clear();
        while (_requests.TryDequeue(out Pending? request)) request.Fail("", error.Message, error);
    }

    private sealed record Pending(BusCall Call, string What, bool WaitForJob)
    {
        public TaskCompletionSource<BusMessage> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Fail(string name, string message, Exception? inner = null) =>
            Answer.TrySetException(new SystemdException(name, $"systemd: {What}: {message}", inner));
    }
}
