using System.Text.RegularExpressions;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Limits;

/// <summary>The contract of cgroup drivers, by the kernel tests' own classes, where systemd and all controllers are: on most build machines these skip.</summary>
[Trait("Set", "limits")]
public sealed partial class DriverContractTests(TestMachines machines) : VmTest(machines, Snapshot.Booted)
{
    [Fact]
    public async Task Both_cgroup_drivers_keep_their_contract_and_no_case_is_skipped()
    {
        await Machine.WaitAsync("mountpoint -q /mnt/payload", "the payload is mounted");
        string run = string.Join(' ', KernelTestPayload.Command, "-noColor", "-noLogo",
            "-class", "NodeAgent.KernelTests.Cgroups.SystemdDriverTests", "-class", "NodeAgent.KernelTests.Cgroups.CgroupfsDriverTests");

        GuestResult result = await Machine.RunAsync(run, TimeSpan.FromMinutes(15));

        Assert.True(result.ExitCode == 0, result.Output);
        Match summary = Summary().Match(result.Output);
        Assert.True(summary.Success, result.Output);
        Assert.Equal("0", summary.Groups["skipped"].Value);
        Assert.InRange(int.Parse(summary.Groups["total"].Value, System.Globalization.CultureInfo.InvariantCulture), 30, 1000);
    }

    [GeneratedRegex(@"Total: (?<total>\d+), Errors: 0, Failed: 0, Skipped: (?<skipped>\d+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Summary();
}

/// <summary>The kernel tests as this clone has built them, with the runtime that runs this test.</summary>
internal static class KernelTestPayload
{
    private const string Folder = "/mnt/payload/extra/kernel-tests";

    /// <summary>Runs them in the guest; the runner's arguments follow.</summary>
    public const string Command = $"{Folder}/dotnet/dotnet exec {Folder}/bin/NodeAgent.KernelTests.dll";

    public static void Write(string extra)
    {
        string folder = extra + "/kernel-tests";
        string configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));
        Copy($"{Repository.Artifacts}/bin/NodeAgent.KernelTests/{configuration}", folder + "/bin");

        // {root}/shared/Microsoft.NETCore.App/{version}/
        string runtime = System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory().TrimEnd('/');
        string root = Path.GetFullPath(runtime + "/../../..");
        foreach (string part in (string[])["shared/Microsoft.NETCore.App", "shared/Microsoft.AspNetCore.App", "host/fxr"])
        {
            string version = part + "/" + Path.GetFileName(runtime);
            Copy($"{root}/{version}", $"{folder}/dotnet/{version}");
        }

        File.Copy(root + "/dotnet", folder + "/dotnet/dotnet");
    }

    private static void Copy(string from, string to)
    {
        if (!Directory.Exists(from))
            throw new DirectoryNotFoundException($"{from}: what the machine is to run is missing; build the kernel tests first");
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith(".pdb", StringComparison.Ordinal)))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
