using Microsoft.Win32.SafeHandles;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Resources;
using NodeAgent.Linux;
using NodeAgent.Runtime.Bundle;
using NodeAgent.Runtime.Cgroups;
using NodeAgent.Runtime.Records;
using NodeAgent.Runtime.Security;
using NodeAgent.Runtime.ShimClient;
using NodeAgent.Runtime.State;
using NodeAgent.Shim;

namespace NodeAgent.Runtime.Containers;

/// <summary>
/// Runs a container's process.
///  1. bundle: root, user, variables, volumes as detached mounts, the program. A failure is the manifest's or the image's: nothing has happened, the run stays
///     Created and can be tried again
///  2. record: phase Starting, with the slot
///  3. cgroup                                  undo: rmdir, record back to Created
///  4. log file                                stays
///  5. START: the shim forks, the child plays the program, execve
///       a failed step is the run's end: Exited, 128, StartError
///  6. record: phase Running, with pid and start time
/// </summary>
internal sealed class ContainerStarter(RuntimeNode node, ContainerExits exits, ContainerStopper stopper, OomWatch oom)
{
    private const UnixFileMode FolderMode = (UnixFileMode)0x1ed; // 0755
    private const uint LogMode = 0x1a0; // 0640

    public async Task StartAsync(LiveContainer container)
    {
        LiveSandbox sandbox = container.Sandbox;
        if (!sandbox.IsReady || sandbox.Shim is not { } shim) throw await FailAsync(container, "its sandbox is not ready");
        Container manifest = RuntimeNode.SpecOf(container) ?? throw await FailAsync(container, "the pod's record does not have it");

        using ContainerBundle bundle = Prepare(container, manifest);
        node.Options.Pass("ContainerStart.AfterBundle");

        string cgroupPath = PodCgroups.ContainerPath(sandbox.Cgroup, container.Id);
        if (!container.Begin(sandbox.NextSlot())) return;
        ShimOutcome outcome;
        try
        {
            node.Options.Pass("ContainerStart.AfterRecord");
            node.Cgroups.CreateContainer(sandbox.Cgroup, container.Id, sandbox.Pod.Pod, container.Record.Resources);
            node.Options.Pass("ContainerStart.AfterCgroup");
            using SafeFileHandle cgroup = Cgroupfs.OpenFolder(cgroupPath);
            FilterDevices(cgroup, bundle.Spec);
            using SafeFileHandle log = OpenLog(container.Record.LogPath);
            using SafeFileHandle? pidNamespace = OpenPidNamespace(sandbox, bundle.Spec);
            outcome = await shim.StartAsync(new ShimStart
            {
                Slot = container.Record.Slot,
                Program = bundle.Program,
                ProgramFds = bundle.ProgramFds,
                CloneFlags = ContainerProgram.CloneFlags(bundle.Spec),
                Cgroup = cgroup,
                PidNamespace = pidNamespace,
                Log = log,
                Stdio = bundle.Spec.Process.Tty ? ShimStdio.Terminal : ShimStdio.LogPipes,
                Flags = bundle.Spec.Process.Stdin ? ShimStartFlags.OpenStdin : ShimStartFlags.None,
            });
        }
        catch (ShimGoneException)
        {
            throw await FailAsync(container, "its sandbox died during the start");
        }
        catch (Exception e)
        {
            await node.Cgroups.RemoveAsync(cgroupPath, node.Options.KillDeadline, node.Time);
            container.Revert();
            throw Wrap(container, RuntimeFailure.CreateContainerError, e);
        }

        LogTolerated(container, bundle, outcome);
        if (!outcome.Succeeded) throw await FailAsync(container, Describe(bundle, outcome), outcome.Errno);
        await RunningAsync(container, outcome.Pid, node.Now);
    }

