using System.Globalization;
using NodeAgent.Core.Model;

namespace NodeAgent.Core.Resources;

/// <summary>One size of huge pages in its three spellings: <c>hugepages-2Mi</c> in a manifest, <c>2MB</c> in a cgroup file, <c>hugepages-2048kB</c> in sysfs.</summary>
public static class HugePageSize
{
    private const string SysfsPrefix = "hugepages-";
    private const string SysfsSuffix = "kB";
    private static readonly (long Bytes, string Binary, string File)[] Units = [(1L << 30, "Gi", "GB"), (1L << 20, "Mi", "MB"), (1L << 10, "Ki", "KB")];

    public static bool IsResource(string resource) => resource.StartsWith(ResourceName.HugePagesPrefix, StringComparison.Ordinal);

    /// <summary>Bytes of a page of <c>hugepages-2Mi</c>; null when it is none.</summary>
    public static long? Of(string resource) =>
        IsResource(resource) && Quantity.TryParse(resource[ResourceName.HugePagesPrefix.Length..], out Quantity size) && size.Value > 0 ? size.Value : null;

    /// <summary>Bytes of a page of <c>hugepages-2048kB</c>, a folder of <c>/sys/kernel/mm/hugepages</c>; null when it is none.</summary>
    public static long? OfSysfs(string folder) =>
        folder.StartsWith(SysfsPrefix, StringComparison.Ordinal) && folder.EndsWith(SysfsSuffix, StringComparison.Ordinal)
        && long.TryParse(folder.AsSpan(SysfsPrefix.Length, folder.Length - SysfsPrefix.Length - SysfsSuffix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes)
            ? kibibytes << 10
            : null;

    public static string ResourceOf(long bytes) => ResourceName.HugePagesPrefix + Scaled(bytes, unit => unit.Binary);

    /// <summary>As in <c>hugetlb.2MB.max</c>.</summary>
    public static string FileName(long bytes) => Scaled(bytes, unit => unit.File);

    private static string Scaled(long bytes, Func<(long Bytes, string Binary, string File), string> suffix)
    {
        (long Bytes, string Binary, string File) unit = Units.FirstOrDefault(unit => bytes >= unit.Bytes, Units[^1]);
        return (bytes / unit.Bytes).ToString(CultureInfo.InvariantCulture) + suffix(unit);
    }
}
