using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;

namespace NodeAgent.Core.Model;

/// <summary>
/// The notation: an optional sign, digits with at most one point, then a suffix: n u m k M G T P E, Ki Mi Gi Ti Pi Ei,
/// or an exponent such as e3 or E-2. There is no bare K.
/// </summary>
internal static class QuantityParser
{
    private const int MaxLength = 128;
    private const int MaxExponent = 64;

    public static bool TryParse(string? text, out Quantity quantity, [NotNullWhen(false)] out string? problem)
    {
        quantity = default;
        if (string.IsNullOrEmpty(text)) return Fail("is empty; a quantity is a number with an optional suffix, e.g. 500m or 1Gi", out problem);
        if (text.Length > MaxLength) return Fail("is too long for a quantity", out problem);

        int at = text[0] is '+' or '-' ? 1 : 0;
        int digitsStart = at;
        while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
        string digits = text[digitsStart..at];
        string fraction = "";
        if (at < text.Length && text[at] == '.')
        {
            int fractionStart = ++at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            fraction = text[fractionStart..at];
        }
        if (digits.Length + fraction.Length == 0) return Fail($"\"{text}\" does not start with a number", out problem);

        if (!TrySuffix(text[at..], out Suffix suffix, out problem))
        {
            problem = $"\"{text}\": {problem}";
            return false;
        }
        BigInteger mantissa = BigInteger.Parse(digits + fraction, CultureInfo.InvariantCulture);
        if (text[0] == '-') mantissa = -mantissa;
        return TryScale(text, mantissa, fraction.Length, suffix, out quantity, out problem);
    }

    private readonly record struct Suffix(int Base, int Exponent, QuantityFormat Format);

    private static bool TryScale(string text, BigInteger mantissa, int fractionDigits, Suffix suffix, out Quantity quantity,
        [NotNullWhen(false)] out string? problem)
    {
        quantity = default;
        problem = null;
        if (mantissa.IsZero)
        {
            quantity = Quantity.FromNanos(0, suffix.Format);
            return true;
        }
        if (suffix.Base == 10 && suffix.Exponent > MaxExponent) return Fail($"\"{text}\" is too large", out problem);
        int power = Math.Max(suffix.Base == 10 ? suffix.Exponent : 0, -4 * MaxLength) - fractionDigits + 9;
        BigInteger scaled = suffix.Base == 2 ? mantissa << suffix.Exponent : mantissa;
        BigInteger nanos = power >= 0
            ? scaled * BigInteger.Pow(10, power)
            : Quantity.DivideAwayFromZero(scaled, BigInteger.Pow(10, -power));
        // Kubernetes holds a short decimal as digits and scale, of any size; everything else is capped at the largest 64-bit integer.
        bool shortDecimal = suffix.Base == 10 && BigInteger.Abs(mantissa) < BigInteger.Pow(10, 18);
        quantity = shortDecimal ? Quantity.FromNanos(nanos, suffix.Format) : Quantity.FromNanosCapped(nanos, suffix.Format);
        return true;
    }

    private static bool TrySuffix(string suffix, out Suffix result, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        result = suffix switch
        {
            "" => new Suffix(10, 0, QuantityFormat.DecimalSI),
            "n" => new Suffix(10, -9, QuantityFormat.DecimalSI),
            "u" => new Suffix(10, -6, QuantityFormat.DecimalSI),
            "m" => new Suffix(10, -3, QuantityFormat.DecimalSI),
            "k" => new Suffix(10, 3, QuantityFormat.DecimalSI),
            "M" => new Suffix(10, 6, QuantityFormat.DecimalSI),
            "G" => new Suffix(10, 9, QuantityFormat.DecimalSI),
            "T" => new Suffix(10, 12, QuantityFormat.DecimalSI),
            "P" => new Suffix(10, 15, QuantityFormat.DecimalSI),
            "E" => new Suffix(10, 18, QuantityFormat.DecimalSI),
            "Ki" => new Suffix(2, 10, QuantityFormat.BinarySI),
            "Mi" => new Suffix(2, 20, QuantityFormat.BinarySI),
            "Gi" => new Suffix(2, 30, QuantityFormat.BinarySI),
            "Ti" => new Suffix(2, 40, QuantityFormat.BinarySI),
            "Pi" => new Suffix(2, 50, QuantityFormat.BinarySI),
            "Ei" => new Suffix(2, 60, QuantityFormat.BinarySI),
            _ => default,
        };
        if (result.Base != 0) return true;
        if (suffix[0] is 'e' or 'E'
            && int.TryParse(suffix.AsSpan(1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent))
        {
            result = new Suffix(10, exponent, QuantityFormat.DecimalExponent);
            return true;
        }
        problem = Advice(suffix);
        return false;
    }

    private static string Advice(string suffix) => suffix switch
    {
        "K" or "KB" or "kB" or "KiB" or "kb" or "ki" => "no such unit; Ki is 1024, k is 1000",
        "MB" or "MiB" or "mb" or "mi" => "no such unit; Mi is 1024 Ki, M is 1000 k",
        "g" or "GB" or "GiB" or "gb" or "gi" => "no such unit; Gi is 1024 Mi, G is 1000 M",
        _ => $"no such unit as \"{suffix}\"; use n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei or an exponent such as e3",
    };

    private static bool Fail(string text, out string problem)
    {
        problem = text;
        return false;
    }
}
