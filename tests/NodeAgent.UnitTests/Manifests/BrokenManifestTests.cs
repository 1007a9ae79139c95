using System.Text;
using NodeAgent.Core.Manifests;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>Files that cannot be read as objects: the reason, the place, and what to do.</summary>
public sealed class BrokenManifestTests
{
    public static TheoryData<string, string, ManifestReason, int, int, string> Texts => new()
    {
        { "an empty file", "", ManifestReason.EmptyFile, 0, 0, "holds no object; write a Pod" },
        { "a file of comments", "# nothing\n---\n# at all\n", ManifestReason.EmptyFile, 0, 0, "remove the file" },
        { "a tab for indentation", "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: web\n", ManifestReason.TabIndentation, 4, 1, "line 4 is indented with a tab, and tabs cannot indent YAML" },
        { "a tab after spaces", "spec:\n  containers:\n  \t- name: a\n", ManifestReason.TabIndentation, 3, 3, "replace the tabs by spaces" },
        { "a tab on a blank line", "kind: Pod\nspec: {}\n\t\nmetadata: {}\n", ManifestReason.TabIndentation, 3, 1, "line 3 is indented with a tab" },
        { "a tab after text with tabs", "args:\n- |\n  a\n  \tb\nx:\n\ty: 1\n", ManifestReason.TabIndentation, 6, 1, "line 6 is indented" },
        { "a quote that is not closed", "kind: \"Pod\nmetadata: {}\n", ManifestReason.YamlSyntax, 1, 7, "is not YAML" },
        { "a colon in a plain value", "kind: Pod\nmetadata:\n  name: a: b\n", ManifestReason.YamlSyntax, 3, 10, "quote a value that has a colon in it" },
        { "a bracket that is not closed", "kind: Pod\nspec: {containers: [\n", ManifestReason.YamlSyntax, 3, 1, "is not YAML" },
        { "a key given twice", "kind: Pod\nmetadata:\n  name: a\n  name: b\n", ManifestReason.DuplicateKey, 4, 3, "gives the key \"name\" a second time; the first is on line 3" },
        { "an alias without an anchor", "kind: Pod\nspec: *base\n", ManifestReason.UndefinedAlias, 2, 7, "the anchor \"base\", which is not defined" },
        { "an anchor that contains itself", "kind: Pod\nspec: &a\n  x: *a\n", ManifestReason.UndefinedAlias, 3, 6, "which is not defined before it" },
        { "a tag nobody knows", "kind: !secret Pod\n", ManifestReason.UnsupportedTag, 1, 7, "remove the tag" },
        { "a tag that does not fit", "kind: !!int Pod\n", ManifestReason.UnsupportedTag, 1, 7, "does not fit the value" },
        { "a key that YAML reads as a boolean", "kind: Pod\nmetadata:\n  labels:\n    on: x\n", ManifestReason.BadKey, 4, 5, "has a key that is the boolean on, not text; quote the key" },
        { "a key that is a list", "kind: Pod\n? [a, b]\n: c\n", ManifestReason.BadKey, 2, 3, "has a key that is a list" },
        { "a merge of a string", "kind: Pod\n<<: other\n", ManifestReason.BadKey, 2, 5, "takes a mapping or a list of mappings" },
        { "a control character", "kind: Pod\nmetadata: {name: a\u0001}\n", ManifestReason.ControlCharacter, 2, 19, "has the control character 0x01" },
        { "a NUL byte", "kind: Pod\n\0", ManifestReason.NulByte, 2, 1, "has a NUL byte" },
        { "a list as document", "- kind: Pod\n", ManifestReason.NotAnObject, 1, 1, "is a list, expected an object" },
        { "a sentence as document", "this is no manifest\n", ManifestReason.NotAnObject, 1, 1, "is the string \"this is no manifest\"" },
        { "no kind", "apiVersion: v1\nmetadata: {name: a}\n", ManifestReason.MissingKind, 1, 1, "kind: is missing or not text; write \"kind: Pod\"" },
        { "no apiVersion", "kind: Pod\n", ManifestReason.MissingKind, 1, 1, "write \"apiVersion: v1\"" },
        { "another version of Pod", "apiVersion: v2\nkind: Pod\n", ManifestReason.UnsupportedApiVersion, 1, 13, "is \"v2\"; a Pod's is v1" },
        { "a Deployment", "apiVersion: apps/v1\nkind: Deployment\n", ManifestReason.UnsupportedKind, 2, 7, "write the Deployment's pod template as a Pod" },
        { "a Service", "apiVersion: v1\nkind: Service\n", ManifestReason.UnsupportedKind, 2, 7, "Pod, PodList and List are supported at present; remove the document" },
        { "a kind in the wrong case", "apiVersion: v1\nkind: pod\n", ManifestReason.UnsupportedKind, 2, 7, "did you mean Pod?" },
        { "a list of something else", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n", ManifestReason.UnsupportedKind, 5, 9, "items[0].kind: is \"ConfigMap\"" },
        { "a list without items", "apiVersion: v1\nkind: List\n", ManifestReason.WrongType, 1, 1, "items: is missing" },
        { "a list with another field", "apiVersion: v1\nkind: List\nitems: []\npods: []\n", ManifestReason.UnknownField, 4, 1, "is not a field of a list" },
    };

