using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>How text becomes values: as kubectl and the kubelet read it.</summary>
public sealed class YamlTests
{
    [Theory(DisplayName = "A plain scalar is a boolean, number or null as in YAML 1.1")]
    [InlineData("yes", "bool")]
    [InlineData("No", "bool")]
    [InlineData("ON", "bool")]
    [InlineData("off", "bool")]
    [InlineData("y", "bool")]
    [InlineData("true", "bool")]
    [InlineData("False", "bool")]
    [InlineData("tRue", "string")]
    [InlineData("yEs", "string")]
    [InlineData("~", "null")]
    [InlineData("null", "null")]
    [InlineData("", "null")]
    [InlineData("nil", "string")]
    [InlineData("0", "0")]
    [InlineData("0755", "493")]
    [InlineData("0o755", "493")]
    [InlineData("0x1F", "31")]
    [InlineData("0b101", "5")]
    [InlineData("-12", "-12")]
    [InlineData("+12", "12")]
    [InlineData("1_000", "1000")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("-9223372036854775808", "-9223372036854775808")]
    [InlineData("9223372036854775808", "float")]
    [InlineData("1.5", "float")]
    [InlineData("1e3", "float")]
    [InlineData(".5", "float")]
    [InlineData("089", "float")]
    [InlineData("1.2.3", "string")]
    [InlineData("10.0.0.1", "string")]
    [InlineData("2026-01-31", "string")]
    [InlineData("12:30", "string")]
    [InlineData("0x", "string")]
    [InlineData("-", "string")]
    [InlineData("1Gi", "string")]
    [InlineData("v1", "string")]
    [InlineData(".inf", "string")]
    public void Scalars(string text, string expected)
    {
        ManifestNode node = YamlScalars.Resolve(text, 1, 1);
        string actual = node.Kind switch
        {
            NodeKind.Bool => "bool",
            NodeKind.Int => node.Integer.ToString(),
            NodeKind.Float => "float",
            NodeKind.Null => "null",
            _ => "string",
        };
        Assert.Equal(expected, actual);
    }

    [Fact(DisplayName = "Quoted and block scalars and those tagged as text stay text")]
    public void QuotedStaysText()
    {
        Pod pod = Manifest.Pod(Manifest.WithContainer("args: [\"8080\", 'yes', !!str 1]\ncommand:\n- |-\n  on"));
        Assert.Equal(["on"], pod.Spec!.Containers![0].Command!);
        Assert.Equal(["8080", "yes", "1"], pod.Spec!.Containers![0].Args!);
    }

    [Fact(DisplayName = "A null in a list or map of text is the empty text, as in the API")]
    public void NullText()
    {
        Pod pod = Manifest.Pod(Manifest.WithMetadata("labels:\n  a:\n  b: ~"));
        Assert.Equal("", pod.Metadata!.Labels!["a"]);
        pod = Manifest.Pod(Manifest.WithContainer("args: [~, x]"));
        Assert.Equal(["", "x"], pod.Spec!.Containers![0].Args!);
    }

    [Fact(DisplayName = "A field set to null counts as absent")]
    public void NullField()
    {
        Pod pod = Manifest.Pod(Manifest.WithSpec("restartPolicy:\naffinity: null\ninitContainers: ~"));
        Assert.Equal("Always", pod.Spec!.RestartPolicy);
        Assert.Null(pod.Spec.InitContainers);
    }

    [Theory(DisplayName = "A wrong type names what is there, what is expected and what to do")]
    [InlineData("env:\n- {name: A, value: 8080}", "spec.containers[0].env[0].value: is the number 8080, expected a string; quote it: \"8080\"")]
    [InlineData("env:\n- {name: A, value: yes}", "is the boolean yes, expected a string; quote it: \"yes\"")]
    [InlineData("env:\n- {name: A, value: 1.10}", "is the number 1.10, expected a string; quote it: \"1.10\"")]
    [InlineData("env:\n- {name: A, value: [a]}", "is a list, expected a string")]
    [InlineData("tty: \"true\"", "spec.containers[0].tty: is the string \"true\", expected true or false; remove the quotes")]
    [InlineData("tty: maybe", "expected true or false; write true or false")]
    [InlineData("ports:\n- containerPort: \"80\"", "is the string \"80\", expected a whole number; remove the quotes")]
    [InlineData("ports:\n- containerPort: 80.5", "is the number 80.5, expected a whole number")]
    [InlineData("ports:\n- containerPort: 4294967296", "4294967296 is not between -2147483648 and 2147483647")]
    [InlineData("ports:\n  containerPort: 80", "is a mapping, expected a list; put \"- \" before its first field and indent the others")]
    [InlineData("command: sleep", "spec.containers[0].command: is the string \"sleep\", expected a list; put \"- \" before it")]
    [InlineData("args: [{a: b}]", "spec.containers[0].args[0]: is a mapping, expected a string")]
    [InlineData("resources: [cpu]", "is a list, expected a mapping of fields; remove the dash")]
    [InlineData("resources: {limits: {cpu: 1 core}}", "spec.containers[0].resources.limits[cpu]: \"1 core\": no such unit as \" core\"")]
    [InlineData("resources: {limits: {memory: 1GB}}", "no such unit; Gi is 1024 Mi, G is 1000 M")]
    [InlineData("resources: {limits: {cpu: }}", "is empty, expected a quantity")]
    [InlineData("ports:\n-", "spec.containers[0].ports[0]: is empty, expected a value; remove the dash")]
    public void WrongTypes(string lines, string message)
    {
        ManifestError error = Assert.Single(Manifest.Parse(Manifest.WithContainer(lines)).Errors);
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
    }

