using System.Text;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Manifests;

/// <summary>
/// A manifest file's bytes to pods: text, documents, fields, defaults, validation. Never throws and never hangs: whatever is wrong is a
/// <see cref="ManifestError"/> with its place, found in time and memory bounded by <see cref="MaxBytes"/> and <see cref="ManifestBudget"/>.
/// </summary>
public static class ManifestParser
{
    /// <summary>A larger file is refused, and should not be read in the first place: <see cref="ManifestError.TooLarge"/>.</summary>
    public const int MaxBytes = 10 * 1024 * 1024;

    private static readonly string[] WorkloadKinds =
        ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob", "PodTemplate"];

    /// <param name="bytes">The content of the file.</param>
    /// <param name="file">Its path, for messages; a name ending in .json is read as JSON only.</param>
    public static ManifestFile Parse(ReadOnlyMemory<byte> bytes, string file)
    {
        var findings = new ManifestFindings(file);
        var pods = new List<Pod>();
        if (bytes.Length > MaxBytes)
        {
            findings.Add(ManifestError.TooLarge(file, bytes.Length));
            return new ManifestFile(file, pods, findings.Errors, []);
        }
        try
        {
            IReadOnlyList<ManifestNode> documents = ReadDocuments(ManifestText.Check(bytes), file);
            foreach (ManifestNode document in documents)
            {
                findings.Document = document;
                TakeObject(document, FieldPath.Root, findings, pods);
            }
            if (documents.Count == 0)
            {
                findings.Add(ManifestError.OfFile(file, ManifestReason.EmptyFile, "holds no object",
                    "write a Pod into it, or remove the file to end its pods"));
            }
            RefuseSameName(documents, pods, findings);
        }
        catch (ManifestSyntaxException e)
        {
            findings.Add(new ManifestError(file, e.Line, e.Column, "", e.Reason, e.Message, e.Remedy));
        }
        IReadOnlyList<ManifestError> errors = [.. findings.Errors.OrderBy(e => e.Line == 0 ? int.MaxValue : e.Line).ThenBy(e => e.Column)];
        return new ManifestFile(file, pods, errors, findings.Notes);
    }

    /// <summary>
    /// A file whose text starts with a brace is tried as JSON first, whatever its name: JSON may be indented with tabs, which YAML's own
    /// reading of it would refuse.
    /// </summary>
    private static IReadOnlyList<ManifestNode> ReadDocuments(ReadOnlyMemory<byte> utf8, string file)
    {
        if (ManifestFileName.IsJson(file)) return JsonDocuments.Read(utf8);
        if (utf8.Span.TrimStart(" \t\r\n"u8).StartsWith("{"u8))
        {
            try
            {
                return JsonDocuments.Read(utf8);
            }
            catch (ManifestSyntaxException e) when (e.Reason == ManifestReason.JsonSyntax)
            {
                return YamlDocuments.Read(Encoding.UTF8.GetString(utf8.Span));
            }
        }
        return YamlDocuments.Read(Encoding.UTF8.GetString(utf8.Span));
    }

    private static void TakeObject(ManifestNode document, FieldPath path, ManifestFindings findings, List<Pod> pods)
    {
        if (findings.IsFull) return;
        if (document.Kind != NodeKind.Mapping)
        {
            findings.Add(document, path, ManifestReason.NotAnObject, $"is {document.Description}, expected an object with apiVersion and kind",
                "start the document with \"apiVersion: v1\" and \"kind: Pod\"");
            return;
        }
        string? apiVersion = TextOf(document, "apiVersion"), kind = TextOf(document, "kind");
        if (kind is null || apiVersion is null)
        {
            string missing = kind is null ? "kind" : "apiVersion";
            findings.Add(document, path.Field(missing), ManifestReason.MissingKind, "is missing or not text",
                kind is null ? "write \"kind: Pod\"" : "write \"apiVersion: v1\"");
            return;
        }
        if (kind is "List" or "PodList" && apiVersion == "v1") TakeList(document, path, findings, pods);
        else if (kind != "Pod") RefuseKind(document, kind, path, findings);
        else if (apiVersion != "v1")
        {
            findings.Add(document.Find("apiVersion")!.Value, path.Field("apiVersion"), ManifestReason.UnsupportedApiVersion,
                $"is {ManifestText.Quote(apiVersion)}; a Pod's is v1", "write \"apiVersion: v1\"");
        }
        else TakePod(document, path, findings, pods);
    }

