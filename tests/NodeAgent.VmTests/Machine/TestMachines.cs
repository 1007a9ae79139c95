using System.Diagnostics;
using NodeAgent.VmTests.Machine;
using Xunit;

[assembly: AssemblyFixture(typeof(TestMachines))]
// Two processors carry one machine at a time.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace NodeAgent.VmTests.Machine;

/// <summary>What a test finds when it begins.</summary>
public enum Snapshot
{
    /// <summary>A Debian that has just started; of ours there is only the payload at /mnt/payload.</summary>
    Booted,

    /// <summary>podagent is installed and runs as a service; <see cref="GuestAgent.Image"/> is loaded; no pods.</summary>
    Installed,
}

/// <summary>
/// The machines of a run, one on at a time: one with snapshots, from which a test starts within a second, and others with disks of their own, for tests that
/// cut the power. Images, disks and snapshots are made when a test first asks for them.
/// </summary>
public sealed class TestMachines : IAsyncDisposable
{
    private readonly RunFolder _run = new();
    private readonly List<Action<string>> _extra = [PowerCut.ChurnImages.Write, Limits.KernelTestPayload.Write];
    private readonly HashSet<Snapshot> _made = [];
    private MachineImage? _image;
    private string? _accelerator;
    private string? _payload;
    private MachineDisk? _disk;
    private VirtualMachine? _on;
    private VirtualMachine? _withSnapshots;

    /// <summary>The machine with snapshots, as it was when this one was made.</summary>
    public async Task<VirtualMachine> RestoreAsync(Snapshot snapshot)
    {
        VirtualMachine machine = await WithSnapshotsAsync();
        if (!_made.Contains(Snapshot.Booted))
            await MakeAsync(machine, Snapshot.Booted);
        if (!_made.Contains(snapshot))
        {
            await machine.RestoreAsync(nameof(Snapshot.Booted));
            await new GuestAgent(machine).InstallAsync();
            await MakeAsync(machine, snapshot);
        }

        await machine.RestoreAsync(snapshot.ToString());
        return machine;
    }

    /// <summary>
    /// A machine with podagent installed, whose disk holds what the guest has written and no more when <see cref="VirtualMachine.CutPowerAsync"/> is called.
    /// It has no snapshots.
    /// </summary>
    public async Task<VirtualMachine> ForPowerCutsAsync()
    {
        (MachineImage image, string accelerator, string payload) = await PrepareAsync();
        await SwitchOffAsync();
        string folder = Directory.CreateDirectory(_run.Path + "/cuts").FullName;
        _on = new VirtualMachine(image, accelerator, await MachineDisk.ForPowerCutsAsync(image, folder), payload, folder);
        await _on.StartAsync();
        await new GuestAgent(_on).InstallAsync();
        return _on;
    }

    public async ValueTask DisposeAsync()
    {
        await SwitchOffAsync();
        _run.Dispose();
    }

    private async Task<VirtualMachine> WithSnapshotsAsync()
    {
        (MachineImage image, string accelerator, string payload) = await PrepareAsync();
        if (_withSnapshots is not null && _on == _withSnapshots)
            return _withSnapshots;
        await SwitchOffAsync();
        string folder = Directory.CreateDirectory(_run.Path + "/snapshots").FullName;
        _disk ??= await MachineDisk.WithSnapshotsAsync(image, folder);
        _on = _withSnapshots ??= new VirtualMachine(image, accelerator, _disk, payload, folder);
        await _on.StartAsync(_made.Contains(Snapshot.Booted) ? nameof(Snapshot.Booted) : null);
        return _on;
    }

    private async Task MakeAsync(VirtualMachine machine, Snapshot snapshot)
    {
        await machine.SaveAsync(snapshot.ToString());
        _made.Add(snapshot);
    }

    private async Task<(MachineImage Image, string Accelerator, string Payload)> PrepareAsync()
    {
        if (_image is null || _accelerator is null || _payload is null)
        {
            var clock = Stopwatch.StartNew();
            _image = await MachineImage.BuildAsync(MachineImage.WantedSeries);
            _accelerator = await Accelerator.ChooseAsync(_image);
            _payload = await Payload.BuildAsync(_run.Path, _extra);
            Console.WriteLine($"machine: kernel {await File.ReadAllTextAsync(_image.Folder + "/version")}".TrimEnd() + $", {_accelerator}, ready to boot after {clock.Elapsed.TotalSeconds:F0} s");
        }

        return (_image, _accelerator, _payload);
    }

    private async Task SwitchOffAsync()
    {
        if (_on is not null)
            await _on.DisposeAsync();
        _on = null;
    }
}
