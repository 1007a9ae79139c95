using System.IO.Pipelines;
using System.Threading.Channels;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;

namespace NodeAgent.UnitTests.Api;

/// <summary>A runtime that can do nothing but run commands, each of which is a function over streams.</summary>
public sealed class CommandRuntime : IPodRuntime
{
    public Func<ExecRequest, CommandSession> OnExec { get; set; } = request => throw new PodRuntimeException(RuntimeFailure.NotFound, $"container {request.Container}: not found");

    public ChannelReader<RuntimeEvent> Events { get; } = Channel.CreateUnbounded<RuntimeEvent>().Reader;

    public Task<IExecSession> ExecAsync(ExecRequest request, CancellationToken cancellationToken) => Task.FromResult<IExecSession>(OnExec(request));

    public Func<AttachRequest, CommandSession> OnAttach { get; set; } = request => throw new PodRuntimeException(RuntimeFailure.NotRunning, $"container {request.Container} does not run");

    public Task<IExecSession> AttachAsync(AttachRequest request, CancellationToken cancellationToken) => Task.FromResult<IExecSession>(OnAttach(request));

    public ValueTask<RuntimeStatus> StatusAsync(CancellationToken cancellationToken) => ValueTask.FromResult(new RuntimeStatus(true, "", []));
    public Task<PodSandbox> RunPodSandboxAsync(PodSandboxConfig config, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task StopPodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task RemovePodSandboxAsync(PodSandboxId id, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task<ContainerId> CreateContainerAsync(ContainerConfig config, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task StartContainerAsync(ContainerId id, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task StopContainerAsync(ContainerId id, TimeSpan grace, string? signal, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task RemoveContainerAsync(ContainerId id, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task<IReadOnlyList<PodRuntimeState>> ListPodsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task<PodRuntimeState?> PodStatusAsync(PodUid uid, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task UpdateContainerResourcesAsync(ContainerId id, ResourceRequirements? resources, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task UpdatePodSandboxResourcesAsync(PodSandboxId id, Pod pod, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Func<int, Task<IPodConnection>> OnConnect { get; set; } = port => throw new PodRuntimeException(RuntimeFailure.ConnectionFailed, $"connect to 127.0.0.1:{port}: connection refused");

    public Task<IPodConnection> ConnectAsync(PodUid uid, int port, CancellationToken cancellationToken) => OnConnect(port);

    public Task ReopenContainerLogAsync(ContainerId id, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task RemovePodLogsAsync(string @namespace, string name, PodUid uid, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task RemovePodVolumesAsync(PodUid uid, CancellationToken cancellationToken) => throw new NotSupportedException();
    public Task RemoveOrphanVolumesAsync(IReadOnlySet<PodUid> wanted, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>What a command sees: its input, its outputs, its window, and whether it was killed.</summary>
public sealed class CommandSession : IExecSession
{
    private readonly Pipe _stdin = new();
    private readonly Pipe _stdout = new();
    private readonly Pipe _stderr = new();
    private readonly CancellationTokenSource _killed = new();

    public CommandSession(ExecRequest request, Func<CommandSession, Task<int>> body)
    {
        Request = request;
        Stdin = request.Stdin ? _stdin.Writer.AsStream() : null;
        Stdout = _stdout.Reader.AsStream();
        Stderr = request.Tty ? null : _stderr.Reader.AsStream();
        if (!request.Stdin) _stdin.Writer.Complete();
        ExitCode = RunAsync(body);
    }

    public ExecRequest Request { get; }
    public Stream? Stdin { get; }
    public Stream Stdout { get; }
    public Stream? Stderr { get; }
    public Task<int> ExitCode { get; }
    public Channel<(int Columns, int Rows)> Sizes { get; } = Channel.CreateUnbounded<(int, int)>();
    public TaskCompletionSource Disposed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The command's ends.</summary>
    public Stream In => _stdin.Reader.AsStream();
    public Stream Out => _stdout.Writer.AsStream(leaveOpen: true);
    public Stream Err => _stderr.Writer.AsStream(leaveOpen: true);
    public CancellationToken Killed => _killed.Token;

    public void Resize(int columns, int rows) => Sizes.Writer.TryWrite((columns, rows));

    public async ValueTask DisposeAsync()
    {
        await _killed.CancelAsync();
        Disposed.TrySetResult();
    }

    private async Task<int> RunAsync(Func<CommandSession, Task<int>> body)
    {
        await Task.Yield();
        int code = 137;
        try
        {
            code = await body(this);
        }
        catch (OperationCanceledException)
        {
            // Killed.
        }
        await _stdout.Writer.CompleteAsync();
        await _stderr.Writer.CompleteAsync();
        return code;
    }
}
