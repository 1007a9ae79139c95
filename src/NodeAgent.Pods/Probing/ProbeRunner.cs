using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;

namespace NodeAgent.Pods.Probing;

/// <summary>Makes one probe, within its time.</summary>
public sealed class ProbeRunner(IPodRuntime runtime, SteadyClock clock)
{
    private readonly HttpProbe _http = new(clock);

    private const int MostErrors = 3;

    /// <summary>
    /// A probe that cannot be made at all is tried <see cref="MostErrors"/> times; one that was made and failed is not.
    /// </summary>
    /// <param name="stopping">Cancelled when nobody wants the result any more; the only way in which this throws.</param>
    public async Task<ProbeOutcome> RunAsync(DueProbe due, PodAddress pod, CancellationToken stopping)
    {
        for (int attempt = 1; ; attempt++)
        {
            ProbeOutcome outcome = await TryAsync(due, pod, stopping);
            if (outcome.Result != ProbeResult.Error || attempt == MostErrors)
                return outcome;
        }
    }

    private async Task<ProbeOutcome> TryAsync(DueProbe due, PodAddress pod, CancellationToken stopping)
    {
        TimeSpan timeout = TimeSpan.FromSeconds(due.Probe.TimeoutSeconds ?? 1);
        using CancellationTokenSource alarm = new(timeout, clock.Time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(alarm.Token, stopping);
        try
        {
            return await (due.Probe switch
            {
                { HttpGet: { } http } when ProbePort.Find(http.Port, due.Container) is { } port => _http.RunAsync(http, port, pod, limit.Token),
                { HttpGet: { } http } => NoPort(http.Port),
                { TcpSocket: { } tcp } when ProbePort.Find(tcp.Port, due.Container) is { } port => TcpAsync(tcp, port, pod, limit.Token),
                { TcpSocket: { } tcp } => NoPort(tcp.Port),
                { Grpc: { } grpc } => GrpcProbe.RunAsync(grpc, pod, limit.Token),
                { Exec: { } exec } => ExecAsync(due.Run, exec, limit.Token),
                _ => Task.FromResult(new ProbeOutcome(ProbeResult.Error, "it has no handler")),
            });
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException e)
        {
            string what = due.Probe.Exec is { } exec ? $"command timed out: \"{string.Join(' ', exec.Command ?? [])}\"" : $"{e.Message}: no answer";
            return ProbeOutcome.Failure($"{what} within {timeout.TotalSeconds} s");
        }
        catch (Exception e)
        {
            // Whatever it is, it says nothing of the container; its event tells.
            return new ProbeOutcome(ProbeResult.Error, e.Message);
        }
    }

    private static Task<ProbeOutcome> NoPort(IntOrString? port) =>
        Task.FromResult(new ProbeOutcome(ProbeResult.Error, $"the container has no port '{port?.ToString()}'"));

    private static async Task<ProbeOutcome> TcpAsync(TcpSocketAction tcp, int port, PodAddress pod, CancellationToken cancellationToken)
    {
        string server = $"{(string.IsNullOrEmpty(tcp.Host) ? pod.Name : tcp.Host)}:{port}";
        try
        {
            await (await pod.ConnectAsync(tcp.Host, port, cancellationToken)).DisposeAsync();
            return ProbeOutcome.Success;
        }
        catch (IOException e)
        {
            return ProbeOutcome.Failure($"dial tcp {server}: {e.Message}");
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException($"dial tcp {server}", e, cancellationToken);
        }
    }

    private async Task<ProbeOutcome> ExecAsync(ContainerId run, ExecAction exec, CancellationToken cancellationToken)
    {
        (int exitCode, string output) = await ContainerCommand.RunAsync(runtime, run, exec.Command ?? [], cancellationToken);
        if (exitCode == 0)
            return ProbeOutcome.Success;
        return ProbeOutcome.Failure(ContainerCommand.Beginning(output) is { Length: > 0 } said ? said : $"command exited with {exitCode}");
    }
}
