using NodeAgent.Core.Model;
using NodeAgent.Core.PodFiles;
using Xunit;

namespace NodeAgent.UnitTests.PodFiles;

public sealed class PodFilesTests
{
    private static Pod Named(string name, PodSpec? spec = null) =>
        new() { Metadata = new ObjectMeta { Name = name, Namespace = "shop" }, Spec = spec ?? new PodSpec() };

    public static TheoryData<string, string, PodSpec, string, string> Hostnames => new()
    {
        { "a pod is called by its name", "web", new PodSpec(), "web", "web" },
        { "spec.hostname wins over the name", "web", new PodSpec { Hostname = "front" }, "front", "front" },
        { "a subdomain gives a full name but not a longer hostname", "web", new PodSpec { Subdomain = "s" }, "web", "web.s.shop.svc.cluster.local" },
        { "setHostnameAsFQDN makes the full name the hostname", "web", new PodSpec { Subdomain = "s", SetHostnameAsFQDN = true },
            "web.s.shop.svc.cluster.local", "web.s.shop.svc.cluster.local" },
        { "setHostnameAsFQDN without a subdomain changes nothing", "web", new PodSpec { SetHostnameAsFQDN = true }, "web", "web" },
        { "hostnameOverride wins over everything", "web", new PodSpec { Hostname = "x", Subdomain = "s", HostnameOverride = "a.b" }, "a.b", "a.b" },
        { "a name over 63 characters is cut, and never ends in a dash or dot", new string('a', 62) + "-bcd", new PodSpec(),
            new string('a', 62), new string('a', 62) },
    };

    [Theory, MemberData(nameof(Hostnames))]
    public void Hostname(string because, string name, PodSpec spec, string hostname, string fqdn)
    {
        Assert.True(PodHostname.TryFor(Named(name, spec), "cluster.local", out PodHostname? actual, out _), because);
        Assert.Equal((hostname, fqdn), (actual.Name, actual.Fqdn));
    }

    [Fact]
    public void A_full_name_that_the_kernel_cannot_hold_is_refused_with_its_length()
    {
        Pod pod = Named(new string('p', 50), new PodSpec { Subdomain = "sub", SetHostnameAsFQDN = true });
        Assert.False(PodHostname.TryFor(pod, "cluster.local", out _, out string? problem));
        Assert.Contains("has 77 characters, at most 64", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_hosts_file_lists_loopback_the_pod_and_its_aliases()
    {
        var hostname = new PodHostname("web", "s.shop.svc.cluster.local");
        string text = HostsFile.ForPod(hostname, ["10.1.0.2", "fd00::2"], [new HostAlias { Ip = "1.2.3.4", Hostnames = ["db", "db.local"] }]);
        Assert.Equal(
            """
            # Kubernetes-managed hosts file.
            127.0.0.1	localhost
            ::1	localhost ip6-localhost ip6-loopback
            fe00::0	ip6-localnet
            fe00::0	ip6-mcastprefix
            fe00::1	ip6-allnodes
            fe00::2	ip6-allrouters
            10.1.0.2	web.s.shop.svc.cluster.local	web
            fd00::2	web.s.shop.svc.cluster.local	web

            # Entries added by HostAliases.
            1.2.3.4	db	db.local

            """, text);
    }

    [Fact]
    public void A_pod_with_only_loopback_resolves_its_own_name_there() =>
        Assert.EndsWith("127.0.0.1\tweb\n", HostsFile.ForPod(new PodHostname("web", ""), [], null), StringComparison.Ordinal);

    [Fact]
    public void A_pod_in_the_hosts_network_sees_the_nodes_file()
    {
        string text = HostsFile.ForHostNetwork("127.0.0.1 localhost", [new HostAlias { Ip = "1.1.1.1", Hostnames = ["one"] }]);
        Assert.Equal("# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n\n# Entries added by HostAliases.\n1.1.1.1\tone\n", text);
    }

    private static readonly ResolvConf Node = ResolvConf.Parse(
        """
        # made by hand
        domain old.example
        search corp.example lab.example. .
        nameserver 10.0.0.1   ; first
        nameserver 10.0.0.2
        sortlist 1.2.3.4
        options ndots:2 edns0
        """);

    public static TheoryData<string, PodSpec, string> Files => new()
    {
        { "Default is the node's file, cleaned", new PodSpec { DnsPolicy = "Default" },
            "search corp.example lab.example\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions ndots:2 edns0\n" },
        { "ClusterFirst is Default while there is no cluster", new PodSpec { DnsPolicy = "ClusterFirst" },
            "search corp.example lab.example\nnameserver 10.0.0.1\nnameserver 10.0.0.2\noptions ndots:2 edns0\n" },
        { "None takes dnsConfig only",
            new PodSpec { DnsPolicy = "None", DnsConfig = new PodDnsConfig { Nameservers = ["9.9.9.9"], Options = [new() { Name = "rotate" }] } },
            "nameserver 9.9.9.9\noptions rotate\n" },
        { "dnsConfig adds what is new and replaces options by name",
            new PodSpec
            {
                DnsPolicy = "Default",
                DnsConfig = new PodDnsConfig
                {
                    Nameservers = ["10.0.0.2", "9.9.9.9"], Searches = ["x.example"], Options = [new() { Name = "ndots", Value = "5" }],
                },
            },
            "search corp.example lab.example x.example\nnameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 9.9.9.9\noptions edns0 ndots:5\n" },
        { "None without dnsConfig is an empty file", new PodSpec { DnsPolicy = "None" }, "" },
    };

    [Theory, MemberData(nameof(Files))]
    public void Resolv_conf(string because, PodSpec spec, string expected)
    {
        ResolvConf.Composed composed = ResolvConf.ForPod(spec, Node);
        Assert.True(expected == composed.Text, $"{because}: {composed.Text}");
        Assert.Empty(composed.Omitted);
    }

    [Fact]
    public void What_does_not_fit_is_left_out_and_named()
    {
        var config = new PodDnsConfig
        {
            Nameservers = ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"],
            Searches = [.. Enumerable.Range(0, 33).Select(i => $"d{i}.example")],
        };
        ResolvConf.Composed composed = ResolvConf.ForPod(new PodSpec { DnsPolicy = "None", DnsConfig = config }, ResolvConf.Empty);
        Assert.DoesNotContain("4.4.4.4", composed.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("d32.example", composed.Text, StringComparison.Ordinal);
        Assert.Contains("d31.example", composed.Text, StringComparison.Ordinal);
        Assert.Equal(["nameservers over 3: 4.4.4.4", "search domains over 32 or 2048 characters: d32.example"], composed.Omitted);
    }

    [Fact]
    public void Search_domains_stop_at_2048_characters()
    {
        var config = new PodDnsConfig { Searches = [.. Enumerable.Range(0, 20).Select(i => new string((char)('a' + i), 200))] };
        ResolvConf.Composed composed = ResolvConf.ForPod(new PodSpec { DnsPolicy = "None", DnsConfig = config }, ResolvConf.Empty);
        Assert.Equal(10, composed.Text.Split(' ').Length - 1);
    }

    [Fact]
    public void Servers_on_the_loopback_are_recognised()
    {
        Assert.True(ResolvConf.Parse("nameserver 127.0.0.53\nnameserver ::1\n").OnlyLoopback);
        Assert.False(ResolvConf.Parse("nameserver 127.0.0.53\nnameserver 10.0.0.1\n").OnlyLoopback);
        Assert.False(ResolvConf.Empty.OnlyLoopback);
    }
}
