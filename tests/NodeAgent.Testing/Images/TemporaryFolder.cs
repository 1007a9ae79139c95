namespace NodeAgent.Testing.Images;

/// <summary>A folder of a test's own, gone when it is disposed, whatever was made in it.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder(string? parent = null) =>
        Path = Directory.CreateDirectory(System.IO.Path.Combine(parent ?? System.IO.Path.GetTempPath(), $"podagent-test-{Guid.NewGuid():n}")).FullName;

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        if (Directory.Exists(Path))
            NodeAgent.Images.Layers.TreeRemoval.Remove(Path);
    }
}
