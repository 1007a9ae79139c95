using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NodeAgent.Core.Model;

/// <summary>A JSON number or string, kept as it was written: a port by number or by name.</summary>
[JsonConverter(typeof(IntOrStringConverter))]
public readonly record struct IntOrString
{
    private readonly string? _text;
    private readonly int _number;

    private IntOrString(string? text, int number)
    {
        _text = text;
        _number = number;
    }

    public static IntOrString FromInt(int value) => new(null, value);

    public static IntOrString FromString(string value) => new(value, 0);

    public bool IsInt => _text is null;

    /// <summary>The number; 0 when it is a string.</summary>
    public int IntValue => _number;

    /// <summary>The string; null when it is a number.</summary>
    public string? StringValue => _text;

    public override string ToString() => _text ?? _number.ToString(CultureInfo.InvariantCulture);

    public static implicit operator IntOrString(int value) => FromInt(value);

    public static implicit operator IntOrString(string value) => FromString(value);
}

public sealed class IntOrStringConverter : JsonConverter<IntOrString>
{
    public override IntOrString Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType switch
    {
        JsonTokenType.Number when reader.TryGetInt32(out int number) => IntOrString.FromInt(number),
        JsonTokenType.String => IntOrString.FromString(reader.GetString()!),
        _ => throw new JsonException("expected a 32-bit number or a string"),
    };

    public override void Write(Utf8JsonWriter writer, IntOrString value, JsonSerializerOptions options)
    {
        if (value.IsInt) writer.WriteNumberValue(value.IntValue);
        else writer.WriteStringValue(value.StringValue);
    }
}
