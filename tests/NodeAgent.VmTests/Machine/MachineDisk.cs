using NodeAgent.Testing.Agent;

namespace NodeAgent.VmTests.Machine;

/// <summary>The root disk of one machine: what it changes on an image.</summary>
/// <param name="Drive">Format and cache mode as QEMU's -drive takes them.</param>
public sealed record MachineDisk(string Path, string Drive)
{
    /// <summary>A disk that keeps snapshots. Quick, and unfit for power cuts: QEMU flushes nothing.</summary>
    public static async Task<MachineDisk> WithSnapshotsAsync(MachineImage image, string folder)
    {
        string path = folder + "/root.qcow2";
        (await CommandResult.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.Root, path])).Checked();
        return new MachineDisk(path, "format=qcow2,cache=unsafe,discard=unmap");
    }

    /// <summary>
    /// A disk that holds exactly what the guest has written when QEMU is killed: raw, so that QEMU has no metadata of its own to lose, and past the
    /// host's page cache where the file system can.
    /// </summary>
    public static async Task<MachineDisk> ForPowerCutsAsync(MachineImage image, string folder)
    {
        string path = folder + "/root.img";
        (await CommandResult.RunAsync("cp", ["--sparse=always", "--reflink=auto", image.Root, path])).Checked();
        // O_DIRECT is refused by tmpfs; then the host's page cache, which outlives QEMU, does as well.
        bool direct = (await CommandResult.RunAsync("dd", ["if=" + path, "of=/dev/null", "iflag=direct", "bs=4096", "count=1", "status=none"])).ExitCode == 0;
        return new MachineDisk(path, "format=raw,cache=" + (direct ? "none" : "writeback"));
    }
}
