using System.Text;
using System.Text.Json;
using NodeAgent.Core.Cri;
using NodeAgent.Images.Content;
using Xunit;

namespace NodeAgent.UnitTests.Images;

public sealed class ImageConfigTests
{
    private static ImageConfig Parse(string json) =>
        JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(json), OciJson.Default.OciImageConfig)!.ToImageConfig();

    [Fact]
    public void Everything_a_container_inherits_is_read()
    {
        ImageConfig config = Parse("""
            {"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00Z","config":{
              "User":"web:www","Env":["A=b","C="],"Entrypoint":["/init","x"],"Cmd":["y"],"WorkingDir":"/srv","StopSignal":"SIGQUIT","ArgsEscaped":true,
              "Volumes":{"/z":{},"/data":{}},"Labels":{"l":"v","n":null},"ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Test":["NONE"]}},
             "rootfs":{"type":"layers","diff_ids":[]},"history":[{"created_by":"x"}]}
            """);

        Assert.Equal(["/init", "x"], config.Entrypoint);
        Assert.Equal(["y"], config.Cmd);
        Assert.Equal(["A=b", "C="], config.Env);
        Assert.Equal(("/srv", "web:www", "SIGQUIT"), (config.WorkingDir, config.User, config.StopSignal));
        Assert.Equal(["/data", "/z"], config.Volumes);
        Assert.Equal(("v", ""), (config.Labels["l"], config.Labels["n"]));
        Assert.Equal(("amd64", "linux"), (config.Architecture, config.Os));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"config":null,"rootfs":null}""")]
    [InlineData("""{"config":{}}""")]
    [InlineData("""{"config":{"User":null,"Env":null,"Entrypoint":null,"Cmd":null,"WorkingDir":null,"StopSignal":"","Volumes":null,"Labels":null}}""")]
    public void What_is_missing_or_null_is_empty(string json)
    {
        ImageConfig config = Parse(json);

        Assert.Empty(config.Entrypoint.Concat(config.Cmd).Concat(config.Env).Concat(config.Volumes));
        Assert.Empty(config.Labels);
        Assert.Equal(("", "", null), (config.WorkingDir, config.User, config.StopSignal));
    }

    [Fact]
    public void A_command_may_be_one_string_as_early_docker_wrote_it() =>
        Assert.Equal(["/bin/sh"], Parse("""{"config":{"Cmd":"/bin/sh"}}""").Cmd);

    [Fact]
    public void A_command_of_anything_else_is_refused() =>
        Assert.Throws<JsonException>(() => Parse("""{"config":{"Cmd":[1]}}"""));
}
