using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using NodeAgent.Core.Model;

namespace NodeAgent.UnitTests.Model;

/// <summary>A document in which every field of a type has a value, made from the type's JSON contract.</summary>
internal static class ModelSample
{
    public static JsonNode Of(JsonTypeInfo type, string name = "sample")
    {
        Type clr = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        if (clr == typeof(string)) return name;
        if (clr == typeof(int) || clr == typeof(long)) return 7;
        if (clr == typeof(bool)) return true;
        if (clr == typeof(Quantity)) return "5Gi";
        if (clr == typeof(IntOrString)) return "named";
        if (clr == typeof(DateTimeOffset)) return "2026-01-31T09:30:00Z";
        if (clr == typeof(JsonElement)) return new JsonObject { ["f:spec"] = new JsonObject() };
        JsonSerializerOptions options = KubernetesJson.Default.Options;
        if (type.Kind == JsonTypeInfoKind.Enumerable) return new JsonArray(Of(options.GetTypeInfo(type.ElementType!), name));
        if (type.Kind == JsonTypeInfoKind.Dictionary) return new JsonObject { ["key"] = Of(options.GetTypeInfo(type.ElementType!), name) };
        var result = new JsonObject();
        foreach (JsonPropertyInfo property in type.Properties)
            result[property.Name] = Of(options.GetTypeInfo(property.PropertyType), property.Name);
        return result;
    }
}
