using System.Collections.Concurrent;
using System.Security.Authentication;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;
using NodeAgent.Pods.Probing;

namespace NodeAgent.Pods.Hooks;

/// <summary>
/// Runs the hooks of containers: <c>postStart</c> as a part of the start, <c>preStop</c> before the stop signal and within the grace.
///
/// A preStop hook is run once for a run of a container. When its kill is interrupted and planned again with a shorter grace, the hook goes on and the new kill
/// waits for the same one:
/// <code>
///   (none) --first kill--> running --it ends, or the grace does--> waited for --the container is dead--> forgotten, ended if it still runs
///                             ^--another kill, shorter grace--'
/// </code>
/// An agent that restarts in between knows nothing of it and runs the hook again.
/// </summary>
public sealed class LifecycleHooks(IPodRuntime runtime, EventStore events, PodSurroundings surroundings, SteadyClock clock)
{
    private const string UserAgent = "kube-lifecycle/1.36";

    private readonly ConcurrentDictionary<ContainerId, PreStop> _running = new();
    private readonly HttpProbe _http = new(clock);

    /// <summary>Returns when the hook is done. Throws <see cref="HookException"/>.</summary>
    public async Task PostStartAsync(PodUid uid, Pod pod, Container container, ContainerId run, CancellationToken cancellationToken)
    {
        if (container.Lifecycle?.PostStart is not { } hook)
            return;
        try
        {
            await RunAsync(hook, uid, pod, container, run, cancellationToken);
        }
        catch (HookException e)
        {
            events.Record(pod, EventType.Warning, PodEvents.FailedPostStartHook, $"PostStartHook failed: {e.Message}", container.Name);
            throw;
        }
    }

    /// <summary>Runs the hook, or waits for the one that runs, no longer than the grace. What is left of the grace is the answer, at least the minimum.</summary>
    /// <param name="container">Null when the manifest has it no longer: then there is no hook.</param>
    public async Task<TimeSpan> PreStopAsync(
        PodUid uid, Pod pod, Container? container, ContainerId run, TimeSpan grace, TimeSpan minimum, CancellationToken cancellationToken)
    {
        if (container?.Lifecycle?.PreStop is not { } hook || grace <= TimeSpan.Zero)
            return grace;
        DateTimeOffset deadline = clock.Now + grace;
        PreStop running = _running.GetOrAdd(run, _ => new PreStop());
        try
        {
            await running.Start(stop => RunToEndAsync(hook, uid, pod, container, run, stop)).WaitAsync(grace, clock.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            events.Record(
                pod, EventType.Warning, PodEvents.FailedPreStopHook, $"PreStopHook not completed in grace period of {grace.TotalSeconds:0.###} s", container.Name);
        }
        TimeSpan left = deadline - clock.Now;
        return left > minimum ? left : minimum;
    }

    /// <summary>The container is dead.</summary>
    public void Forget(ContainerId run)
    {
        if (_running.TryRemove(run, out PreStop? over))
            over.Dispose();
    }

    private async Task RunToEndAsync(LifecycleHandler hook, PodUid uid, Pod pod, Container container, ContainerId run, CancellationToken stop)
    {
        try
        {
            await RunAsync(hook, uid, pod, container, run, stop);
        }
        catch (HookException e)
        {
            events.Record(pod, EventType.Warning, PodEvents.FailedPreStopHook, $"PreStopHook failed: {e.Message}", container.Name);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Its container is dead.
        }
    }

    private async Task RunAsync(LifecycleHandler hook, PodUid uid, Pod pod, Container container, ContainerId run, CancellationToken cancellationToken)
    {
        try
        {
            if (hook.Exec is { } exec)
                await ExecAsync(exec, run, cancellationToken);
            else if (hook.HttpGet is { } http)
                await HttpAsync(http, uid, pod, container, run, cancellationToken);
            else if (hook.Sleep is { Seconds: > 0 and var seconds })
                await Task.Delay(TimeSpan.FromSeconds(seconds), clock.Time, cancellationToken);
        }
        catch (Exception e) when (e is PodRuntimeException or IOException or InvalidDataException or AuthenticationException)
        {
            throw new HookException(e.Message, e);
        }
    }

    private async Task ExecAsync(ExecAction exec, ContainerId run, CancellationToken cancellationToken)
    {
        (int exitCode, string output) = await ContainerCommand.RunAsync(runtime, run, exec.Command ?? [], cancellationToken);
        if (exitCode != 0)
            throw new HookException($"command '{string.Join(' ', exec.Command ?? [])}' exited with {exitCode}: {ContainerCommand.Beginning(output)}".TrimEnd(' ', ':'));
    }

    /// <summary>That the server answers is what counts; what it answers does not.</summary>
    private async Task HttpAsync(HttpGetAction http, PodUid uid, Pod pod, Container container, ContainerId run, CancellationToken cancellationToken)
    {
        int port = ProbePort.Find(http.Port, container) ?? throw new HookException($"the container has no port '{http.Port?.ToString()}'");
        PodRuntimeState? state = await runtime.PodStatusAsync(uid, cancellationToken);
        PodSandboxId? sandbox = state?.Containers.FirstOrDefault(candidate => candidate.Id == run)?.Sandbox;
        var address = PodAddress.Of(runtime, uid, pod, state?.Sandboxes.FirstOrDefault(candidate => candidate.Id == sandbox), surroundings);
        await _http.GetAsync(http, port, address, UserAgent, cancellationToken);
    }

    private sealed class PreStop : IDisposable
    {
        private readonly Lock _gate = new();
        private readonly CancellationTokenSource _stop = new();
        private Task? _task;

        public Task Start(Func<CancellationToken, Task> hook)
        {
            lock (_gate)
                return _task ??= hook(_stop.Token);
        }

        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }
    }
}
