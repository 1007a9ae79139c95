using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace NodeAgent.Testing.Registry;

/// <summary>How a registry is to be; by default it asks for no name, speaks plain http and keeps what it has.</summary>
/// <param name="Storage">Its <c>rootdirectory</c>; made where there is none.</param>
public sealed record RegistrySettings(string Storage)
{
    /// <summary>A name and a password that have to be given; they are checked by bcrypt.</summary>
    public (string User, string Password)? Login { get; init; }

    /// <summary>Where tokens come from, for a registry that wants them.</summary>
    public TokenService? Tokens { get; init; }

    /// <summary>Https with this certificate.</summary>
    public TestCertificate? Certificate { get; init; }

    /// <summary>Only clients with a certificate of this authority.</summary>
    public TestCertificate? ClientAuthority { get; init; }

    /// <summary>0 takes a free one.</summary>
    public int Port { get; init; }
}

/// <summary>One line of a registry's access log.</summary>
/// <param name="Target">Path with its query.</param>
/// <param name="Bytes">Of the answer's body, as sent.</param>
public sealed record RegistryRequest(string Method, string Target, int Status, long Bytes)
{
    /// <summary>The blob that a request is about, or null.</summary>
    public string? Blob => After("/blobs/");

    /// <summary>Tag or digest of the manifest that a request is about, or null.</summary>
    public string? Manifest => After("/manifests/");

    private string? After(string part)
    {
        int at = Target.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? null : Target[(at + part.Length)..];
    }
}

/// <summary>
/// Debian's docker-registry as a process of its own on a loopback port of its own, killed at the end.
/// <code>
///   StartAsync: config.yml --> serve --"listening on A:P"--> answers --StopAsync: TERM, drained--> the whole access log
/// </code>
/// Source: the distribution project's configuration reference for 2.8.
/// </summary>
public sealed partial class RegistryServer : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly Process _process;
    private readonly string _folder;
    private readonly Lock _gate = new();
    private readonly List<RegistryRequest> _requests = [];
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<int> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _https;

    private RegistryServer(Process process, string folder, bool https)
    {
        _process = process;
        _folder = folder;
        _https = https;
        process.OutputDataReceived += (_, line) => TakeAccess(line.Data);
        process.ErrorDataReceived += (_, line) => TakeLog(line.Data);
        process.Exited += (_, _) => _listening.TrySetException(new InvalidOperationException("docker-registry ended before it listened\n" + Log));
        process.EnableRaisingEvents = true;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static bool IsInstalled => Images.Tool.Exists("docker-registry");

    public int Port { get; private set; }

    /// <summary>As image names begin: <c>127.0.0.1:PORT</c>.</summary>
    public string Host => $"127.0.0.1:{Port}";

    public Uri Url => new($"{(_https ? "https" : "http")}://{Host}");

    /// <summary>Requests that were answered, as far as their lines have come.</summary>
    public IReadOnlyList<RegistryRequest> Requests
    {
        get
        {
            lock (_gate)
                return [.. _requests];
        }
    }

    private string Log
    {
        get
        {
            lock (_gate)
                return _log.ToString();
        }
    }

    /// <summary>Returns when the registry listens.</summary>
    public static async Task<RegistryServer> StartAsync(RegistrySettings settings)
    {
        string folder = Directory.CreateTempSubdirectory("podagent-registry-").FullName;
        Directory.CreateDirectory(settings.Storage);
        string configuration = Path.Combine(folder, "config.yml");
        await File.WriteAllTextAsync(configuration, Configure(settings, folder));
        ProcessStartInfo info = new("docker-registry", ["serve", configuration])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        RegistryServer server = new(Process.Start(info) ?? throw new InvalidOperationException("cannot start docker-registry"), folder, settings.Certificate is not null);
        try
        {
            server.Port = await server._listening.Task.WaitAsync(Limit);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Lets running requests end, stops the registry and returns everything that it was ever asked.</summary>
    public async Task<IReadOnlyList<RegistryRequest>> StopAsync()
    {
        if (!_process.HasExited)
        {
            using (var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]))
                await kill.WaitForExitAsync();
            using CancellationTokenSource limit = new(Limit);
            await _process.WaitForExitAsync(limit.Token);
        }
        return Requests;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string Configure(RegistrySettings settings, string folder) => $$"""
        version: 0.1
        log:
          level: info
        storage:
          filesystem:
            rootdirectory: {{settings.Storage}}
          cache:
            blobdescriptor: inmemory
        http:
          addr: 127.0.0.1:{{settings.Port}}
          secret: of-no-use-to-anybody
          draintimeout: 10s
        {{Tls(settings, folder)}}
        {{Authentication(settings, folder)}}
        compatibility:
          schema1:
            enabled: true
        validation:
          manifests:
            urls:
              allow:
              - ^https?://

        """;

    private static string Tls(RegistrySettings settings, string folder)
    {
        if (settings.Certificate is not { } certificate)
            return "";
        string text = $"  tls:\n    certificate: {certificate.SaveCertificate(folder)}\n    key: {certificate.SaveKey(folder)}\n";
        return settings.ClientAuthority is { } authority ? $"{text}    clientcas:\n    - {authority.SaveCertificate(folder)}\n" : text;
    }

    private static string Authentication(RegistrySettings settings, string folder)
    {
        if (settings.Login is { } login)
        {
            string file = Path.Combine(folder, "htpasswd");
            File.WriteAllText(file, $"{login.User}:{Bcrypt(login.Password)}\n");
            return $"auth:\n  htpasswd:\n    realm: test\n    path: {file}\n";
        }
        return settings.Tokens is { } tokens
            ? $"auth:\n  token:\n    realm: {tokens.Realm}\n    service: {TokenService.Service}\n    issuer: {TokenService.Issuer}\n    rootcertbundle: {tokens.Certificate.SaveCertificate(folder)}\n"
            : "";
    }

    /// <summary>By the crypt(3) of the distribution, which perl passes on; the registry takes no other kind of hash.</summary>
    private static string Bcrypt(string password) =>
        Images.Tool.Run("perl", "-e", "print crypt($ARGV[0], '$2y$04$abcdefghijklmnopqrstuu')", password);

    private void TakeAccess(string? line)
    {
        if (line is null || AccessLine().Match(line) is not { Success: true } match)
            return;
        RegistryRequest request = new(
            match.Groups["method"].Value, match.Groups["target"].Value, int.Parse(match.Groups["status"].ValueSpan, CultureInfo.InvariantCulture),
            long.Parse(match.Groups["bytes"].ValueSpan, CultureInfo.InvariantCulture));
        lock (_gate)
            _requests.Add(request);
    }

    private void TakeLog(string? line)
    {
        if (line is null)
            return;
        lock (_gate)
            _log.AppendLine(line);
        if (ListeningLine().Match(line) is { Success: true } match)
            _listening.TrySetResult(int.Parse(match.Groups["port"].ValueSpan, CultureInfo.InvariantCulture));
    }

    /// <summary>Apache's combined format.</summary>
    [GeneratedRegex("\"(?<method>[A-Z]+) (?<target>\\S+) HTTP/[0-9.]+\" (?<status>[0-9]{3}) (?<bytes>[0-9]+) ", RegexOptions.None, 1000)]
    private static partial Regex AccessLine();

    [GeneratedRegex("listening on [^\" ]*:(?<port>[0-9]+)", RegexOptions.None, 1000)]
    private static partial Regex ListeningLine();
}
