namespace NodeAgent.KernelTests.Bundle;

/// <summary>A directory of a test's own, removed afterwards.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("podagent-bundle-").FullName;

    internal string Make(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
