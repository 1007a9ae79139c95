using System.Diagnostics;

namespace NodeAgent.Testing.Cgroups;

/// <summary>A process that does nothing, in the place of a shim.</summary>
public sealed class StandInShim : IDisposable
{
    private readonly Process _process = Process.Start(new ProcessStartInfo("sleep", "1000"))!;

    public int Pid => _process.Id;

    /// <summary>Waits a moment for an end that must be coming.</summary>
    public bool HasEnded => _process.WaitForExit(TimeSpan.FromSeconds(20));

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
