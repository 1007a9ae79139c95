using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NodeAgent.Testing.Registry;

/// <summary>Certificates of a test's own, good for a day: authorities, and what they issue for servers on the loopback and for clients.</summary>
public sealed class TestCertificate : IDisposable
{
    private readonly X509Certificate2 _certificate;
    private readonly RSA _key;

    private TestCertificate(X509Certificate2 certificate, RSA key)
    {
        _certificate = certificate;
        _key = key;
    }

    /// <summary>DER.</summary>
    public byte[] Bytes => _certificate.RawData;

    public string Pem => _certificate.ExportCertificatePem();

    public static TestCertificate Authority(string name)
    {
        RSA key = RSA.Create(2048);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return new TestCertificate(request.CreateSelfSigned(now.AddHours(-1), now.AddDays(1)), key);
    }

    /// <summary>For a server at 127.0.0.1, 127.0.0.2 or localhost, or for a client.</summary>
    public TestCertificate Issue(string name)
    {
        RSA key = RSA.Create(2048);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.Parse("127.0.0.2"));
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        byte[] serial = RandomNumberGenerator.GetBytes(8);
        DateTimeOffset from = new(_certificate.NotBefore), until = new(_certificate.NotAfter);
        return new TestCertificate(request.Create(_certificate, from, until, serial), key);
    }

    public byte[] Sign(byte[] data) => _key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);

    /// <summary>Writes the certificate as PEM into the folder and returns its path.</summary>
    public string SaveCertificate(string folder) => Save(folder, "pem", Pem);

    /// <summary>Writes the key as PEM into the folder and returns its path.</summary>
    public string SaveKey(string folder) => Save(folder, "key", _key.ExportPkcs8PrivateKeyPem());

    private string Save(string folder, string extension, string content)
    {
        string path = Path.Combine(folder, $"{_certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false)}.{extension}");
        File.WriteAllText(path, content + "\n");
        return path;
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}
