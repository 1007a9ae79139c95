using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;

namespace NodeAgent.Api;

/// <summary>Writes the objects of one kind in the form that the client accepts.</summary>
internal sealed class ResourceWriter<T>(ResourceView<T> view, AcceptedForm form, TimeProvider time)
{
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private bool _columnsSent;

    public byte[] One(T value) => Render(writer => WriteObject(writer, value, view.Metadata(value).ResourceVersion));

    public byte[] List(IReadOnlyCollection<T> values, long resourceVersion)
    {
        string version = resourceVersion.ToString(CultureInfo.InvariantCulture);
        if (form.Table) return Render(writer => WriteTable(writer, values, version));
        return Render(writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("kind"u8, view.Kind + "List");
            writer.WriteString("apiVersion"u8, view.ApiVersion);
            writer.WriteStartObject("metadata"u8);
            writer.WriteString("resourceVersion"u8, version);
            writer.WriteEndObject();
            writer.WriteStartArray("items"u8);
            foreach (T value in values) JsonSerializer.Serialize(writer, value, view.Contract);
            writer.WriteEndArray();
            writer.WriteEndObject();
        });
    }

    /// <summary>One line of a watch.</summary>
    public byte[] Event(string type, T value) => Line(type, writer => WriteObject(writer, value, view.Metadata(value).ResourceVersion));

    /// <summary>Tells a watcher how far it has seen, <paramref name="initialEnd"/> that it has all there was at the start.</summary>
    public byte[] Bookmark(long resourceVersion, bool initialEnd) => Line("BOOKMARK", writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("kind"u8, form.Table ? "Table" : view.Kind);
        writer.WriteString("apiVersion"u8, form.Table ? "meta.k8s.io/v1" : view.ApiVersion);
        writer.WriteStartObject("metadata"u8);
        writer.WriteString("resourceVersion"u8, resourceVersion.ToString(CultureInfo.InvariantCulture));
        if (initialEnd)
        {
            writer.WriteStartObject("annotations"u8);
            writer.WriteString("k8s.io/initial-events-end"u8, "true");
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        if (form.Table)
        {
            writer.WriteStartArray("columnDefinitions"u8);
            writer.WriteEndArray();
            writer.WriteStartArray("rows"u8);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    });

    /// <summary>A line of a watch that tells how far something is.</summary>
    public static byte[] Progress<TProgress>(TProgress value, JsonTypeInfo<TProgress> contract) =>
        Line("PROGRESS", writer => JsonSerializer.Serialize(writer, value, contract));

    public static byte[] Error(Status status) => Line("ERROR", writer => JsonSerializer.Serialize(writer, status, KubernetesJson.Wire.Status));

    private void WriteObject(Utf8JsonWriter writer, T value, string? version)
    {
        if (form.Table) WriteTable(writer, [value], version);
        else JsonSerializer.Serialize(writer, value, view.Contract);
    }

    // In a watch, only the first table carries the columns.
    private void WriteTable(Utf8JsonWriter writer, IReadOnlyCollection<T> values, string? version)
    {
        var table = new Table
        {
            Metadata = new ListMeta { ResourceVersion = version },
            ColumnDefinitions = _columnsSent ? [] : view.Columns,
            Rows = [.. values.Select(value => new TableRow { Cells = view.Cells(value, time.GetUtcNow()), Object = RowObject(value) })],
        };
        _columnsSent = true;
        JsonSerializer.Serialize(writer, table, KubernetesJson.Wire.Table);
    }

    private JsonNode? RowObject(T value) => form.Include switch
    {
        IncludeObject.None => null,
        IncludeObject.Object => JsonSerializer.SerializeToNode(value, view.Contract),
        _ => new JsonObject
        {
            ["kind"] = "PartialObjectMetadata",
            ["apiVersion"] = "meta.k8s.io/v1",
            ["metadata"] = JsonSerializer.SerializeToNode(view.Metadata(value), KubernetesJson.Wire.ObjectMeta),
        },
    };

    private static byte[] Line(string type, Action<Utf8JsonWriter> writeObject) => Render(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, type);
        writer.WritePropertyName("object"u8);
        writeObject(writer);
        writer.WriteEndObject();
    }, newline: true);

    private static byte[] Render(Action<Utf8JsonWriter> write, bool newline = false)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(buffer, Options)) write(writer);
        if (newline) buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }
}
