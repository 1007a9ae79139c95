using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using NodeAgent.Core.Registries;

namespace NodeAgent.Images.Registry;

/// <summary>Whom an endpoint's connections trust, and what they show of themselves.</summary>
internal static class RegistryTls
{
    /// <summary>Throws <see cref="RegistryException"/> naming the file that cannot be read.</summary>
    /// <param name="showClient">Whether the client certificate is shown: to the endpoint itself, not to where it redirects.</param>
    public static SslClientAuthenticationOptions OptionsFor(RegistryEndpoint endpoint, bool showClient)
    {
        SslClientAuthenticationOptions options = new();
        if (endpoint.SkipVerify)
            options.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        else if (endpoint.Ca is { } ca)
        {
            X509Certificate2Collection own = Read(ca, endpoint, X509Certificate2CollectionOf);
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(certificate, chain, errors, own);
        }
        if (showClient && endpoint is { ClientCertificate: { } certificatePath, ClientKey: { } keyPath })
        {
            X509Certificate2 client = Read(certificatePath, endpoint, path => X509Certificate2.CreateFromPemFile(path, keyPath));
            options.ClientCertificateContext = SslStreamCertificateContext.Create(client, null, offline: true);
        }
        return options;
    }

    private static X509Certificate2Collection X509Certificate2CollectionOf(string path)
    {
        X509Certificate2Collection certificates = [];
        certificates.ImportFromPemFile(path);
        return certificates.Count > 0 ? certificates : throw new CryptographicException("there is no PEM certificate in it");
    }

    private static T Read<T>(string path, RegistryEndpoint endpoint, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new RegistryException($"{endpoint.Url}: {path}: {e.Message}", unavailable: false, inner: e);
        }
    }

    /// <summary>A wrong name stays wrong; a chain that the system does not trust may end at one of our own.</summary>
    private static bool IsTrusted(X509Certificate? certificate, X509Chain? presented, SslPolicyErrors errors, X509Certificate2Collection own)
    {
        if (errors == SslPolicyErrors.None)
            return true;
        if (errors != SslPolicyErrors.RemoteCertificateChainErrors || certificate is null)
            return false;
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(own);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        foreach (X509ChainElement element in presented?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
            chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return chain.Build(leaf);
    }

    /// <summary>What went wrong with a certificate, without the libraries' wrapping.</summary>
    public static string Describe(Exception e)
    {
        Exception inner = e;
        while (inner is HttpRequestException or AuthenticationException && inner.InnerException is { } deeper)
            inner = deeper;
        return inner is AuthenticationException && inner.Message.Contains("certificate", StringComparison.Ordinal)
            ? $"{inner.Message.TrimEnd('.')}; if it may be trusted, name its authority as ca in registries.yaml"
            : inner.Message;
    }
}
