using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NodeAgent.Core.Model;

/// <summary>meta/v1 Time: RFC 3339, written in UTC with whole seconds.</summary>
public sealed class TimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Rfc3339.TryParse(reader.GetString(), out DateTimeOffset time)
            ? time
            : throw new JsonException("expected a time as in RFC 3339, e.g. 2026-01-31T09:30:00Z");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Rfc3339.Seconds(value));
}

/// <summary>meta/v1 MicroTime: RFC 3339, written in UTC with six digits of fraction.</summary>
public sealed class MicroTimeConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Rfc3339.TryParse(reader.GetString(), out DateTimeOffset time)
            ? time
            : throw new JsonException("expected a time as in RFC 3339, e.g. 2026-01-31T09:30:00.000000Z");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Rfc3339.Micros(value));
}

/// <summary>RFC 3339 times in the two precisions of the Kubernetes API.</summary>
public static class Rfc3339
{
    public static string Seconds(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string Micros(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>Accepts any number of fraction digits; those beyond 100 ns are cut.</summary>
    public static bool TryParse(string? text, out DateTimeOffset time)
    {
        time = default;
        if (text is null || text.Length is < 20 or > 64 || text[10] is not ('T' or 't')) return false;
        int fractionEnd = 19;
        if (text[19] == '.')
        {
            fractionEnd = 20;
            while (fractionEnd < text.Length && char.IsAsciiDigit(text[fractionEnd])) fractionEnd++;
            if (fractionEnd == 20) return false;
        }
        string fraction = fractionEnd > 20 ? text[19..Math.Min(fractionEnd, 27)] : "";
        string zone = text[fractionEnd..] is "z" ? "Z" : text[fractionEnd..];
        string format = "yyyy-MM-dd'T'HH:mm:ss" + (fraction.Length > 0 ? "." + new string('f', fraction.Length - 1) : "")
            + (zone == "Z" ? "'Z'" : "zzz");
        return DateTimeOffset.TryParseExact(text[..10] + "T" + text[11..19] + fraction + zone, format, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal, out time);
    }
}
