using System.CommandLine;
using NodeAgent.Cli.Output;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl explain FILE…</c>: what the agent would make of a manifest, step by step. Needs no agent and does nothing.</summary>
internal static class ExplainCommand
{
    public static Command Create(GlobalOptions global)
    {
        var files = new Argument<string[]>("FILE") { Description = "Manifests, folders of manifests, or - for standard input", Arity = ArgumentArity.OneOrMore };
        var node = new Option<string>("--node-name") { Description = "The name of the node, which goes into the uid", HelpName = "NAME", DefaultValueFactory = _ => Environment.MachineName };
        var command = new Command("explain", "Show what a manifest would do here, and do nothing") { files, node };
        command.SetAction(parsed =>
        {
            PodctlIo io = global.Io;
            bool valid = true;
            foreach (ManifestPath from in ManifestInput.Expand(parsed.GetValue(files)!))
            {
                ManifestFile file = ManifestInput.Read(io, from);
                foreach (ManifestError error in file.Errors) io.Error.WriteLine(error.ToString());
                valid &= file.IsValid;
                if (!file.IsValid) continue;
                foreach (Pod pod in file.Pods)
                {
                    var description = new Description();
                    PodExplanation.Write(description, pod, parsed.GetValue(node)!, from.Path == ManifestInput.StandardInput ? file.File : Path.GetFullPath(from.Path), io.Time.GetUtcNow());
                    io.Out.Write(description.ToString() + "\n");
                }
                foreach (ManifestNote note in file.Notes) io.Out.Write($"{note} (note)\n");
            }
            return valid ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }
}
