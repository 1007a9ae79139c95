using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Runtime.Bundle;
using Xunit;

namespace NodeAgent.UnitTests.Bundle;

public sealed class ContainerCommandTests
{
    private static readonly ImageConfig Image = new() { Entrypoint = ["/entry", "e"], Cmd = ["c1", "c2"], WorkingDir = "/srv" };
    private static readonly KeyValuePair<string, string>[] NoVariables = [];

    [Theory]
    [InlineData("", "", "/entry e c1 c2")]
    [InlineData("cmd x", "", "cmd x")]
    [InlineData("", "a b", "/entry e a b")]
    [InlineData("cmd", "a b", "cmd a b")]
    public void Command_replaces_entrypoint_and_cmd_and_args_replaces_cmd(string command, string args, string expected) =>
        Assert.Equal(expected, string.Join(' ', ContainerCommand.Argv(new Container { Command = Words(command), Args = Words(args) }, Image, NoVariables)));

    [Fact]
    public void Variables_are_put_into_command_and_args_but_not_into_what_the_image_says()
    {
        ImageConfig image = new() { Entrypoint = ["$(A)"] };
        KeyValuePair<string, string>[] variables = [new("A", "alpha")];
        Assert.Equal(["alpha", "$(A)", "$(B)"], ContainerCommand.Argv(new Container { Command = ["$(A)"], Args = ["$$(A)", "$(B)"] }, image, variables));
        Assert.Equal(["$(A)", "alpha"], ContainerCommand.Argv(new Container { Args = ["$(A)"] }, image, variables));
    }

    [Fact]
    public void Nothing_to_run_is_an_error_that_names_container_and_image()
    {
        PodRuntimeException e = Assert.Throws<PodRuntimeException>(() => ContainerCommand.Argv(new Container { Name = "c", Image = "scratch" }, new ImageConfig(), NoVariables));
        Assert.Equal(RuntimeFailure.CreateContainerError, e.Failure);
        Assert.Equal("container c: no command specified, neither in the manifest nor in the image scratch", e.Message);
    }

    [Theory]
    [InlineData("/data", "/data")]
    [InlineData(null, "/srv")]
    [InlineData("rel", "/rel")]
    public void The_manifests_working_directory_wins_over_the_images(string? given, string expected) =>
        Assert.Equal(expected, ContainerCommand.WorkingDirectory(new Container { WorkingDir = given }, Image));

    [Fact]
    public void Without_a_working_directory_it_is_the_root() => Assert.Equal("/", ContainerCommand.WorkingDirectory(new Container(), new ImageConfig()));

    private static string[]? Words(string text) => text.Length == 0 ? null : text.Split(' ');
}
