using System.Text;
using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;

namespace NodeAgent.VmTests.Machine;

/// <summary>podagent in the machine, driven as a user does: systemctl, manifests by rename, podctl; and its API, to wait without asking again and again.</summary>
public sealed class GuestAgent(VirtualMachine machine) : IDisposable
{
    /// <summary>Debian's static busybox, loaded when the agent is installed.</summary>
    public const string Image = "localhost/busybox:1";

    /// <summary>How long to wait for a pod to get somewhere. Only there to end what hangs.</summary>
    public static readonly TimeSpan PodLimit = TimeSpan.FromMinutes(5);

    private AgentApi? _api;

    /// <summary>The agent's API. Watches that are open break when the agent restarts.</summary>
    public AgentApi Api => _api ??= new AgentApi(machine.ApiEndPoint, PodLimit);

    /// <summary>Installs the package of this clone, which starts it, by the script that the Vagrantfile uses too. Then loads <see cref="Image"/>.</summary>
    public async Task InstallAsync()
    {
        await machine.WaitAsync("mountpoint -q /mnt/payload", "the payload is mounted");
        await machine.OutputAsync("/mnt/payload/install.sh /mnt/payload/podagent.deb");
        await LoadImageAsync("/mnt/payload/busybox", Image);
    }

    public async Task<string> PodctlAsync(string arguments) => await machine.OutputAsync("podctl " + arguments);

    public async Task LoadImageAsync(string path, string name) => await PodctlAsync($"image load {path} --name {name}");

    public async Task ApplyAsync(string fileName, string yaml)
    {
        // The folder is watched: written elsewhere on the same file system, then renamed into it.
        string temporary = "/etc/." + fileName;
        (await machine.RunAsync($"cat >{temporary} && mv {temporary} /etc/podagent/{fileName}", input: Encoding.UTF8.GetBytes(yaml))).Checked();
    }

    public Task<JsonNode> WaitForRunningAsync(string pod) => Api.WaitForPodAsync(pod, p => p.Phase() == "Running" && p.IsReady(), "Running and ready");

    /// <summary>Takes the manifest of this name away and waits until its pod is gone.</summary>
    public async Task DeleteAsync(string name)
    {
        await machine.OutputAsync($"rm /etc/podagent/{name}.yaml");
        await Api.WaitForPodGoneAsync(name);
    }

    /// <summary>Every process of every pod: the shims and all that descends from them, as "pid start-time name", by pid.</summary>
    public async Task<string[]> PodProcessesAsync() => (await machine.OutputAsync(PodProcesses)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What pods hold now, by the agent's own ledger: one line each, sorted. Not while the agent runs.</summary>
    public async Task<string[]> LedgerAsync() =>
        [.. (await machine.RunAsync("podagent leaks")).Output.Split('\n')[..^1].Order(StringComparer.Ordinal)];

    /// <summary>The agent's own lines of this boot with priority error or worse.</summary>
    public async Task<string> JournalErrorsAsync() => await machine.OutputAsync("journalctl -b -q --no-pager -o cat -p err _SYSTEMD_UNIT=podagent.service");

    public void Dispose() => _api?.Dispose();

    /// <summary>A shell function's body: reads /proc once. The name of a process may hold blanks and parentheses; it ends at the last one.</summary>
    internal const string PodProcesses = """
        cat /proc/[0-9]*/stat 2>/dev/null | busybox awk '
          { match($0, /\(.*\)/); name[$1] = substr($0, RSTART + 1, RLENGTH - 2); split(substr($0, RSTART + RLENGTH + 1), field, " "); parent[$1] = field[2]; start[$1] = field[20] }
          END { for (pid in parent) for (p = pid; p in parent && p > 1; p = parent[p]) if (name[p] ~ /^podagent-shim/) { print pid, start[pid], name[pid]; break } }' | sort -n
        """;
}
