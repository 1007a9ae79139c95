using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NodeAgent.Core.Model;

/// <summary>How a quantity was written, and so how it is printed: 1500m, 1Gi, 12e6.</summary>
public enum QuantityFormat
{
    DecimalSI,
    BinarySI,
    DecimalExponent,
}

/// <summary>
/// A fixed-point number with a unit suffix (apimachinery <c>resource.Quantity</c>): <c>500m</c>, <c>1.5</c>, <c>2Gi</c>, <c>1e3</c>.
/// Exact to 10^-9; anything finer is rounded away from zero when parsed, so that a small request never becomes none.
/// Two quantities are equal when their values are, however they are written.
/// </summary>
[JsonConverter(typeof(QuantityConverter))]
public readonly struct Quantity : IEquatable<Quantity>, IComparable<Quantity>
{
    private static readonly BigInteger NanosPerUnit = BigInteger.Pow(10, 9);
    private static readonly BigInteger NanosPerMilli = BigInteger.Pow(10, 6);
    private static readonly BigInteger Largest = long.MaxValue * NanosPerUnit;

    private readonly BigInteger _nanos;

    private Quantity(BigInteger nanos, QuantityFormat format)
    {
        _nanos = nanos;
        Format = format;
    }

    public static Quantity Zero => default;

    public QuantityFormat Format { get; }

    public bool IsZero => _nanos.IsZero;

    /// <summary>-1, 0 or 1.</summary>
    public int Sign => _nanos.Sign;

    /// <summary>True when the value has no fraction.</summary>
    public bool IsInteger => (_nanos % NanosPerUnit).IsZero;

    /// <summary>The value in whole units (cores, bytes), rounded away from zero, held within a 64-bit integer.</summary>
    public long Value => Saturate(DivideAwayFromZero(_nanos, NanosPerUnit));

    /// <summary>The value in thousandths (millicores), rounded away from zero, held within a 64-bit integer.</summary>
    public long MilliValue => Saturate(DivideAwayFromZero(_nanos, NanosPerMilli));

    public static Quantity FromValue(long value, QuantityFormat format = QuantityFormat.DecimalSI) => new(value * NanosPerUnit, format);

    public static Quantity FromMilli(long value, QuantityFormat format = QuantityFormat.DecimalSI) => new(value * NanosPerMilli, format);

    /// <summary>A number of bytes, printed with Ki, Mi, Gi where that is exact.</summary>
    public static Quantity FromBytes(long bytes) => FromValue(bytes, QuantityFormat.BinarySI);

    /// <exception cref="FormatException">The text is not a quantity; the message says what is wrong.</exception>
    public static Quantity Parse(string text) =>
        TryParse(text, out Quantity quantity, out string? problem) ? quantity : throw new FormatException(problem);

    public static bool TryParse(string? text, out Quantity quantity) => TryParse(text, out quantity, out _);

    public static bool TryParse(string? text, out Quantity quantity, [NotNullWhen(false)] out string? problem) =>
        QuantityParser.TryParse(text, out quantity, out problem);

    internal static Quantity FromNanos(BigInteger nanos, QuantityFormat format) => new(nanos, format);

    internal static Quantity FromNanosCapped(BigInteger nanos, QuantityFormat format) =>
        new(nanos > Largest ? Largest : nanos < -Largest ? -Largest : nanos, format);

    internal static BigInteger DivideAwayFromZero(BigInteger dividend, BigInteger divisor)
    {
        BigInteger quotient = BigInteger.DivRem(dividend, divisor, out BigInteger remainder);
        return remainder.IsZero ? quotient : quotient + dividend.Sign;
    }

    public static Quantity operator +(Quantity left, Quantity right) =>
        new(left._nanos + right._nanos, left.IsZero ? right.Format : left.Format);

    public static Quantity operator -(Quantity left, Quantity right) =>
        new(left._nanos - right._nanos, left.IsZero ? right.Format : left.Format);

    public static Quantity operator -(Quantity value) => new(-value._nanos, value.Format);

    public static bool operator ==(Quantity left, Quantity right) => left._nanos == right._nanos;

    public static bool operator !=(Quantity left, Quantity right) => left._nanos != right._nanos;

    public static bool operator <(Quantity left, Quantity right) => left._nanos < right._nanos;

    public static bool operator >(Quantity left, Quantity right) => left._nanos > right._nanos;

    public static bool operator <=(Quantity left, Quantity right) => left._nanos <= right._nanos;

    public static bool operator >=(Quantity left, Quantity right) => left._nanos >= right._nanos;

    public bool Equals(Quantity other) => _nanos == other._nanos;

    public override bool Equals(object? obj) => obj is Quantity other && Equals(other);

    public override int GetHashCode() => _nanos.GetHashCode();

    public int CompareTo(Quantity other) => _nanos.CompareTo(other._nanos);

    /// <summary>
    /// The canonical text: no fraction, the largest suffix that keeps it exact. A binary quantity below 1024 or with a fraction
    /// is printed as a decimal one.
    /// </summary>
    public override string ToString()
    {
        if (_nanos.IsZero) return "0";
        bool binary = Format == QuantityFormat.BinarySI && IsInteger && BigInteger.Abs(_nanos) >= 1024 * NanosPerUnit;
        return binary ? FormatBinary(_nanos / NanosPerUnit) : FormatDecimal(Format == QuantityFormat.DecimalExponent);
    }

    private static string FormatBinary(BigInteger value)
    {
        int power = 0;
        while (power < 6 && (value % 1024).IsZero)
        {
            value /= 1024;
            power++;
        }
        string[] suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        return value.ToString(CultureInfo.InvariantCulture) + suffixes[power];
    }

    private string FormatDecimal(bool asExponent)
    {
        BigInteger value = _nanos;
        int exponent = -9;
        while ((asExponent || exponent < 18) && (value % 1000).IsZero)
        {
            value /= 1000;
            exponent += 3;
        }
        string suffix = asExponent || exponent is < -9 or > 18
            ? exponent == 0 ? "" : "e" + exponent.ToString(CultureInfo.InvariantCulture)
            : new[] { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" }[(exponent + 9) / 3];
        return value.ToString(CultureInfo.InvariantCulture) + suffix;
    }

    private static long Saturate(BigInteger value) =>
        value > long.MaxValue ? long.MaxValue : value < long.MinValue ? long.MinValue : (long)value;
}

/// <summary>A quantity is a string in JSON; a bare number is taken too, as the API server does.</summary>
public sealed class QuantityConverter : JsonConverter<Quantity>
{
    public override Quantity Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        string text = reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString()!,
            JsonTokenType.Number => Encoding.UTF8.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan),
            _ => throw new JsonException("expected a quantity, e.g. \"500m\" or \"1Gi\""),
        };
        return Quantity.TryParse(text, out Quantity quantity, out string? problem) ? quantity : throw new JsonException(problem);
    }

    public override void Write(Utf8JsonWriter writer, Quantity value, JsonSerializerOptions options) =>
        writer.WriteStringValue(value.ToString());
}
