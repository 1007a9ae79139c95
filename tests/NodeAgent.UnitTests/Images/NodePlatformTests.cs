using NodeAgent.Images.Content;
using Xunit;

namespace NodeAgent.UnitTests.Images;

public sealed class NodePlatformTests
{
    private const string Second = "fpu cx16 lahf_lm popcnt ssse3 sse4_1 sse4_2";
    private const string Third = Second + " abm avx avx2 bmi1 bmi2 f16c fma movbe xsave";
    private const string Fourth = Third + " avx512f avx512bw avx512cd avx512dq avx512vl";

    [Theory]
    [InlineData("fpu sse2", "v1")]
    [InlineData(Second, "v2 v1")]
    [InlineData(Third, "v3 v2 v1")]
    [InlineData(Fourth, "v4 v3 v2 v1")]
    [InlineData("fpu avx2 avx512f avx512bw avx512cd avx512dq avx512vl", "v1")]
    public void A_processor_has_the_levels_below_its_own_and_none_with_a_gap(string flags, string levels) =>
        Assert.Equal(levels.Split(' '), NodePlatform.LevelsOfX86(flags.Split(' ').ToHashSet()));

    [Fact]
    public void This_machine_has_a_platform()
    {
        NodePlatform platform = NodePlatform.Read("/proc");

        Assert.Contains(platform.Architecture, (string[])["amd64", "arm64"]);
        Assert.NotEmpty(platform.Variants);
    }
}
