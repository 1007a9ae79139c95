using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Linux.Shim;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Containers;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.Exec;

/// <summary>
/// Runs a command beside a container's process: in its namespaces and cgroup, with its user, rights and variables. Data never crosses the shim: the command
/// gets our pipes, or we get the master of its terminal.
/// </summary>
internal sealed class ExecStarter(RuntimeNode node, ShimReactor reactor)
{
    public async Task<IExecSession> StartAsync(LiveContainer container, ExecRequest request)
    {
        string name = $"{container.Sandbox.Pod.Name}/{container.Record.Name}";
        ContainerRecord record = container.Record;
        if (record.Phase != ContainerPhase.Running || container.Sandbox.Shim is not { } shim
            || RuntimeNode.SpecOf(container) is not { } manifest)
            throw new PodRuntimeException(RuntimeFailure.NotRunning, $"container {name} does not run");
        if (request.Command.Count == 0) throw new PodRuntimeException(RuntimeFailure.CreateContainerError, $"container {name}: exec without a command");
        using SafeFileHandle? pidfd = Pidfd.Open(record.Process.Pid);
        // Opened first and looked at then: if the pid still is the recorded process, the descriptor is its.
        if (pidfd is null || !record.Process.IsAlive(node.Paths.Proc))
            throw new PodRuntimeException(RuntimeFailure.NotRunning, $"container {name} does not run");
        try
        {
            SyscallProgram program = BuildProgram(container, manifest, request);
            return request.Tty
                ? await StartWithTerminalAsync(container, shim, pidfd, program, request)
                : await StartWithPipesAsync(container, shim, pidfd, program, request);
        }
        catch (Exception e) when (e is LinuxException or ShimGoneException)
        {
            throw new PodRuntimeException(RuntimeFailure.RunContainerError, $"container {name}: exec: {e.Message}", (e as LinuxException)?.Errno ?? 0, e);
        }
    }

    private SyscallProgram BuildProgram(LiveContainer container, Container manifest, ExecRequest request)
    {
        using SafeFileHandle root = new(
            Openat2.OpenPath($"{node.Paths.Proc}/{container.Record.Process.Pid}/root", Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC),
            ownsHandle: true);
        ProcessPlan plan = ProcessPlan.Of(node, container, manifest with { Tty = request.Tty }, root);
        int score = OomScore.ForContainer(container.Sandbox.Pod.Pod, manifest, node.MemoryBytes);
        return ExecProgram.Build(
            container.Record.Name, plan.Process with { Argv = request.Command, Tty = request.Tty, Stdin = request.Stdin }, score);
    }

    private async Task<IExecSession> StartWithPipesAsync(
        LiveContainer container, PodShim shim, SafeFileHandle pidfd, SyscallProgram program, ExecRequest request)
    {
        var (outRead, outWrite) = Pipes.Create();
        var (errRead, errWrite) = Pipes.Create();
        (SafeFileHandle Read, SafeFileHandle Write)? input = request.Stdin ? Pipes.Create() : null;
        try
        {
            (uint slot, Task<int> exitCode) = await RunAsync(container, shim, pidfd, program, request, new ShimStart
            {
                Slot = 0,
                Program = program,
                Stdio = ShimStdio.Passed,
                Stdin = input?.Read,
                Stdout = outWrite,
                Stderr = errWrite,
            });
            _ = ForgetAfterAsync(container.Sandbox, slot, exitCode);
            return new ExecSession(
                shim, slot, exitCode,
                input is { } stdin ? new FdStream(reactor, stdin.Write, writes: true) : null,
                new FdStream(reactor, outRead, writes: false), new FdStream(reactor, errRead, writes: false), null);
        }
        catch
        {
            outRead.Dispose();
            errRead.Dispose();
            input?.Write.Dispose();
            throw;
        }
        finally
        {
            // The command has them; as long as we had them too, there would be no end of file.
            outWrite.Dispose();
            errWrite.Dispose();
            input?.Read.Dispose();
        }
    }

    private async Task<IExecSession> StartWithTerminalAsync(
        LiveContainer container, PodShim shim, SafeFileHandle pidfd, SyscallProgram program, ExecRequest request)
    {
        (uint slot, Task<int> exitCode) = await RunAsync(
            container, shim, pidfd, program, request, new ShimStart { Slot = 0, Program = program, Stdio = ShimStdio.Terminal });
        ShimSlotFds fds = await shim.GetFdsAsync(slot, ShimFds.Terminal);
        _ = ForgetAfterAsync(container.Sandbox, slot, exitCode);
        SafeFileHandle master = fds.Terminal ?? throw new PodRuntimeException(
            RuntimeFailure.RunContainerError, $"container {container.Sandbox.Pod.Name}/{container.Record.Name}: exec: the command's terminal was lost");
        return new ExecSession(
            shim, slot, exitCode, request.Stdin ? new FdStream(reactor, Pipes.Duplicate(master), writes: true) : null,
            new FdStream(reactor, Pipes.Duplicate(master), writes: false), null, master);
    }

    private async Task<(uint Slot, Task<int> ExitCode)> RunAsync(
        LiveContainer container, PodShim shim, SafeFileHandle pidfd, SyscallProgram program, ExecRequest request, ShimStart start)
    {
        LiveSandbox sandbox = container.Sandbox;
        uint slot = sandbox.NextSlot();
        TaskCompletionSource<int> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        sandbox.Execs[slot] = ended;
        try
        {
            using SafeFileHandle cgroup = Cgroupfs.OpenFolder(PodCgroups.ContainerPath(sandbox.Cgroup, container.Id));
            using SafeFileHandle? pidNamespace = OpenPidNamespace(container);
            ShimOutcome outcome = await shim.StartAsync(start with
            {
                Slot = slot,
                ProgramFds = [pidfd],
                CloneFlags = ExecProgram.CloneFlags,
                Flags = ShimStartFlags.NoExitRecord,
                Cgroup = cgroup,
                PidNamespace = pidNamespace,
            });
            if (outcome.Succeeded) return (slot, ended.Task);
            string why = outcome.OpIndex == (int)ShimStep.Died ? outcome.Describe(program) : ExecSearch.Describe(
                program, request.Command[0], outcome.OpIndex, outcome.Errno, outcome.Tolerated.Select(error => (error.OpIndex, error.Errno)));
            throw new PodRuntimeException(
                RuntimeFailure.RunContainerError, $"container {sandbox.Pod.Name}/{container.Record.Name}: {why}", outcome.Errno);
        }
        catch
        {
            sandbox.Execs.TryRemove(slot, out _);
            throw;
        }
    }

    /// <summary>Not before its terminal has been fetched: with the slot the shim's descriptor of it goes, and a quick command has ended by then.</summary>
    private static async Task ForgetAfterAsync(LiveSandbox sandbox, uint slot, Task<int> exitCode)
    {
        await exitCode;
        await ContainerExits.ForgetAsync(sandbox, slot);
    }

    /// <summary>Null when the container lives in the host's, which is the shim's own.</summary>
    private SafeFileHandle? OpenPidNamespace(LiveContainer container) => container.Sandbox.Pod.Pod.Spec?.HostPID == true
        ? null
        : new SafeFileHandle(
            Openat2.OpenPath($"{node.Paths.Proc}/{container.Record.Process.Pid}/ns/pid", Openat2.O_RDONLY | Openat2.O_CLOEXEC), ownsHandle: true);
}
