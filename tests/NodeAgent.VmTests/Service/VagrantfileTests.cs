using NodeAgent.Testing.Agent;
using NodeAgent.Testing.Images;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Service;

/// <summary>What can be checked of the Vagrantfile without a hypervisor: the machine of the other tests is installed by the same script.</summary>
public sealed class VagrantfileTests
{
    [Fact]
    public async Task Vagrant_finds_the_Vagrantfile_valid()
    {
        Assert.SkipUnless((await CommandResult.RunAsync("sh", ["-c", "command -v vagrant"])).ExitCode == 0, "vagrant is not installed");
        using var home = new TemporaryFolder();
        string[] environment = ["VAGRANT_HOME=" + home.Path, "VAGRANT_DOTFILE_PATH=" + home["dot"], "VAGRANT_CHECKPOINT_DISABLE=1"];

        CommandResult validated = await CommandResult.RunAsync("env", [.. environment, "vagrant", "validate", "--ignore-provider"], Repository.Folder);

        Assert.True(validated.ExitCode == 0, validated.Output + validated.Error);
    }
}
