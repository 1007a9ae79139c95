namespace NodeAgent.Core.Manifests;

/// <summary>Which names in the manifest folder are manifests.</summary>
public static class ManifestFileName
{
    /// <summary>
    /// True for a plain name ending in .yaml, .yml or .json, in any case. Names that editors and package managers use for their own
    /// files never are: hidden files, <c>x.yaml~</c>, <c>#x.yaml#</c>, <c>.#x.yaml</c>, <c>x.yaml.swp</c>, <c>4913</c>, <c>x.yaml.dpkg-new</c>.
    /// </summary>
    /// <param name="name">The last part of a path.</param>
    public static bool IsManifest(string name)
    {
        if (name.Length == 0 || name[0] is '.' or '#' || name.Contains('/', StringComparison.Ordinal)) return false;
        int dot = name.LastIndexOf('.');
        return dot > 0 && name[dot..].ToLowerInvariant() is ".yaml" or ".yml" or ".json";
    }

    /// <summary>True when the file is read as JSON only.</summary>
    public static bool IsJson(string file) => file.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
}
