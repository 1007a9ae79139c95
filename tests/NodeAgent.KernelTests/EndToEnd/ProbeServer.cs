using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>
/// The container with servers for probes: <c>probe_server.py</c>, run by the host's Python, which the container sees through read-only mounts.
/// Needs python3-grpcio.
/// </summary>
internal static class ProbeServer
{
    /// <summary>Writes what it needs into a folder.</summary>
    public static void Prepare(string folder)
    {
        Directory.CreateDirectory(folder);
        using Stream program = typeof(ProbeServer).Assembly.GetManifestResourceStream("probe_server.py")!;
        using (FileStream file = File.Create(folder + "/probe_server.py"))
            program.CopyTo(file);
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=somebody-else.example", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 expired = request.CreateSelfSigned(now.AddDays(-2), now.AddDays(-1));
        File.WriteAllText(folder + "/cert.pem", expired.ExportCertificatePem());
        File.WriteAllText(folder + "/key.pem", key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>The container and, as a second piece, the volumes it needs; lines of a pod's specification, not indented.</summary>
    public static (string Container, string Volumes) Of(string image, string folder) => (
        $$$"""
        - name: server
          image: {{{image}}}
          command: [/usr/bin/python3, /srv/probe_server.py, /srv]
          volumeMounts:
          - {name: srv, mountPath: /srv, readOnly: true}
          - {name: usr, mountPath: /usr, readOnly: true}
          - {name: lib, mountPath: /lib, readOnly: true}
          - {name: lib64, mountPath: /lib64, readOnly: true}
        """,
        $$$"""
        volumes:
        - {name: srv, hostPath: {path: "{{{folder}}}" } }
        - {name: usr, hostPath: {path: /usr}}
        - {name: lib, hostPath: {path: /usr/lib}}
        - {name: lib64, hostPath: {path: /usr/lib64}}
        """);
}
