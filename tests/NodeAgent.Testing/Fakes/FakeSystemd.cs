using NodeAgent.Linux;
using NodeAgent.Runtime.Cgroups.Systemd;

namespace NodeAgent.Testing.Fakes;

/// <summary>
/// A service manager that makes scopes as folders of a cgroup tree and moves processes into them, as the real one does. Values are only remembered. A scope
/// without processes is gone.
/// </summary>
/// <param name="root">Folder of the root slice.</param>
public sealed class FakeSystemd(string root) : ISystemd
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _scopes = new(StringComparer.Ordinal);
    private readonly List<(string Unit, IReadOnlyList<BusProperty> Properties)> _told = [];

    /// <summary>Version 253 and later.</summary>
    public bool KnowsOomPolicy { get; set; } = true;

    /// <summary>Everything that was set, in order.</summary>
    public IReadOnlyList<(string Unit, IReadOnlyList<BusProperty> Properties)> Told
    {
        get
        {
            lock (_lock) return [.. _told];
        }
    }

    public List<string> Stopped { get; } = [];

    /// <summary>Starts of scopes wait for it.</summary>
    public Task Ready { get; set; } = Task.CompletedTask;

    public async Task StartScopeAsync(string unit, IReadOnlyList<BusProperty> properties, CancellationToken cancellationToken)
    {
        if (!KnowsOomPolicy && properties.Any(property => property.Name == UnitProperties.OomPolicy))
            throw new SystemdException(SystemdException.PropertyReadOnly, $"unit {unit}: cannot set property OOMPolicy, or unknown property");
        await Ready.WaitAsync(cancellationToken);
        lock (_lock)
        {
            if (_scopes.TryGetValue(unit, out string? known) && Cgroupfs.IsPopulated(known))
                throw new SystemdException(SystemdException.UnitExists, $"unit {unit} was already loaded or has a fragment file");
            string slice = (string)properties.First(property => property.Name == "Slice").Value;
            string folder = slice == Path.GetFileName(root) ? $"{root}/{unit}" : $"{root}/{slice}/{unit}";
            Cgroupfs.Create(folder);
            try
            {
                foreach (uint pid in (IReadOnlyList<uint>)properties.First(property => property.Name == "PIDs").Value) Cgroupfs.Attach(folder, (int)pid);
            }
            catch (IOException e)
            {
                Cgroupfs.Remove(folder);
                throw new SystemdException("failed", $"unit {unit}: its job ended as failed", e);
            }
            _scopes[unit] = folder;
            _told.Add((unit, properties));
        }
    }

    public Task SetPropertiesAsync(string unit, IReadOnlyList<BusProperty> properties, CancellationToken cancellationToken)
    {
        lock (_lock) _told.Add((unit, properties));
        return Task.CompletedTask;
    }

    public Task StopAsync(string unit, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            Stopped.Add(unit);
            if (_scopes.Remove(unit, out string? folder))
            {
                Cgroupfs.Kill(folder);
                Cgroupfs.WaitUntilEmpty(folder, TimeSpan.FromSeconds(10), TimeProvider.System);
                Cgroupfs.Remove(folder);
            }
        }
        return Task.CompletedTask;
    }

    /// <summary>The manager goes on without the agent.</summary>
    public void Dispose()
    {
    }
}
