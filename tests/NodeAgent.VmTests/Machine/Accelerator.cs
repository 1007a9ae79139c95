namespace NodeAgent.VmTests.Machine;

/// <summary>
/// KVM where it really runs our kernel, else software emulation. Some machines have a /dev/kvm that opens, and a guest then hangs in its first
/// instructions: so it is tried, with a time limit, and the answer is kept for as long as this machine has not been booted again.
/// </summary>
internal static class Accelerator
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <returns>kvm or tcg. <c>PODAGENT_VM_ACCEL</c> overrides it.</returns>
    public static async Task<string> ChooseAsync(MachineImage image)
    {
        if (Environment.GetEnvironmentVariable("PODAGENT_VM_ACCEL") is { Length: > 0 } set)
            return set;
        if (!File.Exists("/dev/kvm"))
            return "tcg";
        string boot = (await File.ReadAllTextAsync("/proc/sys/kernel/random/boot_id")).Trim();
        string answer = $"{image.Cache}/accel-{boot}-{Path.GetFileName(image.Folder)}";
        if (File.Exists(answer))
            return await File.ReadAllTextAsync(answer);
        string found = await RunsOnKvmAsync(image) ? "kvm" : "tcg";
        string temporary = $"{answer}.{Environment.ProcessId}";
        await File.WriteAllTextAsync(temporary, found);
        File.Move(temporary, answer, overwrite: true);
        return found;
    }

    private static async Task<bool> RunsOnKvmAsync(MachineImage image)
    {
        using QemuProcess qemu = QemuProcess.Start(
            image.Qemu,
            [
                "-accel", "kvm", "-cpu", "host", "-machine", "q35", "-m", "512", "-no-reboot", "-nodefaults", "-no-user-config", "-display", "none",
                "-kernel", image.Kernel, "-initrd", image.Initrd, "-append", "console=ttyS0 panic=-1 vm.probe", "-serial", "stdio",
            ]);
        try
        {
            await qemu.Ended.WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            await qemu.KillAsync();
        }

        return qemu.Said.Contains("vm.probe: the kernel runs", StringComparison.Ordinal);
    }
}
