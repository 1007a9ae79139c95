using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NodeAgent.Testing.Images;

namespace NodeAgent.VmTests.PowerCut;

/// <summary>
/// An image for each round: busybox, and a layer of files that no other round has, with their sums beside them, so that a container of it can tell whether all of it
/// is there.
/// </summary>
internal static class ChurnImages
{
    public const int Count = 21;
    private const int Files = 24, FileBytes = 128 << 10;

    /// <summary>Runs in a container of such an image; fails when a byte is missing or wrong.</summary>
    public const string Check = "cd /data && [ $(grep -c . sums) = 24 ] && sha256sum -c -s sums";

    public static string Name(int round) => $"localhost/churn:{round}";

    public static string Path(int round) => $"/mnt/payload/extra/churn/{round}.tar";

    public static void Write(string extra)
    {
        Directory.CreateDirectory(extra + "/churn");
        byte[] busybox = Busybox();
        for (int round = 0; round < Count; round++)
            File.WriteAllBytes($"{extra}/churn/{round}.tar", DockerArchiveBuilder.Build(null, busybox, Data(round)));
    }

    private static byte[] Busybox()
    {
        TarBuilder layer = new TarBuilder().Directory("bin/").Add('0', "bin/busybox", data: File.ReadAllBytes("/bin/busybox"), mode: 0x1ED);
        foreach (string applet in (string[])["sh", "sleep", "sha256sum", "grep", "cat"])
            layer.Symlink("bin/" + applet, "busybox");
        return layer.Build();
    }

    private static byte[] Data(int round)
    {
        var random = new Random(round);
        byte[] bytes = new byte[FileBytes];
        TarBuilder layer = new TarBuilder().Directory("data/");
        var sums = new StringBuilder();
        for (int file = 0; file < Files; file++)
        {
            random.NextBytes(bytes);
            layer.Add('0', $"data/{file}", data: [.. bytes]);
            sums.Append(CultureInfo.InvariantCulture, $"{Convert.ToHexStringLower(SHA256.HashData(bytes))}  {file}\n");
        }

        return layer.File("data/sums", sums.ToString()).Build();
    }
}
