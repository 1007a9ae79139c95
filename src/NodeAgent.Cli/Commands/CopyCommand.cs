using System.CommandLine;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using NodeAgent.Cli.Client;
using NodeAgent.Linux;
using NodeAgent.Linux.FileTrees;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl cp LOCAL POD:PATH</c>, <c>podctl cp POD:PATH LOCAL</c></summary>
internal static class CopyCommand
{
    public static Command Create(GlobalOptions global)
    {
        var source = new Argument<string>("FROM") { Description = "A local path, or POD:PATH or NAMESPACE/POD:PATH" };
        var target = new Argument<string>("TO") { Description = "The other one of the two" };
        var container = new Option<string?>("--container", "-c") { Description = "The container", HelpName = "NAME" };
        var command = new Command("cp", "Copy files and folders to and from a container, with no help of its image") { source, target, container };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string podNamespace = parsed.GetValue(global.Namespace)!;
            string from = parsed.GetValue(source)!, to = parsed.GetValue(target)!;
            var copy = new Copy(global.Io, global.Client(parsed), parsed.GetValue(container));
            switch (ContainerPath.Parse(from, podNamespace), ContainerPath.Parse(to, podNamespace))
            {
                case (null, { } inPod):
                    await copy.InAsync(from, inPod, cancellationToken).ConfigureAwait(false);
                    return ExitCode.Fine;
                case ({ } inPod, null):
                    await copy.OutAsync(inPod, to, cancellationToken).ConfigureAwait(false);
                    return ExitCode.Fine;
                default:
                    throw new PodctlException($"cp {from} {to}: one of the two has to be POD:PATH, and the other a local path", ExitCode.WrongCommandLine);
            }
        });
        return command;
    }

    /// <summary>A path in a container, as a command line has it.</summary>
    private sealed record ContainerPath(string Namespace, string Pod, string Path)
    {
        /// <returns>Null for a local path: one without a colon, or with a <c>/</c> or <c>.</c> at its beginning.</returns>
        public static ContainerPath? Parse(string text, string podNamespace)
        {
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0 || text[0] is '/' or '.') return null;
            string[] pod = text[..colon].Split('/');
            if (pod.Length > 2 || Array.Exists(pod, string.IsNullOrEmpty)) throw new PodctlException($"cp {text}: expected POD:PATH or NAMESPACE/POD:PATH", ExitCode.WrongCommandLine);
            string path = text[(colon + 1)..];
            if (path.Length == 0) throw new PodctlException($"cp {text}: the path in the container is missing", ExitCode.WrongCommandLine);
            return new ContainerPath(pod.Length == 2 ? pod[0] : podNamespace, pod[^1], path);
        }

        public override string ToString() => $"{Pod}:{Path}";

        public string Url(string? container, string? name)
        {
            string url = $"/apis/podagent.io/v1alpha1/namespaces/{Uri.EscapeDataString(Namespace)}/pods/{Uri.EscapeDataString(Pod)}/files?path={Uri.EscapeDataString(Path)}";
            if (name is not null) url += "&name=" + Uri.EscapeDataString(name);
            return container is null ? url : url + "&container=" + Uri.EscapeDataString(container);
        }
    }

    private sealed class Copy(PodctlIo io, AgentClient client, string? container)
    {
        public async Task InAsync(string local, ContainerPath to, CancellationToken cancellationToken)
        {
            string what = $"cp {local} {to}";
            string name = Path.GetFileName(Path.GetFullPath(local).TrimEnd('/'));
            using SafeFileHandle root = OpenLocal(local, what);
            var pipe = new Pipe();
            // Reads ahead of what is being sent; whichever of the two fails ends the other.
            Task reading = ReadAsync(root, local, pipe.Writer, cancellationToken);
            try
            {
                using Stream content = pipe.Reader.AsStream();
                using HttpExchange answer = client.Send("PUT", to.Url(container, name.Length > 0 ? name : "root"), what, "application/json", content, ("Content-Type", "application/x-tar"));
                JsonElement status = client.Parse(answer, what);
                if (status.TryGetProperty("details", out JsonElement details) && details.TryGetProperty("causes", out JsonElement causes))
                    TellSkipped(causes.EnumerateArray().Select(cause => cause.GetProperty("message").GetString()!));
            }
            catch (Exception error) when (error is LinuxException or IOException and not OutputClosedException)
            {
                throw new PodctlException($"{what}: {error.Message}", ExitCode.Failed, error);
            }
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public async Task OutAsync(ContainerPath from, string local, CancellationToken cancellationToken)
        {
            string what = $"cp {from} {local}";
            using HttpExchange answer = client.Send("GET", from.Url(container, null), what, "application/x-tar");
            try
            {
                string name = Path.GetFileName(from.Path.TrimEnd('/'));
                using var writer = new FileTreeWriter(isFolder => PlaceOf(local, name is "" or "." or ".." ? "root" : name, isFolder));
                TellSkipped(await writer.ReadAsync(new BufferedStream(answer.Body, 128 * 1024), cancellationToken).ConfigureAwait(false));
            }
            catch (Exception error) when (error is LinuxException or IOException or InvalidDataException or UnauthorizedAccessException)
            {
                throw new PodctlException($"{what}: {error.Message}", ExitCode.Failed, error);
            }
        }

        /// <summary>A file goes into a folder that is there; a folder's content is put together with it, as kubectl cp does. Folders on the way are made.</summary>
        private static FileTreePlace PlaceOf(string local, string name, bool isFolder)
        {
            if (Directory.Exists(local)) return new FileTreePlace(OpenFolder(local), isFolder ? "." : name);
            string full = Path.GetFullPath(local).TrimEnd('/');
            if (!isFolder && local.EndsWith('/')) throw new IOException("there is no such folder");
            string parent = Path.GetDirectoryName(full)!;
            Directory.CreateDirectory(parent);
            return new FileTreePlace(OpenFolder(parent), Path.GetFileName(full));
        }

        private static SafeFileHandle OpenFolder(string path) =>
            new(Openat2.OpenPath(path, Openat2.O_PATH | Openat2.O_DIRECTORY | Openat2.O_CLOEXEC), ownsHandle: true);

        private static SafeFileHandle OpenLocal(string path, string what)
        {
            try
            {
                return new SafeFileHandle(Openat2.OpenPath(path, Openat2.O_PATH | Openat2.O_CLOEXEC), ownsHandle: true);
            }
            catch (LinuxException error)
            {
                throw new PodctlException($"{what}: {error.Message}", error.Errno == Errno.ENOENT ? ExitCode.NotFound : ExitCode.Failed, error);
            }
        }

        private static async Task ReadAsync(SafeFileHandle root, string local, PipeWriter output, CancellationToken cancellationToken)
        {
            await Task.Yield();
            try
            {
                await new FileTreeReader().WriteAsync(root, local.TrimEnd('/'), output.AsStream(leaveOpen: true), cancellationToken).ConfigureAwait(false);
                await output.CompleteAsync().ConfigureAwait(false);
            }
            catch (Exception error)
            {
                await output.CompleteAsync(error).ConfigureAwait(false);
            }
        }

        private void TellSkipped(IEnumerable<string> lines)
        {
            foreach (string line in lines) io.Error.WriteLine("left out: " + line);
        }
    }
}