    [Theory(DisplayName = "An unknown field is refused, and the nearest known one is named")]
    [InlineData("imagePullPolice: Always", "imagePullPolice: is not a field of the Pod API; did you mean imagePullPolicy?")]
    [InlineData("Command: [a]", "did you mean command?")]
    [InlineData("volumesMounts: []", "did you mean volumeMounts?")]
    [InlineData("restart: Always", "remove it, or look whether it belongs one level up or down")]
    public void UnknownFields(string lines, string message)
    {
        ManifestError error = Assert.Single(Manifest.Parse(Manifest.WithContainer(lines)).Errors);
        Assert.Equal((ManifestReason.UnknownField, 9, 5), (error.Reason, error.Line, error.Column));
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
    }

    [Fact(DisplayName = "Quantities may be bare numbers")]
    public void BareQuantities()
    {
        Pod pod = Manifest.Pod(Manifest.WithContainer("resources: {limits: {cpu: 2, memory: 1e9}, requests: {cpu: 0.5}}"));
        ResourceRequirements resources = pod.Spec!.Containers![0].Resources!;
        Assert.Equal(2000, resources.Limits!["cpu"].MilliValue);
        Assert.Equal(1_000_000_000, resources.Limits["memory"].Value);
        Assert.Equal(500, resources.Requests!["cpu"].MilliValue);
    }

    [Fact(DisplayName = "Anchors, aliases and merge keys work; the mapping's own keys win")]
    public void Merges()
    {
        Pod pod = Manifest.Pod("""
            apiVersion: v1
            kind: Pod
            metadata: {name: web, labels: &l {app: web, tier: front}, annotations: *l}
            spec:
              containers:
              - &base
                name: a
                image: x:1
                args: [one]
              - <<: *base
                name: b
              - <<: [{name: c, image: 'y:1'}, *base]
            """);
        Assert.Equal("front", pod.Metadata!.Annotations!["tier"]);
        Assert.Equal([("a", "x:1"), ("b", "x:1"), ("c", "y:1")], pod.Spec!.Containers!.Select(c => (c.Name, c.Image)));
        Assert.Equal(["one"], pod.Spec.Containers![2].Args!);
    }

    [Fact(DisplayName = "A file may hold several documents, lists of pods and empty documents between them")]
    public void SeveralDocuments()
    {
        static string pod(string name) =>
            "{apiVersion: v1, kind: Pod, metadata: {name: " + name + "}, spec: {containers: [{name: c, image: \"i:1\"}]}}";
        ManifestFile file = Manifest.Parse($"---\n{pod("a")}\n---\n# nothing\n---\napiVersion: v1\nkind: List\nmetadata: {{}}\nitems:\n- {pod("b")}\n- {pod("c")}\n...\n---\n"
            + $"apiVersion: v1\nkind: PodList\nitems:\n- metadata: {{name: d}}\n  spec: {{containers: [{{name: c, image: \"i:1\"}}]}}\n");
        Assert.Empty(file.Errors);
        Assert.Equal(["a", "b", "c", "d"], file.Pods.Select(p => p.Metadata!.Name));
        Assert.All(file.Pods, p => Assert.Equal(("v1", "Pod"), (p.ApiVersion, p.Kind)));
    }

    [Fact(DisplayName = "Two pods of one name in a file are an error at the second")]
    public void SameName()
    {
        ManifestError error = Assert.Single(Manifest.Parse(Manifest.Web + "---\n" + Manifest.Web).Errors);
        Assert.Equal((ManifestReason.DuplicateValue, 13), (error.Reason, error.Line));
        Assert.Contains("two pods of this file are called default/web", error.Message, StringComparison.Ordinal);
    }

    [Theory(DisplayName = "JSON is read by any of the names, with tabs, a byte order mark and several documents")]
    [InlineData("x.json")]
    [InlineData("x.yaml")]
    public void Json(string name)
    {
        string pod(string n) => "\n\t{\"apiVersion\":\"v1\",\n\t\"kind\":\"Pod\",\"metadata\":{\"name\":\"" + n + "\"},\n\t\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";
        ManifestFile file = Manifest.Parse("\uFEFF" + pod("a") + pod("b"), name);
        Assert.Empty(file.Errors);
        Assert.Equal(["a", "b"], file.Pods.Select(p => p.Metadata!.Name));
    }

    [Fact(DisplayName = "YAML in braces and with a byte order mark or Windows line ends is read")]
    public void OtherText()
    {
        Assert.Empty(Manifest.Parse("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, image: i}]}}").Errors);
        Assert.Empty(Manifest.Parse("\uFEFF" + Manifest.Web).Errors);
        Assert.Empty(Manifest.Parse(Manifest.Web.ReplaceLineEndings("\r\n")).Errors);
    }

    [Fact(DisplayName = "Tabs that do not indent are fine: in brackets, in text, after a value")]
    public void HarmlessTabs()
    {
        string text = Manifest.WithContainer("args: [\n\ta,\n\tb]\ncommand:\n- sh\n- |\n  if x; then\n  \ty\n  fi\ntty: true\t# yes");
        Pod pod = Manifest.Pod(text);
        Assert.Equal("if x; then\n\ty\nfi\n", pod.Spec!.Containers![0].Command![1]);
    }

    [Fact(DisplayName = "The place of an error in a list of pods is found")]
    public void PlaceInList()
    {
        ManifestFile file = Manifest.Parse("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    containers:\n    - name: B\n      image: i\n");
        ManifestError error = Assert.Single(file.Errors);
        Assert.Equal((9, 13, "items[0].spec.containers[0].name"), (error.Line, error.Column, error.FieldPath));
    }
}
