namespace NodeAgent.Api.Discovery;

/// <summary>What clients ask before anything else: which groups, versions and resources there are (meta/v1 APIVersions, APIGroupList, APIResourceList).</summary>
internal static class DiscoveryDocuments
{
    public static ReadOnlySpan<byte> Api => """
        {"kind":"APIVersions","versions":["v1"],"serverAddressByClientCIDRs":[]}
        """u8;

    public static ReadOnlySpan<byte> Groups => """
        {"kind":"APIGroupList","apiVersion":"v1","groups":[{"name":"podagent.io","versions":[{"groupVersion":"podagent.io/v1alpha1","version":"v1alpha1"}],
        "preferredVersion":{"groupVersion":"podagent.io/v1alpha1","version":"v1alpha1"}}]}
        """u8;

    public static ReadOnlySpan<byte> Group => """
        {"kind":"APIGroup","apiVersion":"v1","name":"podagent.io","versions":[{"groupVersion":"podagent.io/v1alpha1","version":"v1alpha1"}],
        "preferredVersion":{"groupVersion":"podagent.io/v1alpha1","version":"v1alpha1"}}
        """u8;

    public static ReadOnlySpan<byte> Core => """
        {"kind":"APIResourceList","groupVersion":"v1","resources":[
        {"name":"events","singularName":"event","namespaced":true,"kind":"Event","verbs":["get","list","watch"],"shortNames":["ev"]},
        {"name":"nodes","singularName":"node","namespaced":false,"kind":"Node","verbs":["get","list","patch"],"shortNames":["no"]},
        {"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["delete","get","list","watch"],"shortNames":["po"],"categories":["all"]},
        {"name":"pods/attach","singularName":"","namespaced":true,"kind":"PodAttachOptions","verbs":["create","get"]},
        {"name":"pods/exec","singularName":"","namespaced":true,"kind":"PodExecOptions","verbs":["create","get"]},
        {"name":"pods/log","singularName":"","namespaced":true,"kind":"Pod","verbs":["get"]},
        {"name":"pods/portforward","singularName":"","namespaced":true,"kind":"PodPortForwardOptions","verbs":["create","get"]}]}
        """u8;

    public static ReadOnlySpan<byte> Own => """
        {"kind":"APIResourceList","apiVersion":"v1","groupVersion":"podagent.io/v1alpha1","resources":[
        {"name":"images","singularName":"image","namespaced":false,"kind":"Image","verbs":["get","list","create","delete","deletecollection"],"shortNames":["img"]},
        {"name":"manifesterrors","singularName":"manifesterror","namespaced":false,"kind":"ManifestError","verbs":["get","list"]}]}
        """u8;

    /// <summary>The Kubernetes version whose API this is, with the agent's own behind it.</summary>
    public static byte[] Version(string agentVersion) => System.Text.Encoding.UTF8.GetBytes(
        $$"""
        {"major":"1","minor":"36","gitVersion":"v1.36.0-podagent.{{agentVersion}}","gitCommit":"","gitTreeState":"clean","buildDate":"1970-01-01T00:00:00Z",
        "goVersion":"none","compiler":"dotnet","platform":"linux/{{Architecture}}"}
        """);

    /// <summary>In Go's spelling, as everything of Kubernetes has it.</summary>
    public static string Architecture => System.Runtime.InteropServices.RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture other => other.ToString().ToLowerInvariant(),
    };
}
