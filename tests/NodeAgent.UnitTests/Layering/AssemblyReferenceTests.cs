using System.Reflection;
using Xunit;

namespace NodeAgent.UnitTests.Layering;

/// <summary>The layers may only look downwards: what is asserted here is what the README's picture shows.</summary>
public sealed class AssemblyReferenceTests
{
    public static TheoryData<string, string[]> Layers => new()
    {
        { "NodeAgent.Core", [] },
        { "NodeAgent.Linux", [] },
        { "NodeAgent.Images", ["NodeAgent.Core", "NodeAgent.Linux"] },
        { "NodeAgent.Runtime", ["NodeAgent.Core", "NodeAgent.Linux"] },
        { "NodeAgent.Pods", ["NodeAgent.Core"] },
        { "podctl", ["NodeAgent.Core", "NodeAgent.Linux"] },
        { "podagent", ["NodeAgent.Core", "NodeAgent.Linux", "NodeAgent.Images", "NodeAgent.Runtime", "NodeAgent.Pods"] },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void An_assembly_refers_only_to_the_layers_below_it(string name, string[] allowed)
    {
        IEnumerable<string> ours = References(name).Where(reference => reference.StartsWith("NodeAgent", StringComparison.Ordinal) || reference.StartsWith("pod", StringComparison.Ordinal));

        Assert.Empty(ours.Except(allowed, StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("System.IO.FileSystem.Watcher")]
    [InlineData("System.IO.Pipes")]
    [InlineData("System.Net.Sockets")]
    [InlineData("System.Net.Http")]
    [InlineData("System.Diagnostics.Process")]
    [InlineData("System.Threading.Thread")]
    [InlineData("Microsoft.Extensions.Logging.Abstractions")]
    public void Core_does_not_even_refer_to_the_assemblies_of_effects(string assembly) => Assert.DoesNotContain(assembly, References("NodeAgent.Core"));

    [Fact]
    public void Unsafe_code_lives_in_the_Linux_layer_only()
    {
        foreach (string name in new[] { "NodeAgent.Core", "NodeAgent.Images", "NodeAgent.Runtime", "NodeAgent.Pods", "podagent", "podctl" })
        {
            bool isUnsafe = Assembly.Load(name).Modules.Single().GetCustomAttributesData()
                .Any(attribute => attribute.AttributeType.FullName == "System.Security.UnverifiableCodeAttribute");
            Assert.False(isUnsafe, name + " is compiled with AllowUnsafeBlocks");
        }
    }

    private static IEnumerable<string> References(string name) => Assembly.Load(name).GetReferencedAssemblies().Select(reference => reference.Name!);
}
