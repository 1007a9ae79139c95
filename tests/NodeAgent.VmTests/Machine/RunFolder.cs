namespace NodeAgent.VmTests.Machine;

/// <summary>
/// A temporary folder for one run, with disks of half a gigabyte. A run that is killed leaves it behind, without the lock that it held: the next run removes it.
/// </summary>
internal sealed class RunFolder : IDisposable
{
    private const string Prefix = "podagent-vm-";
    private readonly FileStream _lock;

    public RunFolder()
    {
        RemoveAbandoned();
        Path = Directory.CreateTempSubdirectory(Prefix).FullName;
        _lock = Lock(Path);
    }

    /// <summary>Short, for the sockets in it.</summary>
    public string Path { get; }

    public void Dispose()
    {
        Directory.Delete(Path, recursive: true);
        _lock.Dispose();
    }

    // FileShare.None is flock: it ends with the process, however that ends.
    private static FileStream Lock(string folder) => new(folder + "/lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    private static void RemoveAbandoned()
    {
        foreach (string folder in Directory.EnumerateDirectories(System.IO.Path.GetTempPath(), Prefix + "*"))
        {
            // One without a lock file has only just been made.
            if (!File.Exists(folder + "/lock"))
                continue;
            try
            {
                using FileStream abandoned = Lock(folder);
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception inUse) when (inUse is IOException or UnauthorizedAccessException)
            {
                // Another run has it.
            }
        }
    }
}
