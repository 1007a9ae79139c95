using System.Diagnostics;
using System.Text.Json;
using NodeAgent.Core.Cri;

namespace NodeAgent.Images.Registry;

/// <summary>
/// Finds the credentials for a repository: the helper that <c>auth.json</c> names for its host, else the entry for it there. A mirror is asked with the
/// credentials that stand under the mirror's own host, never with the registry's. Thread-safe.
/// </summary>
internal sealed class Credentials(string path)
{
    private const int MostOutput = 64 * 1024;
    private static readonly TimeSpan HelperLimit = TimeSpan.FromSeconds(30);

    private readonly WatchedFile<CredentialFile> _file = new(path, CredentialFile.Parse, CredentialFile.Empty);

    /// <summary>Null for a repository that anybody may read, as far as is known. Throws <see cref="ImageException"/>.</summary>
    public async Task<RegistryCredential?> FindAsync(string host, string repository, CancellationToken cancellationToken)
    {
        try
        {
            CredentialFile file = _file.Read();
            if (file.HelperFor(host, repository) is { } helper && await AskAsync(helper.Helper, helper.Server, cancellationToken) is { } credential)
                return credential;
            return file.Find(host, repository);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new ImageException(ImageFailure.ErrImagePull, $"credentials file {path}: {e.Message}", e);
        }
    }

    /// <summary>Null when the helper has nothing for the server, which it says on its standard output.</summary>
    private static async Task<RegistryCredential?> AskAsync(string helper, string server, CancellationToken cancellationToken)
    {
        string program = "docker-credential-" + helper;
        if (helper.Contains('/', StringComparison.Ordinal))
            throw new InvalidDataException($"credential helper '{helper}': write the part of its name behind docker-credential-");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(HelperLimit);
        using Process process = Start(program);
        try
        {
            await process.StandardInput.WriteAsync(server.AsMemory(), limit.Token);
            process.StandardInput.Close();
            Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
            string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            string complaint = await error;
            await process.WaitForExitAsync(limit.Token);
            if (process.ExitCode != 0)
            {
                string said = (output + complaint).Trim();
                return said.Contains("credentials not found", StringComparison.Ordinal) ? null
                    : throw new InvalidDataException($"{program} get for {server} ended with code {process.ExitCode}: {(said.Length > 200 ? said[..200] : said)}");
            }
            return Read(program, output);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new InvalidDataException($"{program} get for {server} did not answer within {HelperLimit.TotalSeconds} s", e);
        }
        catch (IOException e)
        {
            throw new InvalidDataException($"{program} get for {server}: {e.Message}", e);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }

    private static Process Start(string program)
    {
        try
        {
            ProcessStartInfo info = new(program, ["get"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
            return Process.Start(info) ?? throw new InvalidDataException($"{program} cannot be started");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidDataException($"{program} cannot be started: {e.Message}; credential helpers are looked for on the agent's PATH", e);
        }
    }

    private static RegistryCredential? Read(string program, string output)
    {
        if (output.Length > MostOutput)
            throw new InvalidDataException($"{program} answered {output.Length} characters; a user name and a secret are expected");
        try
        {
            HelperAnswer? answer = JsonSerializer.Deserialize(output, RegistryJson.Default.HelperAnswer);
            if (answer?.Secret is not { Length: > 0 } secret)
                return null;
            // How helpers say that the secret is an identity token.
            return answer.Username == "<token>" ? new RegistryCredential("", "", secret) : new RegistryCredential(answer.Username ?? "", secret);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{program} answered what is no JSON with a user name and a secret", e);
        }
    }
}