    [Theory(DisplayName = "A file that is no manifest is refused with reason, line and column")]
    [MemberData(nameof(Texts))]
    public void Refused(string what, string text, ManifestReason reason, int line, int column, string message)
    {
        ManifestFile file = Manifest.Parse(text);
        Assert.Empty(file.Pods);
        ManifestError error = Assert.Single(file.Errors);
        Assert.True(reason == error.Reason, $"{what}: {error.Reason}: {error}");
        Assert.True((line, column) == (error.Line, error.Column), $"{what}: {error}");
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.ToString());
    }

    public static TheoryData<string, byte[], ManifestReason, int, int> Bytes => new()
    {
        { "UTF-16, big end first", [0xFE, 0xFF, 0, (byte)'a'], ManifestReason.Utf16, 1, 1 },
        { "UTF-16, little end first", [0xFF, 0xFE, (byte)'a', 0], ManifestReason.Utf16, 1, 1 },
        { "UTF-16 without a mark", Encoding.Unicode.GetBytes("kind: Pod"), ManifestReason.NulByte, 1, 2 },
        { "Latin-1", Encoding.Latin1.GetBytes("a: 1\nname: caf\u00e9\n"), ManifestReason.NotUtf8, 2, 10 },
        { "a character cut short at the end", [.. "name: x"u8, 0xE2, 0x82], ManifestReason.NotUtf8, 1, 8 },
        { "a control character before the bad byte", [0x1B, 0xFF], ManifestReason.ControlCharacter, 1, 1 },
    };

    [Theory(DisplayName = "Bytes that are not UTF-8 text are refused with their place")]
    [MemberData(nameof(Bytes))]
    public void NotText(string what, byte[] bytes, ManifestReason reason, int line, int column)
    {
        ManifestError error = Assert.Single(ManifestParser.Parse(bytes, "x.yaml").Errors);
        Assert.True((reason, line, column) == (error.Reason, error.Line, error.Column), $"{what}: {error}");
    }

    public static TheoryData<string, string, ManifestReason, int, int, string> Json => new()
    {
        { "a trailing comma", "{\n  \"kind\": \"Pod\",\n}\n", ManifestReason.JsonSyntax, 3, 1, "trailing commas are not JSON" },
        { "a comment", "{ // pod\n}\n", ManifestReason.JsonSyntax, 1, 3, "comments" },
        { "a key given twice", "{\"kind\":\"Pod\",\n \"kind\":\"Pod\"}", ManifestReason.DuplicateKey, 2, 2, "the first is on line 1" },
        { "YAML", "kind: Pod\n", ManifestReason.JsonSyntax, 1, 1, "is not JSON" },
        { "half a surrogate pair", "{\"kind\":\"\\ud800\"}", ManifestReason.NotUtf8, 1, 9, "half of a surrogate pair" },
        { "a number beyond all bounds", "{\"kind\":1e999}", ManifestReason.OutOfRange, 1, 9, "too large" },
        { "text that ends too early", "{\"kind\":", ManifestReason.JsonSyntax, 1, 9, "is not JSON" },
        { "a place counted in characters", "{\"é€😀\":1,\n\"é\":{\"a\":1,\"a\":2}}", ManifestReason.DuplicateKey, 2, 12, "second time" },
    };

    [Theory(DisplayName = "A JSON file that is no manifest is refused with reason, line and column")]
    [MemberData(nameof(Json))]
    public void RefusedJson(string what, string text, ManifestReason reason, int line, int column, string message)
    {
        ManifestError error = Assert.Single(Manifest.Parse(text, "x.json").Errors);
        Assert.True((reason, line, column) == (error.Reason, error.Line, error.Column), $"{what}: {error.Reason}: {error}");
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
    }

    [Fact(DisplayName = "An error is one line: file, place, field, what is wrong, what to do")]
    public void OneLine()
    {
        ManifestError error = Assert.Single(Manifest.Parse(Manifest.WithContainer("imagePullPolicy: Allways")).Errors);
        Assert.Equal(
            "web.yaml:9:22: spec.containers[0].imagePullPolicy: is \"Allways\", expected one of Always, IfNotPresent, Never; did you mean Always?",
            error.ToString());
    }

    [Fact(DisplayName = "Errors about the file itself name the remedy")]
    public void FileErrors()
    {
        Assert.Equal("a.yaml: is a directory, not a regular file; move the manifests in it one level up, sub-folders are not read, or rename the directory",
            ManifestError.NotARegularFile("a.yaml", "directory").ToString());
        Assert.Equal("a.yaml: is a FIFO, not a regular file; remove the FIFO or give it a name that does not end in .yaml, .yml or .json",
            ManifestError.NotARegularFile("a.yaml", "FIFO").ToString());
        Assert.Contains("is a symbolic link to \"/gone\"", ManifestError.DanglingLink("a.yaml", "/gone").ToString(), StringComparison.Ordinal);
        Assert.Contains("cannot be read: EACCES", ManifestError.Unreadable("a.yaml", "EACCES: permission denied").ToString(), StringComparison.Ordinal);
        Assert.Contains("more than the 10485760 that are read", ManifestError.TooLarge("a.yaml", 10485761).ToString(), StringComparison.Ordinal);
    }

    [Fact(DisplayName = "A message never carries a user's control characters, and cuts what is long")]
    public void NoControlCharacters()
    {
        string text = Manifest.WithContainer("imagePullPolicy: \"a\\nb\\e[31m" + new string('x', 5000) + "\"");
        string line = Assert.Single(Manifest.Parse(text).Errors).ToString();
        Assert.DoesNotContain('\n', line);
        Assert.DoesNotContain('\u001b', line);
        Assert.True(line.Length < 400, line);
    }

    [Fact(DisplayName = "A file with faults without end lists a hundred of them")]
    public void ManyErrors()
    {
        var text = new StringBuilder(Manifest.Web);
        for (int i = 0; i < 5000; i++) text.Append("    bad").Append(i).Append(": 1\n");
        ManifestFile file = Manifest.Parse(text.ToString());
        Assert.Equal(100, file.Errors.Count);
        Assert.Equal(ManifestReason.TooManyErrors, file.Errors[^1].Reason);
    }
}
