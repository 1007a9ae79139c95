using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace NodeAgent.Images.References;

/// <summary>
/// A content address, <c>algorithm:hex</c>. Only algorithms that the OCI image specification registers, with hex digits of exactly their length
/// in lower case: so a digest is always safe as a file name. Source: image-spec descriptor.md.
/// </summary>
public readonly record struct Digest
{
    public const string Sha256 = "sha256";
    public const string Sha512 = "sha512";

    private Digest(string algorithm, string hex)
    {
        Algorithm = algorithm;
        Hex = hex;
    }

    public string Algorithm { get; }
    public string Hex { get; }

    public override string ToString() => $"{Algorithm}:{Hex}";

    public static bool TryParse(ReadOnlySpan<char> text, out Digest digest)
    {
        digest = default;
        int colon = text.IndexOf(':');
        if (colon < 0)
            return false;
        string? algorithm = text[..colon] switch
        {
            Sha256 => Sha256,
            Sha512 => Sha512,
            _ => null,
        };
        ReadOnlySpan<char> hex = text[(colon + 1)..];
        if (algorithm is null || hex.Length != HexLength(algorithm) || hex.ContainsAnyExcept("0123456789abcdef"))
            return false;
        digest = new Digest(algorithm, hex.ToString());
        return true;
    }

    public static bool TryParse([NotNullWhen(true)] string? text, out Digest digest)
    {
        digest = default;
        return text is not null && TryParse(text.AsSpan(), out digest);
    }

    /// <summary>Throws <see cref="FormatException"/>.</summary>
    public static Digest Parse(string text) =>
        TryParse(text, out Digest digest) ? digest : throw new FormatException($"'{text}' is not a sha256 or sha512 digest");

    public static Digest OfSha256(ReadOnlySpan<byte> data) => FromHash(Sha256, SHA256.HashData(data));

    public static Digest FromHash(string algorithm, ReadOnlySpan<byte> hash) => new(algorithm, Convert.ToHexStringLower(hash));

    /// <summary>The digest of these bytes by this digest's own algorithm.</summary>
    public Digest OfSameAlgorithm(ReadOnlySpan<byte> data) =>
        Algorithm == Sha512 ? FromHash(Sha512, SHA512.HashData(data)) : OfSha256(data);

    public IncrementalHash CreateHash() => CreateHash(Algorithm);

    public static IncrementalHash CreateHash(string algorithm) =>
        IncrementalHash.CreateHash(algorithm == Sha512 ? HashAlgorithmName.SHA512 : HashAlgorithmName.SHA256);

    private static int HexLength(string algorithm) => algorithm == Sha512 ? 128 : 64;
}
