using System.Buffers;
using System.Net.Security;
using System.Security.Authentication;
using NodeAgent.Core.Model;
using NodeAgent.Core.Probing;

namespace NodeAgent.Pods.Probing;

/// <summary>
/// GET, over a connection of its own. Certificates are not verified, no proxy is asked; 200 to 399 is a success. A redirect is followed to the same host only,
/// <see cref="MostRedirects"/> times; one to elsewhere is a success with a warning. Everything else that goes wrong is a failure, with the reason.
/// Written out rather than left to an HTTP client: a thousand of them a second are made on small machines, and a probe needs neither pool nor headers.
/// </summary>
internal sealed class HttpProbe(SteadyClock clock)
{
    private const int MostRedirects = 10;
    private const int BufferBytes = 4096;

    /// <summary>The version is that of the API whose behaviour this follows.</summary>
    public const string UserAgent = "kube-probe/1.36";

    /// <param name="host">The name in the request where the manifest names no host: the pod's address.</param>
    public async Task<ProbeOutcome> RunAsync(HttpGetAction action, int port, PodAddress pod, CancellationToken cancellationToken)
    {
        string host = string.IsNullOrEmpty(action.Host) ? pod.Name : action.Host;
        HttpTarget first = HttpTarget.Of(action, host, port), target = first;
        bool ownHost = true;
        try
        {
            for (int redirects = 0; ; redirects++)
            {
                HttpAnswer answer = await GetAsync(target, target.Request(action.HttpHeaders, UserAgent, ownHost), action.Host, pod, cancellationToken);
                if (answer.Status is < 200 or >= 400)
                    return ProbeOutcome.Failure($"HTTP probe failed with statuscode: {answer.Status}");
                if (answer.Status < 300)
                    return ProbeOutcome.Success;
                if (answer.Status is not (301 or 302 or 303 or 307 or 308) || answer.Location is not { Length: > 0 } location)
                    return new ProbeOutcome(ProbeResult.Warning, $"{target} answers with statuscode {answer.Status} and says not where to go");
                if (target.Follow(location) is not { } next)
                    return ProbeOutcome.Failure($"Get \"{target}\": it redirects to what is no address: {location}");
                if (!next.SameHost(first))
                    return new ProbeOutcome(ProbeResult.Warning, $"Probe terminated redirects: {target} leads to {next}");
                if (redirects == MostRedirects - 1)
                    return ProbeOutcome.Failure($"Get \"{first}\": stopped after {MostRedirects} redirects");
                ownHost &= !HttpTarget.IsAbsolute(location);
                target = next;
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or AuthenticationException)
        {
            return ProbeOutcome.Failure($"Get \"{target}\": {(e.InnerException is AuthenticationException inner ? inner : e).Message}");
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException($"Get \"{target}\"", e, cancellationToken);
        }
    }

    /// <summary>One request, whatever the answer. Throws <see cref="IOException"/>, <see cref="InvalidDataException"/>, <see cref="AuthenticationException"/>.</summary>
    public Task<HttpAnswer> GetAsync(HttpGetAction action, int port, PodAddress pod, string userAgent, CancellationToken cancellationToken)
    {
        HttpTarget target = HttpTarget.Of(action, string.IsNullOrEmpty(action.Host) ? pod.Name : action.Host, port);
        return GetAsync(target, target.Request(action.HttpHeaders, userAgent), action.Host, pod, cancellationToken);
    }

    private async Task<HttpAnswer> GetAsync(HttpTarget target, byte[] request, string? host, PodAddress pod, CancellationToken cancellationToken)
    {
        Stream connection = await pod.ConnectAsync(host, target.Port, cancellationToken);
        await using Stream stream = target.Tls ? Encrypted(connection) : connection;
        if (stream is SslStream tls)
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = target.Host }, cancellationToken);
        await stream.WriteAsync(request, cancellationToken);
        // The answer is here by then, and is read without waiting; those of other probes with it. One that is not is waited for as ever.
        await clock.NextMomentAsync(cancellationToken);
        HttpAnswer answer = new();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            while (!answer.IsDone)
            {
                int read = await stream.ReadAsync(buffer, cancellationToken);
                if (read == 0)
                    answer.End();
                else
                    answer.Feed(buffer.AsSpan(0, read));
            }
            return answer;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

#pragma warning disable CA5359 // A probe asks whether the server answers, not who it is: certificates are made for the names that clients use.
    private static SslStream Encrypted(Stream connection) => new(connection, leaveInnerStreamOpen: false, (_, _, _, _) => true);
#pragma warning restore CA5359
}
