using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace NodeAgent.Core.Manifests;

public enum SupportLevel
{
    /// <summary>It does what it does on a Kubernetes node.</summary>
    Honoured,

    /// <summary>Accepted and noted: by its definition it changes nothing where there is one node, no scheduler and no API server.</summary>
    NoEffectOnOneNode,

    /// <summary>Refused until the agent can do it.</summary>
    NotYet,

    /// <summary>Refused, because it cannot mean anything here.</summary>
    Refused,
}

/// <summary>
/// What the agent does with one field of the Pod API. <see cref="FieldSupportTable"/> has an entry for every field there is, so that no
/// field is ever ignored in silence; a pod that uses a field that is not honoured is refused with the field's path and the reason.
/// </summary>
/// <param name="Path">
/// A pattern such as <c>spec.containers[].image</c>; <c>[]</c> is any item. One that ends in <c>.**</c> covers a field and everything under it.
/// </param>
/// <param name="Level">What happens.</param>
/// <param name="Reason">Why, when it is not honoured; empty otherwise.</param>
/// <param name="Remedy">What a user can do instead.</param>
/// <param name="AcceptedValues">Values of the field that are honoured all the same; null if there are none.</param>
public sealed record FieldSupport(
    string Path, SupportLevel Level, string Reason = "", string Remedy = "", IReadOnlyList<string>? AcceptedValues = null)
{
    /// <summary>Honoured only beside a certain other field, in words; empty if always. <see cref="ConditionalSupport"/> sees to it.</summary>
    public string Condition { get; init; } = "";

    private static readonly Branch Tree = Branch.Build(FieldSupportTable.Entries());

    /// <summary>Every entry, in the order of the table.</summary>
    public static IReadOnlyList<FieldSupport> All { get; } = [.. FieldSupportTable.Entries()];

    internal static Cursor Root => new(Tree, null);

    /// <summary>An empty value is a choice too: <c>emptyDir: {}</c>.</summary>
    internal bool EvenIfEmpty => Path.StartsWith("spec.volumes[].", StringComparison.Ordinal);

    /// <summary>
    /// Written by a server, of any version, when a pod was exported: its inside is not looked at, so that a status with a field of another
    /// version does not stand in the way.
    /// </summary>
    internal bool IsServerOutput => Path is "status.**" or "metadata.managedFields.**";

    /// <summary>The entry that decides about a field; null when the table has none.</summary>
    /// <param name="path">As in <see cref="Path"/>, e.g. <c>spec.containers[].env[].value</c>.</param>
    public static FieldSupport? Of(string path)
    {
        Cursor cursor = Root;
        foreach (string part in path.Split('.'))
        {
            cursor = cursor.Field(part.Replace("[]", "", StringComparison.Ordinal));
            if (part.EndsWith("[]", StringComparison.Ordinal)) cursor = cursor.Item();
        }
        return cursor.Effective;
    }

    internal bool Accepts(ManifestNode node)
    {
        if (AcceptedValues is null) return false;
        string value = node.Kind == NodeKind.Bool ? (node.Integer != 0 ? "true" : "false") : node.Text;
        return AcceptedValues.Contains(value, StringComparer.Ordinal);
    }

    /// <summary>Follows a document's fields through the table.</summary>
    internal readonly struct Cursor
    {
        private readonly Branch? _branch;
        private readonly FieldSupport? _inherited;

        public Cursor(Branch? branch, FieldSupport? inherited)
        {
            _branch = branch;
            _inherited = inherited;
        }

        public FieldSupport? Effective => _branch?.Entry ?? _inherited;

        public Cursor Field(string name) => Step(name);

        public Cursor Item() => Step("[]");

        /// <summary>True when an entry is about this very field: its finding is made here and not again below.</summary>
        public bool Starts([NotNullWhen(true)] out FieldSupport? support)
        {
            support = _branch?.Entry;
            return support is not null;
        }

        private Cursor Step(string name)
        {
            Branch? child = null;
            _branch?.Children.TryGetValue(name, out child);
            bool covers = child?.Entry is { } entry && entry.Path.EndsWith(".**", StringComparison.Ordinal);
            return new Cursor(child, covers ? child!.Entry : _inherited);
        }
    }

    internal sealed class Branch
    {
        public FieldSupport? Entry { get; private set; }

        public FrozenDictionary<string, Branch> Children { get; private set; } = FrozenDictionary<string, Branch>.Empty;

        public static Branch Build(IEnumerable<FieldSupport> entries)
        {
            var parts = entries.Select(e => (Steps: Split(e.Path), Entry: e)).ToList();
            return Build(parts, 0);
        }

        private static Branch Build(List<(string[] Steps, FieldSupport Entry)> entries, int depth)
        {
            var branch = new Branch();
            foreach ((string[] steps, FieldSupport entry) in entries)
            {
                if (steps.Length != depth) continue;
                if (branch.Entry is not null) throw new InvalidOperationException($"two entries for {entry.Path}");
                branch.Entry = entry;
            }
            branch.Children = entries.Where(e => e.Steps.Length > depth)
                .GroupBy(e => e.Steps[depth], StringComparer.Ordinal)
                .ToFrozenDictionary(g => g.Key, g => Build([.. g], depth + 1), StringComparer.Ordinal);
            return branch;
        }

        private static string[] Split(string path)
        {
            string plain = path.EndsWith(".**", StringComparison.Ordinal) ? path[..^3] : path;
            return plain.Replace("[]", ".[]", StringComparison.Ordinal).Split('.');
        }
    }
}
