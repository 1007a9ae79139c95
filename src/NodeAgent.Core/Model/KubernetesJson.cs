using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NodeAgent.Core.Model;

/// <summary>
/// The one set of JSON contracts: camelCase names, absent instead of null. Generated at build time, no reflection.
/// <see cref="Wire"/> for bytes on a socket, <see cref="Indented"/> for people; both leave printable characters unescaped.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(TimeConverter)])]
[JsonSerializable(typeof(Pod))]
[JsonSerializable(typeof(PodList))]
[JsonSerializable(typeof(List))]
[JsonSerializable(typeof(Node))]
[JsonSerializable(typeof(NodeList))]
[JsonSerializable(typeof(Event))]
[JsonSerializable(typeof(EventList))]
[JsonSerializable(typeof(Status))]
[JsonSerializable(typeof(Table))]
[JsonSerializable(typeof(WatchEvent))]
[JsonSerializable(typeof(Planning.KeptPod))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(JsonElement))]
public sealed partial class KubernetesJson : JsonSerializerContext
{
    // Lazy: the generated half of this class initialises Default's own options in an order that the language leaves open.
    private static readonly Lazy<KubernetesJson> LazyWire = new(() => Create(indented: false));
    private static readonly Lazy<KubernetesJson> LazyIndented = new(() => Create(indented: true));

    public static KubernetesJson Wire => LazyWire.Value;

    public static KubernetesJson Indented => LazyIndented.Value;

    private static KubernetesJson Create(bool indented) => new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new TimeConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = indented,
        NewLine = "\n",
        IndentSize = 4,
    });
}
