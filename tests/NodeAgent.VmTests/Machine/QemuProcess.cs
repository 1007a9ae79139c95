using System.Diagnostics;
using System.Text;

namespace NodeAgent.VmTests.Machine;

/// <summary>
/// A QEMU that never outlives this process. It asks the kernel to be killed with its parent, which to the kernel is the *thread* that started it:
/// hence a thread of its own, which waits until QEMU has ended.
/// </summary>
internal sealed class QemuProcess : IDisposable
{
    private readonly TaskCompletionSource<Process> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _said = new();
    private readonly Process _process;

    private QemuProcess(string program, IReadOnlyList<string> arguments)
    {
        new Thread(() => Keep(program, arguments)) { IsBackground = true, Name = "qemu" }.Start();
        _process = _started.Task.GetAwaiter().GetResult();
    }

    public static QemuProcess Start(string program, IReadOnlyList<string> arguments) => new(program, arguments);

    public int Pid => _process.Id;

    /// <summary>Done when the process has ended and what it said is complete.</summary>
    public Task Ended => _ended.Task;

    /// <summary>What QEMU itself had to say: complaints about its arguments, mostly.</summary>
    public string Said { get { lock (_said) return _said.ToString(); } }

    /// <summary>SIGKILL: the machine's power is gone.</summary>
    public async Task KillAsync()
    {
        if (!_ended.Task.IsCompleted)
            _process.Kill();
        await Ended;
    }

    public void Dispose() => _process.Dispose();

    private void Keep(string program, IReadOnlyList<string> arguments)
    {
        try
        {
            var info = new ProcessStartInfo("setpriv") { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
            foreach (string argument in (string[])["--pdeathsig", "KILL", program, .. arguments])
                info.ArgumentList.Add(argument);
            Process process = Process.Start(info) ?? throw new InvalidOperationException("cannot start " + program);
            process.StandardInput.Close();
            process.OutputDataReceived += Collect;
            process.ErrorDataReceived += Collect;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            _started.SetResult(process);
            process.WaitForExit();
            _ended.SetResult();
        }
        catch (Exception error)
        {
            _started.TrySetException(error);
            _ended.TrySetResult();
        }
    }

    private void Collect(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
            return;
        lock (_said)
            _said.AppendLine(line.Data);
    }
}
