using System.Globalization;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>
/// What a command in a running container costs with others. Both run without cgroups of their own, which can only make them quicker; what they start is counted
/// by a cgroup around all of it, for some of it has other parents in the end.
/// </summary>
internal sealed class ExecPeers(string bundle)
{
    private const int Rounds = 40;
    private const string Crun = "crun --cgroup-manager=disabled";

    private readonly string _id = "bench-exec-" + Environment.ProcessId;

    /// <returns>Milliseconds of processor time for one.</returns>
    public async Task<double> CrunAsync()
    {
        await ShellAsync($"{Crun} run --detach --bundle {bundle} {_id} >/dev/null 2>&1 </dev/null");
        try
        {
            return await MeasureAsync($"{Crun} exec {_id} /server");
        }
        finally
        {
            await ShellAsync($"{Crun} delete --force {_id}");
        }
    }

    /// <returns>Milliseconds of processor time for one.</returns>
    public async Task<double> PodmanAsync()
    {
        string podman = $"podman --root {bundle}/podman --runroot {bundle}/podman-run --storage-driver vfs --cgroup-manager cgroupfs --runtime crun";
        await ShellAsync(
            $"{podman} run --detach --name {_id} --cgroups=disabled --network none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 "
            + $"--rootfs {bundle}/rootfs /server 8001 /dev/null >/dev/null </dev/null");
        try
        {
            return await MeasureAsync($"{podman} exec {_id} /server");
        }
        finally
        {
            await ShellAsync($"{podman} rm --force --time 0 {_id} >/dev/null");
        }
    }

    /// <summary>cpu.stat counts in every cgroup of v2, whether or not it has the controller.</summary>
    private async Task<double> MeasureAsync(string command)
    {
        string cgroup = "/sys/fs/cgroup/podagent-" + _id;
        string used = await ShellAsync($$"""
            mkdir {{cgroup}}
            (echo $BASHPID > {{cgroup}}/cgroup.procs; for i in $(seq {{Rounds}}); do {{command}} </dev/null >/dev/null || exit 1; done) || exit 1
            sed -n 's/^usage_usec //p' {{cgroup}}/cpu.stat
            until rmdir {{cgroup}} 2>/dev/null; do echo 1 > {{cgroup}}/cgroup.kill; done
            """);
        return double.Parse(used, CultureInfo.InvariantCulture) / 1000 / Rounds;
    }

    private static async Task<string> ShellAsync(string script) => (await CommandResult.RunAsync("bash", ["-c", script])).Checked().Output;
}
