using System.CommandLine;
using NodeAgent.Cli.Client;
using NodeAgent.Linux;

namespace NodeAgent.Cli.Commands.Images;

/// <summary><c>podctl image save [--output FILE] [--format FORMAT] IMAGE…</c></summary>
internal static class ImageSaveCommand
{
    public static Command Create(GlobalOptions global)
    {
        var names = new Argument<string[]>("IMAGE") { Description = "Names or ids of images", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write (default: standard output)", HelpName = "FILE" };
        var format = new Option<string>("--format") { Description = "The form: oci-archive or docker-archive", HelpName = "FORMAT", DefaultValueFactory = _ => "oci-archive" };
        format.AcceptOnlyFromAmong("oci-archive", "docker-archive");
        var command = new Command("save", "Write images into one archive") { names, output, format };
        command.SetAction(parsed =>
        {
            string[] images = parsed.GetValue(names)!;
            string? file = parsed.GetValue(output) is { } given && given != "-" ? given : null;
            if (file is null && global.Io.OutIsTerminal)
                throw new PodctlException("image save: an archive is nothing for a terminal; name a file with --output, or redirect the output", ExitCode.WrongCommandLine);
            string query = $"?format={parsed.GetValue(format)}&{string.Join('&', images.Select(name => "save=" + Uri.EscapeDataString(name)))}";
            string what = "image save " + string.Join(' ', images);
            using HttpExchange answer = global.Client(parsed).Send("GET", ResourceKind.Images.Path(null) + query, what, accept: "application/x-tar");
            if (file is null) Copy(answer.Body, global.Io.RawOut, what);
            else Write(answer.Body, file, what);
            return ExitCode.Fine;
        });
        return command;
    }

    /// <summary>A file has its name only when all of it is there; what is no regular file is written to as it is.</summary>
    private static void Write(Stream archive, string file, string what)
    {
        bool device = InodeAttributes.statx(Openat2.AT_FDCWD, CString.Of(file), 0, InodeAttributes.STATX_BASIC_STATS, out InodeAttributes.statx_t stat) == 0
            && stat.Type != InodeAttributes.S_IFREG;
        string target = device ? file : $"{file}.{Guid.NewGuid():n}.part";
        try
        {
            using (var stream = new FileStream(target, device ? FileMode.Open : FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0))
                Copy(archive, stream, what);
            if (!device) File.Move(target, file, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or PodctlException)
        {
            if (!device) File.Delete(target);
            if (error is PodctlException) throw;
            throw new PodctlException($"{what}: {file}: {error.Message}", ExitCode.Failed, error);
        }
    }

    private static void Copy(Stream archive, Stream output, string what)
    {
        byte[] buffer = new byte[128 * 1024];
        while (Read(archive, buffer, what) is var read and > 0) output.Write(buffer, 0, read);
        output.Flush();
    }

    private static int Read(Stream archive, byte[] buffer, string what)
    {
        try
        {
            return archive.Read(buffer);
        }
        catch (IOException error)
        {
            // The reason would have to come behind half an archive.
            throw new PodctlException($"{what}: {error.Message}: the agent gave up, and its log says why; podctl image verify finds damaged content", ExitCode.Failed, error);
        }
    }
}
