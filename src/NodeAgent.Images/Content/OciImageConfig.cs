using System.Text.Json;
using System.Text.Json.Serialization;
using NodeAgent.Core.Cri;

namespace NodeAgent.Images.Content;

/// <summary>
/// The image configuration as OCI and docker write it: every part may be missing or null. Source: image-spec config.md.
/// </summary>
public sealed record OciImageConfig
{
    public string? Architecture { get; init; }
    public string? Os { get; init; }
    public string? Variant { get; init; }

    /// <summary>RFC 3339; kept as text, since an image need not be refused for a date.</summary>
    public string? Created { get; init; }
    public string? Author { get; init; }
    public OciExecutionConfig? Config { get; init; }
    public OciRootfs? Rootfs { get; init; }

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<OciHistory?>? History { get; init; }

    public ImageConfig ToImageConfig()
    {
        OciExecutionConfig run = Config ?? new OciExecutionConfig();
        return new ImageConfig
        {
            Entrypoint = run.Entrypoint ?? [],
            Cmd = run.Cmd ?? [],
            Env = run.Env ?? [],
            WorkingDir = run.WorkingDir ?? "",
            User = run.User ?? "",
            StopSignal = string.IsNullOrEmpty(run.StopSignal) ? null : run.StopSignal,
            Volumes = run.Volumes is null ? [] : [.. run.Volumes.Keys.Order(StringComparer.Ordinal)],
            Labels = run.Labels is null
                ? new Dictionary<string, string>(StringComparer.Ordinal)
                : run.Labels.ToDictionary(pair => pair.Key, pair => pair.Value ?? "", StringComparer.Ordinal),
            Architecture = Architecture ?? "",
            Os = Os ?? "",
        };
    }
}

/// <summary>What a container inherits. Names are written in Pascal case by everybody.</summary>
public sealed record OciExecutionConfig
{
    [JsonPropertyName("User")]
    public string? User { get; init; }

    [JsonPropertyName("Env")]
    [JsonConverter(typeof(StringsConverter))]
    public IReadOnlyList<string>? Env { get; init; }

    [JsonPropertyName("Entrypoint")]
    [JsonConverter(typeof(StringsConverter))]
    public IReadOnlyList<string>? Entrypoint { get; init; }

    [JsonPropertyName("Cmd")]
    [JsonConverter(typeof(StringsConverter))]
    public IReadOnlyList<string>? Cmd { get; init; }

    [JsonPropertyName("ExposedPorts")]
    public Dictionary<string, JsonElement>? ExposedPorts { get; init; }

    [JsonPropertyName("Volumes")]
    public Dictionary<string, JsonElement>? Volumes { get; init; }

    [JsonPropertyName("WorkingDir")]
    public string? WorkingDir { get; init; }

    [JsonPropertyName("Labels")]
    public Dictionary<string, string?>? Labels { get; init; }

    [JsonPropertyName("StopSignal")]
    public string? StopSignal { get; init; }
}

public sealed record OciRootfs
{
    public string? Type { get; init; }

    [JsonPropertyName("diff_ids")]
    public IReadOnlyList<string>? DiffIds { get; init; }
}

/// <summary>One step of how the image was made; it made a layer unless it says otherwise.</summary>
public sealed record OciHistory
{
    public string? Created { get; init; }
    public string? Author { get; init; }

    [JsonPropertyName("created_by")]
    public string? CreatedBy { get; init; }

    public string? Comment { get; init; }

    [JsonPropertyName("empty_layer")]
    public bool? EmptyLayer { get; init; }
}

/// <summary>Strings, or one string alone as early docker wrote a command; nulls among them are left out.</summary>
internal sealed class StringsConverter : JsonConverter<IReadOnlyList<string>?>
{
    public override IReadOnlyList<string>? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return [reader.GetString()!];
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("expected an array of strings");
        List<string> values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.Null)
                continue;
            values.Add(reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("expected a string"));
        }
        return values;
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<string>? value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (string text in value ?? [])
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }
}
