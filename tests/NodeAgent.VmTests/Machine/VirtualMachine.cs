using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace NodeAgent.VmTests.Machine;

/// <summary>
/// One machine under QEMU: two processors, 2 GiB, a root disk, and a read-only disk with what the tests bring along, at /mnt/payload.
/// <code>
///   (off) --Start--> starting --the guest answers--> up --CutPower, Dispose--> (off)
///                                                    up --Reboot--> up          up --Restore--> up, as it was when saved
/// </code>
/// Callers: <see cref="TestMachines"/> and the tests. Not thread-safe but for <see cref="RunAsync"/>, whose scripts may overlap.
/// Under software emulation everything in the guest takes 10 to 50 times longer: limits here only stop what hangs, and assert nothing.
/// </summary>
public sealed partial class VirtualMachine : IAsyncDisposable
{
    public static readonly TimeSpan BootLimit = TimeSpan.FromMinutes(8);
    public static readonly TimeSpan CommandLimit = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan MonitorLimit = TimeSpan.FromMinutes(2);
    private readonly string _folder;
    private readonly string _payload;
    private readonly MachineDisk _disk;
    private readonly string _accelerator;
    private QemuProcess? _qemu;
    private QmpClient? _qmp;
    private GuestChannel? _channel;

    /// <param name="folder">For sockets and the console's log; short, since socket paths are limited to 107 bytes.</param>
    /// <param name="payload">An erofs image.</param>
    public VirtualMachine(MachineImage image, string accelerator, MachineDisk disk, string payload, string folder)
    {
        Image = image;
        _accelerator = accelerator;
        _disk = disk;
        _payload = payload;
        _folder = folder;
    }

    public MachineImage Image { get; }

    /// <summary>Everything that the serial console has shown, over all boots.</summary>
    public string ConsoleLog => _folder + "/console.log";

    /// <summary>The console itself, as a unix socket.</summary>
    public string ConsoleSocket => _folder + "/console.sock";

    /// <summary>The agent's API, as a port of this machine; an <c>AgentApi</c> connects to it.</summary>
    public IPEndPoint ApiEndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>Switches it on and returns when systemd in it has finished starting.</summary>
    /// <param name="snapshot">To go on from instead of booting.</param>
    /// <param name="settled">False: return as soon as it answers, while services still start.</param>
    public async Task StartAsync(string? snapshot = null, bool settled = true)
    {
        if (_qemu is not null)
            throw new InvalidOperationException("the machine is on");
        string socket = _folder + "/qmp";
        File.Delete(socket);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        listener.Listen();
        _qemu = QemuProcess.Start(Image.Qemu, Arguments(socket, snapshot));
        _qmp = await QmpClient.AcceptAsync(listener, _qemu, MonitorLimit);
        string network = await _qmp.MonitorAsync("info usernet", MonitorLimit);
        _channel = new GuestChannel(ForwardedPort(network, 7000));
        ApiEndPoint = new IPEndPoint(IPAddress.Loopback, ForwardedPort(network, 7001));
        if (snapshot is null)
            await WaitUntilUpAsync(null, settled);
        else
            await SetClockAsync();
    }

    /// <summary>Runs a shell script in the guest as root. Its exit code is part of the result.</summary>
    public Task<GuestResult> RunAsync(string script, TimeSpan? limit = null, ReadOnlyMemory<byte> input = default, CancellationToken cancellation = default) =>
        Channel.RunAsync(script, input, limit ?? CommandLimit, cancellation);

    /// <summary>The output of a script that has to succeed.</summary>
    public async Task<string> OutputAsync(string script, TimeSpan? limit = null) => (await RunAsync(script, limit)).Checked().Output;

    /// <summary>Writes a file in the guest, by rename.</summary>
    public async Task PushAsync(string path, ReadOnlyMemory<byte> content) =>
        (await RunAsync($"mkdir -p \"$(dirname '{path}')\" && cat >'{path}.pushed' && mv '{path}.pushed' '{path}'", input: content)).Checked();

    public async Task<ReadOnlyMemory<byte>> PullAsync(string path) => (await RunAsync($"exec cat '{path}'")).Checked().Bytes;

    /// <summary>Waits until a script succeeds. It is tried in the guest, in one shell, several times a second.</summary>
    /// <param name="what">What that means, for the message when it does not come true.</param>
    public async Task WaitAsync(string condition, string what, TimeSpan? limit = null)
    {
        int seconds = (int)(limit ?? CommandLimit).TotalSeconds;
        GuestResult result = await RunAsync(
            $"end=$(($(cut -d. -f1 /proc/uptime) + {seconds}))\nuntil {{ {condition}\n}} >/tmp/condition 2>&1; do\n" +
            "  [ \"$(cut -d. -f1 /proc/uptime)\" -lt $end ] || { cat /tmp/condition; exit 1; }\n  busybox usleep 200000\ndone",
            TimeSpan.FromSeconds(seconds) + CommandLimit);
        if (result.ExitCode != 0)
            throw new TimeoutException($"guest: {what}: not within {seconds} s; last said: {result.Output}");
    }

    /// <summary>Keeps memory and disk under a name. Only on a disk with snapshots.</summary>
    public async Task SaveAsync(string snapshot)
    {
        // Restored pages come from the snapshot, so what only lies in the page cache is kept too; synced, the disk alone is whole as well.
        await OutputAsync("sync");
        await SnapshotAsync("savevm " + snapshot);
    }

