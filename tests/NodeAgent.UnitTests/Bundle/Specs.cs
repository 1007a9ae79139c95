using NodeAgent.Runtime.Bundle;

namespace NodeAgent.UnitTests.Bundle;

internal static class Specs
{
    internal static ContainerSpec Running(params string[] argv) => new()
    {
        Name = "main",
        RootMountPoint = "/run/empty",
        Process = new ProcessSpec { Argv = argv, Env = ["PATH=/usr/bin:/bin"] },
    };
}
