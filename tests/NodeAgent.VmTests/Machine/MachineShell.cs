using System.Diagnostics;

namespace NodeAgent.VmTests.Machine;

/// <summary>What <c>make vm</c> starts: the machine as tests find it, and its serial console on this terminal.</summary>
internal static class MachineShell
{
    private const char Escape = (char)0x1d;

    /// <param name="arguments">None, or -c SCRIPT to run a script instead of a terminal.</param>
    /// <returns>0, or the script's exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments)
    {
        await using var machines = new TestMachines();
        Console.Error.WriteLine("starting the machine and installing podagent; under software emulation that takes half a minute or more");
        VirtualMachine machine = await machines.RestoreAsync(Snapshot.Installed);
        if (arguments is ["-c", var script])
        {
            GuestResult result = await machine.RunAsync(script, TimeSpan.FromHours(1));
            await Console.OpenStandardOutput().WriteAsync(result.Bytes);
            return result.ExitCode;
        }

        await machine.OutputAsync("systemctl start serial-getty@ttyS0.service");
        Console.Error.WriteLine($"/mnt/payload/busybox is loaded as {GuestAgent.Image}; manifests go to /etc/podagent. Ctrl-] leaves and switches the machine off.");
        using Process terminal = Process.Start("socat", [$"STDIO,raw,echo=0,escape=0x{(int)Escape:x}", "UNIX-CONNECT:" + machine.ConsoleSocket]);
        await terminal.WaitForExitAsync();
        return 0;
    }
}
