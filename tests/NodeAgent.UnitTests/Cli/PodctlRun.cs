using System.Text;
using NodeAgent.Cli;
using NodeAgent.UnitTests.Api;

namespace NodeAgent.UnitTests.Cli;

/// <summary>podctl in this process, with outputs that are kept.</summary>
internal sealed record PodctlRun(int Code, string Out, string Error)
{
    public static Task<PodctlRun> AgainstAsync(ApiFixture api, params string[] args) =>
        RunAsync(null, api.Time, ["--socket", api.Paths.ApiSocket, .. args]);

    public static async Task<PodctlRun> RunAsync(string? input, TimeProvider time, params string[] args)
    {
        var output = new MemoryStream();
        var error = new MemoryStream();
        using var io = new PodctlIo(new MemoryStream(Encoding.UTF8.GetBytes(input ?? "")), output, error) { Time = time };
        int code = await StartAsync(io, args);
        return new PodctlRun(code, Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()));
    }

    /// <summary>On a thread of its own: podctl blocks on its socket, and the server it waits for is in this process.</summary>
    public static Task<int> StartAsync(PodctlIo io, params string[] args) =>
        Task.Factory.StartNew(() => Podctl.RunAsync(args, io), TaskCreationOptions.LongRunning).Unwrap();
}
