using System.Globalization;
using System.Text;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// Where a field is in its document: a chain from the field up to the root. Printed as <c>spec.containers[0].env[1].name</c>,
/// a key of a map as <c>metadata.labels[app]</c>.
/// </summary>
public sealed class FieldPath
{
    private readonly FieldPath? _parent;
    private readonly string _name;
    private readonly int _index;

    private FieldPath(FieldPath? parent, string name, int index)
    {
        _parent = parent;
        _name = name;
        _index = index;
    }

    public static FieldPath Root { get; } = new(null, "", -1);

    public FieldPath Field(string name) => new(this, name, -1);

    public FieldPath Index(int index) => new(this, "", index);

    public FieldPath Key(string key) => new(this, key, -2);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (FieldPath step in Steps())
        {
            if (step._index >= 0) text.Append('[').Append(step._index.ToString(CultureInfo.InvariantCulture)).Append(']');
            else if (step._index == -2) text.Append('[').Append(ManifestText.Plain(step._name)).Append(']');
            else text.Append(text.Length > 0 ? "." : "").Append(ManifestText.Plain(step._name));
        }
        return text.ToString();
    }

    /// <summary>The place of this field in a document, or of its nearest ancestor that was written.</summary>
    internal (int Line, int Column) Locate(ManifestNode root)
    {
        ManifestNode node = root;
        (int, int) place = (root.Line, root.Column);
        foreach (FieldPath step in Steps())
        {
            if (step._index >= 0)
            {
                if (node.Kind != NodeKind.Sequence || step._index >= node.Items.Count) break;
                node = node.Items[step._index];
                place = (node.Line, node.Column);
                continue;
            }
            if (node.Kind != NodeKind.Mapping || node.Find(step._name) is not { } entry) break;
            node = entry.Value;
            place = node.Kind is NodeKind.Mapping or NodeKind.Sequence or NodeKind.Null
                ? (entry.Line, entry.Column)
                : (node.Line, node.Column);
        }
        return place;
    }

    private Stack<FieldPath> Steps()
    {
        var steps = new Stack<FieldPath>();
        for (FieldPath at = this; at._parent is not null; at = at._parent) steps.Push(at);
        return steps;
    }
}
