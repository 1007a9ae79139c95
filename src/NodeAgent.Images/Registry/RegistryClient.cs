using System.Collections.Concurrent;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Registries;
using NodeAgent.Images.References;

namespace NodeAgent.Images.Registry;

/// <summary>
/// All registries that images come from, as <c>registries.yaml</c> and <c>auth.json</c> say at the moment. Connections and tokens are kept from one pull to
/// the next while the settings and the certificate files that made them stay the same. Thread-safe.
/// </summary>
internal sealed class RegistryClient(RegistryFiles? files, TimeProvider time) : IDisposable
{
    /// <param name="Itself">The registry's host, null for a mirror.</param>
    /// <param name="Certificates">When the endpoint's certificate files were written.</param>
    private sealed record Key(RegistryEndpoint Endpoint, string? Itself, (DateTime, DateTime, DateTime) Certificates);

    private readonly WatchedFile<RegistryConfiguration>? _configuration =
        files is null ? null : new WatchedFile<RegistryConfiguration>(files.Registries, bytes => Parse(bytes, files.Registries), RegistryConfiguration.Empty);

    private readonly Credentials _credentials = new(files?.Credentials ?? "");
    private readonly ConcurrentDictionary<Key, RegistryConnection> _connections = new();

    /// <summary>Throws <see cref="ImageException"/> when the settings cannot be used.</summary>
    public RegistrySource SourceOf(ImageReference reference)
    {
        try
        {
            RegistryConfiguration configuration = _configuration?.Read() ?? RegistryConfiguration.Empty;
            return new RegistrySource(
                reference,
                [.. configuration.EndpointsOf(reference.Domain).Select(entry => ConnectionTo(entry.Endpoint, entry.IsMirror ? null : reference.Domain))],
                time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.ErrImagePull, $"{_configuration!.Path}: {e.Message}", e);
        }
        catch (RegistryException e)
        {
            throw new ImageException(e.Failure, e.Message, e);
        }
    }

    private RegistryConnection ConnectionTo(RegistryEndpoint endpoint, string? itself) => _connections.GetOrAdd(
        new Key(endpoint, itself, (WrittenAt(endpoint.Ca), WrittenAt(endpoint.ClientCertificate), WrittenAt(endpoint.ClientKey))),
        key => new RegistryConnection(key.Endpoint, key.Itself, _credentials, time));

    private static DateTime WrittenAt(string? path) => path is null ? default : File.GetLastWriteTimeUtc(path);

    private static RegistryConfiguration Parse(byte[] bytes, string path)
    {
        (RegistryConfiguration? configuration, IReadOnlyList<ManifestError> errors) = RegistryConfigurationParser.Parse(bytes, path);
        return configuration ?? throw new ImageException(ImageFailure.ErrImagePull, errors[0] + (errors.Count > 1 ? $" (and {errors.Count - 1} more)" : ""));
    }

    public void Dispose()
    {
        foreach (RegistryConnection connection in _connections.Values)
            connection.Dispose();
    }
}