    /// <summary>Puts memory and disk back to what they were, and the clock to now.</summary>
    public async Task RestoreAsync(string snapshot)
    {
        await SnapshotAsync("loadvm " + snapshot);
        await SetClockAsync();
    }

    /// <summary>Restarts in order, as <c>reboot</c> does, and returns when it is up again.</summary>
    public async Task RebootAsync()
    {
        string before = await OutputAsync("cat /proc/sys/kernel/random/boot_id");
        try
        {
            await RunAsync("systemctl --no-block reboot");
        }
        catch (GuestUnreachableException)
        {
            // It went down before it could answer.
        }

        await WaitUntilUpAsync(before, settled: true);
    }

    /// <summary>SIGKILL to QEMU: what the guest has not written to its disk is lost.</summary>
    public async Task CutPowerAsync()
    {
        if (_qemu is { } qemu)
        {
            await qemu.KillAsync();
            qemu.Dispose();
        }

        _qmp?.Dispose();
        _qemu = null;
        _qmp = null;
        _channel = null;
    }

    public async ValueTask DisposeAsync() => await CutPowerAsync();

    private GuestChannel Channel => _channel ?? throw new InvalidOperationException("the machine is off");

    private List<string> Arguments(string qmpSocket, string? snapshot)
    {
        bool kvm = _accelerator == "kvm";
        // QEMU before 8.1 lets kernel 6.12 panic when it patches itself to use cmpxchg16b; programs may use it all the same.
        string workaround = !kvm && Image.Series == "6.12" ? " clearcpuid=cx16" : "";
        List<string> arguments =
        [
            "-accel", kvm ? "kvm" : "tcg,thread=multi,tb-size=512", "-cpu", kvm ? "host" : "max,la57=off",
            "-machine", "q35", "-m", "2048", "-smp", "2", "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", Image.Kernel, "-initrd", Image.Initrd,
            "-append", "console=ttyS0 panic=-1 quiet mitigations=off net.ifnames=0 systemd.show_status=0" + workaround,
            "-drive", $"file={_disk.Path},if=none,id=d0,{_disk.Drive}", "-device", "virtio-blk-pci,drive=d0,serial=root",
            "-drive", $"file={_payload},if=none,id=d1,format=raw,readonly=on", "-device", "virtio-blk-pci,drive=d1,serial=payload",
            "-netdev", "user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:0-:7000,hostfwd=tcp:127.0.0.1:0-:7001", "-device", "virtio-net-pci,netdev=n0,romfile=",
            "-device", "virtio-rng-pci",
            "-chardev", $"socket,id=c0,path={ConsoleSocket},server=on,wait=off,logfile={ConsoleLog},logappend=on", "-serial", "chardev:c0",
            "-qmp", "unix:" + qmpSocket,
        ];
        if (snapshot is not null)
            arguments.AddRange(["-loadvm", snapshot]);
        return arguments;
    }

    // The host connects to QEMU, which connects to the guest: an answer is the only sign that it listens.
    private async Task WaitUntilUpAsync(string? bootIdBefore, bool settled)
    {
        var clock = Stopwatch.StartNew();
        TimeSpan patience = TimeSpan.FromSeconds(2);
        while (true)
        {
            using var ended = new CancellationTokenSource();
            Task<GuestResult> attempt = Channel.RunAsync("cat /proc/sys/kernel/random/boot_id", default, patience, ended.Token);
            Task gone = _qemu!.Ended;
            if (await Task.WhenAny(attempt, gone) == gone)
            {
                await ended.CancelAsync();
                throw new InvalidOperationException($"qemu ended while the machine was starting: {_qemu.Said}\n{await ConsoleTailAsync()}");
            }

            try
            {
                if ((await attempt).Checked().Output != bootIdBefore)
                    break;
            }
            catch (Exception notYet) when (notYet is GuestUnreachableException or TimeoutException)
            {
                // A machine that is slow to boot is slow to answer too.
                if (patience < TimeSpan.FromSeconds(20))
                    patience += TimeSpan.FromSeconds(1);
            }

            if (clock.Elapsed > BootLimit)
                throw new TimeoutException($"the machine did not start within {BootLimit}\n{await ConsoleTailAsync()}");
        }

        if (!settled)
            return;
        GuestResult state = await RunAsync("systemctl is-system-running --wait", BootLimit);
        if (state.Output != "running")
            throw new InvalidOperationException($"systemd says {state.Output}\n{(await RunAsync("systemctl --failed --no-legend; journalctl -b -p warning --no-pager | tail -n 40")).Output}");
    }

    private async Task<string> ConsoleTailAsync() => string.Join('\n', (await File.ReadAllLinesAsync(ConsoleLog)).TakeLast(40));

    private async Task SnapshotAsync(string command)
    {
        string complaint = await _qmp!.MonitorAsync(command, MonitorLimit);
        if (complaint.Length > 0)
            throw new InvalidOperationException($"qemu: {command}: {complaint}");
    }

    private async Task SetClockAsync()
    {
        string now = (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0).ToString("F3", CultureInfo.InvariantCulture);
        await OutputAsync($"date -s @{now} >/dev/null");
    }

    private static int ForwardedPort(string network, int guestPort) =>
        Forwarding().Matches(network).Where(line => line.Groups["guest"].Value == guestPort.ToString(CultureInfo.InvariantCulture)).Select(line => int.Parse(line.Groups["host"].Value)).Single();

    //  TCP[HOST_FORWARD]  13       127.0.0.1 36789       10.0.2.15  7000     0     0
    [GeneratedRegex(@"TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(?<host>\d+)\s+\S+\s+(?<guest>\d+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Forwarding();
}
