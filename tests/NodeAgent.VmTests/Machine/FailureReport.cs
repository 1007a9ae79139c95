namespace NodeAgent.VmTests.Machine;

/// <summary>Brings home what tells why a test failed. What cannot be had is left out: the machine may be the thing that is broken.</summary>
internal static class FailureReport
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private static readonly (string File, string Script)[] Sources =
    [
        ("journal.txt", "journalctl --no-pager -o short-precise"),
        ("pods.txt", "podctl get pods -o wide; podctl get events; podctl get pods -o yaml"),
        ("units.txt", "systemctl --no-pager status podagent.service; systemctl --no-pager --failed; systemd-cgls --no-pager -l"),
        ("processes.txt", "busybox ps -o pid,ppid,user,stat,args; cat /proc/self/mountinfo; ip address; nft list ruleset"),
        ("coredumps.txt", "coredumpctl --no-pager list; coredumpctl --no-pager info"),
        ("files.tar", "tar -C / -cf - etc/podagent run/podagent/pods var/log/pods var/lib/systemd/coredump 2>/dev/null"),
    ];

    /// <returns>The folder with what was found.</returns>
    public static async Task<string> CollectAsync(VirtualMachine machine, string test)
    {
        string folder = Path.Combine(Repository.Artifacts, "vm-results", test);
        Directory.CreateDirectory(folder);
        File.Copy(machine.ConsoleLog, folder + "/console.log", overwrite: true);
        foreach ((string file, string script) in Sources)
        {
            try
            {
                GuestResult result = await machine.RunAsync(script, Limit);
                await File.WriteAllBytesAsync(Path.Combine(folder, file), result.Bytes);
            }
            catch (Exception unreachable) when (unreachable is GuestUnreachableException or TimeoutException or InvalidOperationException)
            {
                await File.WriteAllTextAsync(Path.Combine(folder, file + ".missing"), unreachable.Message);
            }
        }

        return folder;
    }
}
