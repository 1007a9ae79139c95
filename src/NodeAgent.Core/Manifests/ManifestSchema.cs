using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

internal enum SchemaKind
{
    Object,
    List,
    Map,
    String,
    Int32,
    Int64,
    Bool,
    Quantity,
    IntOrString,
    Time,
    Any,
}

/// <summary>
/// The shape of a type of the model, read from its generated JSON contract: the fields a manifest may have are exactly those that
/// the contract knows, without reflection and without a second list to keep.
/// </summary>
internal sealed class ManifestSchema
{
    private static readonly ConcurrentDictionary<Type, ManifestSchema> Known = new();

    private readonly JsonTypeInfo? _element;
    private readonly Lazy<FrozenDictionary<string, ManifestSchema>> _fields;

    private ManifestSchema(SchemaKind kind, JsonTypeInfo? element, JsonTypeInfo type)
    {
        Kind = kind;
        _element = element;
        _fields = new(() => kind != SchemaKind.Object
            ? FrozenDictionary<string, ManifestSchema>.Empty
            : type.Properties.ToFrozenDictionary(p => p.Name, p => Of(p.PropertyType), StringComparer.Ordinal));
    }

    public static ManifestSchema Pod { get; } = Of(typeof(Pod));

    public SchemaKind Kind { get; }

    /// <summary>The schema of a list's items or a map's values.</summary>
    public ManifestSchema Element => Of(_element!.Type);

    public FrozenDictionary<string, ManifestSchema> Fields => _fields.Value;

    private static ManifestSchema Of(Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return Known.GetOrAdd(plain, static t => Create(KubernetesJson.Wire.Options.GetTypeInfo(t)));
    }

    private static ManifestSchema Create(JsonTypeInfo info)
    {
        Type type = info.Type;
        SchemaKind kind = info.Kind switch
        {
            JsonTypeInfoKind.Object => SchemaKind.Object,
            JsonTypeInfoKind.Enumerable => SchemaKind.List,
            JsonTypeInfoKind.Dictionary => SchemaKind.Map,
            _ when type == typeof(string) => SchemaKind.String,
            _ when type == typeof(int) => SchemaKind.Int32,
            _ when type == typeof(long) => SchemaKind.Int64,
            _ when type == typeof(bool) => SchemaKind.Bool,
            _ when type == typeof(Quantity) => SchemaKind.Quantity,
            _ when type == typeof(IntOrString) => SchemaKind.IntOrString,
            _ when type == typeof(DateTimeOffset) => SchemaKind.Time,
            _ => SchemaKind.Any,
        };
        JsonTypeInfo? element = kind is SchemaKind.List or SchemaKind.Map
            ? KubernetesJson.Wire.Options.GetTypeInfo(info.ElementType!)
            : null;
        return new ManifestSchema(kind, element, info);
    }
}
