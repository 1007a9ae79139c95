using System.CommandLine;
using NodeAgent.Cli;
using NodeAgent.Configuration;
using NodeAgent.Core.Configuration;
using Xunit;

namespace NodeAgent.UnitTests.Packaging;

public sealed class ManualPageTests
{
    [Fact(DisplayName = "podctl(1) has every command and option that podctl has, and no others")]
    public void Podctl()
    {
        using var io = new PodctlIo(Stream.Null, Stream.Null, Stream.Null);
        AssertSame(NodeAgent.Cli.Podctl.Commands(io), "podctl", "docs/man/podctl.1");
    }

    [Fact(DisplayName = "podagent(8) has every command and option that podagent has, and no others")]
    public void Podagent() =>
        AssertSame(new CommandLine().Build((_, _) => Task.FromResult(0), (_, _, _) => Task.FromResult(0)), "podagent", "docs/man/podagent.8");

    [Fact(DisplayName = "podagent.yaml(5) has every setting that the configuration file may have, and no others")]
    public void Configuration() =>
        Assert.Equal(
            ConfigurationParser.KnownFields.Order(StringComparer.Ordinal),
            ManualPage.Read("docs/man/podagent.yaml.5", "podagent.yaml").Settings.Order(StringComparer.Ordinal));

    [Fact(DisplayName = "the configuration file of the package is one that the agent takes, and refuses what cannot be enforced")]
    public void PackagedConfiguration()
    {
        string file = PackageSources.PathOf("packaging/podagent.yaml");
        (AgentConfiguration? configuration, var errors) = ConfigurationParser.Parse(File.ReadAllBytes(file), file);
        Assert.Empty(errors);
        Assert.True(configuration?.RequireControllers);
        // What is there to be uncommented has to be right too.
        string uncommented = string.Join('\n', File.ReadLines(file).Select(line => line is ['#', not ' ', ..] or ['#', ' ', ' ', ..] ? line[1..] : line));
        Assert.Empty(ConfigurationParser.Parse(System.Text.Encoding.UTF8.GetBytes(uncommented), file).Errors);
    }

    private static void AssertSame(RootCommand root, string program, string page)
    {
        ManualPage manual = ManualPage.Read(page, program);
        Dictionary<string, SortedSet<string>> real = new(StringComparer.Ordinal);
        Collect(root, program, real);
        Assert.Equal(real.Keys.Order(StringComparer.Ordinal), manual.Options.Keys.Order(StringComparer.Ordinal));
        foreach ((string command, SortedSet<string> options) in real)
            Assert.True(options.SetEquals(manual.Options[command]), $"{page}: {command} has {string.Join(' ', options)}; documented: {string.Join(' ', manual.Options[command])}");
    }

    /// <summary>Options that hold for every command stand at the root only.</summary>
    private static void Collect(Command command, string path, Dictionary<string, SortedSet<string>> into)
    {
        IEnumerable<Option> own = command is RootCommand ? command.Options : command.Options.Where(option => !option.Recursive);
        var names = new SortedSet<string>(own.SelectMany(option => (string[])[option.Name, .. option.Aliases]).Where(name => name[0] == '-'), StringComparer.Ordinal);
        // What only groups commands has nothing to document.
        if (command.Subcommands.Count == 0 || names.Count > 0)
            into[path] = names;
        foreach (Command child in command.Subcommands.Where(child => !child.Hidden))
        {
            foreach (string name in (string[])[child.Name, .. child.Aliases])
                Collect(child, path + " " + name, into);
        }
    }
}
