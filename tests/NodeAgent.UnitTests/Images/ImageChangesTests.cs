using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using NodeAgent.Images.Library;
using Xunit;

namespace NodeAgent.UnitTests.Images;

/// <summary>Instructions that change how an imported image is run.</summary>
public sealed class ImageChangesTests
{
    private static string Apply(params string[] changes) =>
        JsonSerializer.Serialize(ImageChanges.Apply(new OciExecutionConfig(), changes), OciJson.Default.OciExecutionConfig);

    [Theory(DisplayName = "each instruction sets what a Dockerfile's would")]
    [InlineData("CMD [\"sh\", \"-c\", \"a b\"]", """{"Cmd":["sh","-c","a b"]}""")]
    [InlineData("CMD echo 'a b'", """{"Cmd":["/bin/sh","-c","echo 'a b'"]}""")]
    [InlineData("CMD []", """{"Cmd":[]}""")]
    [InlineData("cmd=[\"sh\"]", """{"Cmd":["sh"]}""")]
    [InlineData("CMD=/bin/bash", """{"Cmd":["/bin/sh","-c","/bin/bash"]}""")]
    [InlineData("  entrypoint\t[\"/init\"] ", """{"Entrypoint":["/init"]}""")]
    [InlineData("ENV A=b", """{"Env":["A=b"]}""")]
    [InlineData("ENV A=b C=\"d e\" F=g\\ h I='j \\k' L=", """{"Env":["A=b","C=d e","F=g h","I=j \\k","L="]}""")]
    [InlineData("ENV A b = c", """{"Env":["A=b = c"]}""")]
    [InlineData("ENV=A=b", """{"Env":["A=b"]}""")]
    [InlineData("LABEL a.b=c \"d e\"=f", """{"Labels":{"a.b":"c","d e":"f"}}""")]
    [InlineData("LABEL a b c", """{"Labels":{"a":"b c"}}""")]
    [InlineData("WORKDIR /srv/", """{"WorkingDir":"/srv"}""")]
    [InlineData("WORKDIR srv", """{"WorkingDir":"/srv"}""")]
    [InlineData("WORKDIR /", """{"WorkingDir":"/"}""")]
    [InlineData("USER web:1000", """{"User":"web:1000"}""")]
    [InlineData("EXPOSE 80 53/UDP 9000-9002/tcp", """{"ExposedPorts":{"80/tcp":{},"53/udp":{},"9000/tcp":{},"9001/tcp":{},"9002/tcp":{}}}""")]
    [InlineData("VOLUME /data /logs", """{"Volumes":{"/data":{},"/logs":{}}}""")]
    [InlineData("VOLUME [\"/a b\"]", """{"Volumes":{"/a b":{}}}""")]
    [InlineData("STOPSIGNAL SIGQUIT", """{"StopSignal":"SIGQUIT"}""")]
    [InlineData("STOPSIGNAL 3", """{"StopSignal":"3"}""")]
    public void Sets(string change, string expected) => Assert.Equal(expected, JsonDocument.Parse(Apply(change)).RootElement.ToString().Replace("\\u0027", "'", StringComparison.Ordinal));

    [Fact(DisplayName = "later changes go on from earlier ones")]
    public void InOrder()
    {
        Assert.Equal("""{"Env":["A=3","B=2"]}""", Apply("ENV A=1 B=2", "ENV A=3"));
        Assert.Equal("""{"WorkingDir":"/a/b/c"}""", Apply("WORKDIR /a", "WORKDIR b/", "WORKDIR c"));
        Assert.Equal("""{"Labels":{"a":"2","b":"1"}}""", Apply("LABEL a=1 b=1", "LABEL a=2"));
        Assert.Equal("""{"Volumes":{"/a":{},"/b":{}}}""", Apply("VOLUME /a", "VOLUME /b /a"));
        Assert.Equal("""{"Cmd":["b"]}""", Apply("CMD [\"a\"]", "CMD [\"b\"]"));
    }

    [Theory(DisplayName = "a change that means nothing is refused, with itself and the reason")]
    [InlineData("RUN make", "expected one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR")]
    [InlineData("", "expected one of")]
    [InlineData("CMD", "CMD needs a value")]
    [InlineData("CMD [\"sh\"", "must be a JSON array of strings, in double quotes")]
    [InlineData("CMD ['sh']", "must be a JSON array of strings, in double quotes")]
    [InlineData("CMD [1]", "must be a JSON array of strings, in double quotes")]
    [InlineData("ENV A", "'A' has no value; write A=VALUE")]
    [InlineData("ENV A=b c", "'c' is not NAME=VALUE; a value with blanks needs quotes")]
    [InlineData("ENV =b", "'=b' is not NAME=VALUE")]
    [InlineData("ENV A=\"b", "a \" has no end")]
    [InlineData("EXPOSE http", "'http' is no port")]
    [InlineData("EXPOSE 0", "'0' is no port")]
    [InlineData("EXPOSE 90-80", "'90-80' is no port")]
    [InlineData("EXPOSE 80/icmp", "'80/icmp' is no port")]
    [InlineData("EXPOSE 1-2-3", "'1-2-3' is no port")]
    [InlineData("VOLUME data", "volume 'data' is not an absolute path")]
    [InlineData("USER a b", "'a b' is no user")]
    [InlineData("USER a:b:c", "'a:b:c' is no user")]
    [InlineData("STOPSIGNAL SIGNONE", "'SIGNONE' is no signal")]
    public void Refuses(string change, string reason)
    {
        ImageRefusedException refused = Assert.Throws<ImageRefusedException>(() => Apply("USER 1", change));

        Assert.Equal(ImageRefusal.Invalid, refused.Refusal);
        Assert.StartsWith($"change '{change}': ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }
}
