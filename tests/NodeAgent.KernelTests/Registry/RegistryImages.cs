using NodeAgent.Testing.Images;
using NodeAgent.Testing.Registry;
using Xunit;

namespace NodeAgent.KernelTests.Registry;

/// <summary>Registries that hold images which other tools have made; the images are put together once a test process.</summary>
internal static class RegistryImages
{
    private static readonly Lazy<Task<string>> s_storage = new(MakeAsync);

    /// <summary>Those of which a reference tree exists.</summary>
    public static readonly string[] Names =
        ["busybox", "debian", "many-platforms", "layers12", "layers127", "hardlinks", "opaque", "committed", "capabilities", "files200k"];

    public static void Require()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root");
        string[] missing = [.. BuiltImage.Tools.Where(tool => !Tool.Exists(tool))];
        Assert.SkipWhen(missing.Length > 0, $"needs {string.Join(", ", missing)}: tests/install-tools.sh");
    }

    /// <summary>A registry with all images, which is not to be written to.</summary>
    public static async Task<RegistryServer> ServeAsync(Func<RegistrySettings, RegistrySettings>? change = null)
    {
        Require();
        RegistrySettings settings = new(await s_storage.Value);
        return await RegistryServer.StartAsync(change?.Invoke(settings) ?? settings);
    }

    private static async Task<string> MakeAsync()
    {
        TemporaryFolder folder = new();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        return await BuiltImage.MakeStorageAsync(folder["storage"], Names);
    }

    /// <summary>A port of the loopback at which nobody listens.</summary>
    public static int DeadPort()
    {
        using System.Net.Sockets.TcpListener listener = new(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        return ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
    }
}
