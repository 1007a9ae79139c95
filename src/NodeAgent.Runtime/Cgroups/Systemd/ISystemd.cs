using NodeAgent.Linux;

namespace NodeAgent.Runtime.Cgroups.Systemd;

/// <summary>
/// What is asked of the service manager. Implementations: <see cref="SystemdBus"/> and the fake of the tests. Thread-safe.
/// Errors are <see cref="SystemdException"/>, a manager that does not answer in time <see cref="TimeoutException"/>.
/// </summary>
public interface ISystemd : IDisposable
{
    /// <summary>
    /// Makes a scope around processes that exist and returns when it is active: they are in its cgroup then. Source: org.freedesktop.systemd1(5),
    /// StartTransientUnit.
    /// </summary>
    Task StartScopeAsync(string unit, IReadOnlyList<BusProperty> properties, CancellationToken cancellationToken);

    /// <summary>Changes properties of a unit until the next boot; they outlive daemon-reload and daemon-reexec.</summary>
    Task SetPropertiesAsync(string unit, IReadOnlyList<BusProperty> properties, CancellationToken cancellationToken);

    /// <summary>Ends a unit and returns when it is inactive. A unit that does not exist is no error.</summary>
    Task StopAsync(string unit, CancellationToken cancellationToken);
}

/// <param name="name">D-Bus error name, or the result of a failed job; empty when the connection failed.</param>
public sealed class SystemdException(string name, string message, Exception? inner = null) : IOException(message, inner)
{
    public const string UnitExists = "org.freedesktop.systemd1.UnitExists";
    public const string NoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

    /// <summary>Also the answer to a property that this version does not know.</summary>
    public const string PropertyReadOnly = "org.freedesktop.DBus.Error.PropertyReadOnly";

    public string Name { get; } = name;
}