    private static void TakeList(ManifestNode document, FieldPath path, ManifestFindings findings, List<Pod> pods)
    {
        foreach (ManifestEntry entry in document.Entries)
        {
            if (entry.Key is "apiVersion" or "kind" or "metadata" or "items") continue;
            findings.Add(entry, path.Field(entry.Key), ManifestReason.UnknownField, "is not a field of a list", "remove it");
        }
        ManifestNode? items = document.Find("items")?.Value;
        if (items is null || items.Kind is not (NodeKind.Sequence or NodeKind.Null))
        {
            findings.Add(items ?? document, path.Field("items"), ManifestReason.WrongType,
                items is null ? "is missing" : $"is {items.Description}, expected a list", "write \"items:\" with a list of Pods under it");
            return;
        }
        bool isPodList = TextOf(document, "kind") == "PodList";
        for (int i = 0; i < items.Items.Count; i++)
        {
            ManifestNode item = items.Items[i];
            FieldPath itemPath = path.Field("items").Index(i);
            // Items of a typed list need not repeat what the list says.
            if (isPodList && item.Kind == NodeKind.Mapping && item.Find("kind") is null && item.Find("apiVersion") is null)
                TakePod(item, itemPath, findings, pods);
            else
                TakeObject(item, itemPath, findings, pods);
        }
    }

    private static void RefuseKind(ManifestNode document, string kind, FieldPath path, ManifestFindings findings)
    {
        string remedy = WorkloadKinds.Contains(kind, StringComparer.Ordinal)
            ? $"write the {kind}'s pod template as a Pod: its spec.template.metadata and spec.template.spec, with a metadata.name"
            : Spelling.Nearest(kind, ["Pod", "PodList", "List"]) is { } nearest
                ? $"did you mean {nearest}?"
                : "remove the document";
        findings.Add(document.Find("kind")!.Value, path.Field("kind"), ManifestReason.UnsupportedKind,
            $"is {ManifestText.Quote(kind)}; Pod, PodList and List are supported at present", remedy);
    }

    private static void TakePod(ManifestNode document, FieldPath path, ManifestFindings findings, List<Pod> pods)
    {
        int before = findings.Errors.Count;
        if (PodBinder.Bind(document, path, findings) is not { } written) return;
        Pod pod = PodDefaults.Apply(written with { ApiVersion = "v1", Kind = "Pod", Status = null });
        PodValidator.Validate(pod, new ValidationScope(findings, path));
        if (findings.Errors.Count == before) pods.Add(pod);
    }

    private static void RefuseSameName(IReadOnlyList<ManifestNode> documents, List<Pod> pods, ManifestFindings findings)
    {
        var names = new HashSet<PodName>();
        foreach (Pod pod in pods)
        {
            PodName name = PodName.Of(pod);
            if (names.Add(name)) continue;
            ManifestNode place = PlaceOf(documents, name) ?? documents[0];
            findings.Add(place, FieldPath.Root.Field("metadata").Field("name"), ManifestReason.DuplicateValue,
                $"two pods of this file are called {name}", "give one of them another name");
        }
    }

    /// <summary>The last place in the file that gives this name.</summary>
    private static ManifestNode? PlaceOf(IReadOnlyList<ManifestNode> documents, PodName name)
    {
        ManifestNode? found = null;
        foreach (ManifestNode document in documents)
        {
            IEnumerable<ManifestNode> objects = document.Find("items")?.Value.Items ?? [document];
            foreach (ManifestNode item in objects)
            {
                ManifestNode? written = item.Find("metadata")?.Value.Find("name")?.Value;
                if (written?.Text == name.Name) found = written;
            }
        }
        return found;
    }

    private static string? TextOf(ManifestNode document, string field) =>
        document.Find(field)?.Value is { Kind: NodeKind.String } value ? value.Text : null;
}
