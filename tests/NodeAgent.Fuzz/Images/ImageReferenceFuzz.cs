using System.Text;
using NodeAgent.Images.References;

namespace NodeAgent.Fuzz.Images;

/// <summary>Any text is a reference or is refused; a reference that was taken names itself.</summary>
public static class ImageReferenceFuzz
{
    public static string Name => "image-reference";

    public static void Run(ReadOnlySpan<byte> data)
    {
        string text = Encoding.UTF8.GetString(data);
        if (!ImageReference.TryParse(text, out ImageReference reference, out string? problem))
        {
            Expect(!string.IsNullOrEmpty(problem), "refused without a reason");
            return;
        }
        ImageReference again = ImageReference.Parse(reference.ToString());
        Expect(again == reference, $"'{reference}' reads as '{again}'");
        Expect(ImageReference.Parse(reference.Canonical).Canonical == reference.Canonical, $"canonical form of '{reference}' is not stable");
        Expect(!reference.ToString().Any(c => char.IsControl(c) || char.IsWhiteSpace(c) || c > 0x7f), "a character that no reference has");
        Expect(!reference.Repository.Split('/').Any(part => part is "" or "." or ".."), "a part that is no file name");
        Expect(reference.Path.Length <= 255 && (reference.Tag?.Length ?? 1) is > 0 and <= 128, "length");
    }

    private static void Expect(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException(what);
    }

    public static IEnumerable<byte[]> Seeds() => new[]
    {
        "busybox", "docker.io/library/busybox:latest", "localhost:5000/a/b_c__d--e.f:Tag_1.2-3", "[::1]:5000/web", "web:1@sha256:" + new string('a', 64),
        "host.example/web@sha512:" + new string('0', 128), "192.168.0.1/x", "index.docker.io/x", "UPPER/x", new string('f', 64), "a//b", "a:b:c@d",
    }.Select(Encoding.UTF8.GetBytes);
}