    // Without the filter a container that can make nodes could make the host's disk: it has to do without one or the other.
    private static void FilterDevices(SafeFileHandle cgroup, ContainerSpec spec)
    {
        if (spec.Privileged) return;
        int errno = DeviceFilter.Attach(cgroup, spec.Devices);
        bool makesNodes = (spec.Process.Capabilities.Bounding >> Linux.Capabilities.CAP_MKNOD & 1) != 0;
        if (errno != 0 && makesNodes) throw new LinuxException("bpf", "the device filter of its cgroup, which a container with CAP_MKNOD needs", errno);
    }

    private ContainerBundle Prepare(LiveContainer container, Container manifest)
    {
        try
        {
            return ContainerBundle.Open(node, container, manifest);
        }
        catch (Exception e) when (e is LinuxException or IOException or NotSupportedException or UnauthorizedAccessException)
        {
            throw Wrap(container, RuntimeFailure.CreateContainerError, e);
        }
    }

    /// <summary>From the shim's answer on: also how a recovered start goes on.</summary>
    public async Task RunningAsync(LiveContainer container, int pid, DateTimeOffset startedAt)
    {
        // A process that has ended already keeps its stat file until the shim has reaped it, which may be now.
        ProcessIdentity process = Procfs.Identify(pid, node.Paths.Proc) ?? new ProcessIdentity(pid, 0);
        ProcessEnd? early = container.Started(process, startedAt);
        node.Options.Pass("ContainerStart.AfterStart");
        node.Tell(container.Sandbox.Pod.Uid, RuntimeEventKind.ContainerStarted, container.Id);
        if (early is { } end) await exits.HandleAsync(container, end);
        else await stopper.SignalIfStoppingAsync(container);
        oom.Follow(container);
    }

    /// <summary>Ends the run before it began; the error is for the caller to throw.</summary>
    private async Task<PodRuntimeException> FailAsync(LiveContainer container, string why, int errno = 0)
    {
        container.FailStart(node.Now, why);
        await exits.ReleaseAsync(container);
        return new PodRuntimeException(RuntimeFailure.RunContainerError, $"container {Name(container)}: {why}", errno);
    }

    private static string Describe(ContainerBundle bundle, ShimOutcome outcome) => outcome.OpIndex == (int)ShimStep.Died
        ? outcome.Describe(bundle.Program)
        : ExecSearch.Describe(
            bundle.Program, bundle.Spec.Process.Argv[0], outcome.OpIndex, outcome.Errno, outcome.Tolerated.Select(error => (error.OpIndex, error.Errno)));

    private void LogTolerated(LiveContainer container, ContainerBundle bundle, ShimOutcome outcome)
    {
        foreach (ShimTolerated error in outcome.Tolerated)
        {
            string step = bundle.Program.NameOf(error.OpIndex);
            // Searching a command along PATH is nothing to tell of.
            if (step.StartsWith("execve ", StringComparison.Ordinal)) continue;
            RuntimeLog.Tolerated(node.Logger, container.Sandbox.Pod.Name, container.Record.Name, container.Id.Value, step, Errno.Name(error.Errno));
        }
    }

    internal static SafeFileHandle OpenLog(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, FolderMode);
        const int O_APPEND = 0x400;
        return new SafeFileHandle(
            Openat2.OpenPath(path, Openat2.O_WRONLY | Openat2.O_CREAT | O_APPEND | Openat2.O_CLOEXEC, LogMode), ownsHandle: true);
    }

    private SafeFileHandle? OpenPidNamespace(LiveSandbox sandbox, ContainerSpec spec)
    {
        if (spec.PidNamespace != PidNamespaceMode.Pod) return null;
        return new SafeFileHandle(
            Openat2.OpenPath($"{node.Paths.Proc}/{sandbox.PausePid}/ns/pid", Openat2.O_RDONLY | Openat2.O_CLOEXEC), ownsHandle: true);
    }

    private static PodRuntimeException Wrap(LiveContainer container, RuntimeFailure failure, Exception e) =>
        e as PodRuntimeException ?? new PodRuntimeException(failure, $"container {Name(container)}: {e.Message}", (e as LinuxException)?.Errno ?? 0, e);

    private static string Name(LiveContainer container) => $"{container.Sandbox.Pod.Name}/{container.Record.Name}";
}
