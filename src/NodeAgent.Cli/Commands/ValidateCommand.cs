using System.CommandLine;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl validate FILE…</c>: what the agent would say of a manifest. Needs no agent.</summary>
internal static class ValidateCommand
{
    public static Command Create(GlobalOptions global)
    {
        var files = new Argument<string[]>("FILE") { Description = "Manifests, folders of manifests, or - for standard input", Arity = ArgumentArity.OneOrMore };
        var quiet = new Option<bool>("--quiet", "-q") { Description = "Say only what is wrong" };
        var command = new Command("validate", "Check manifests without an agent") { files, quiet };
        command.SetAction(parsed =>
        {
            PodctlIo io = global.Io;
            bool valid = true;
            var owners = new Dictionary<PodName, string>();
            foreach (ManifestPath from in ManifestInput.Expand(parsed.GetValue(files)!))
            {
                ManifestFile file = ManifestInput.Read(io, from);
                foreach (ManifestError error in file.Errors) io.Error.WriteLine(error.ToString());
                valid &= file.IsValid;
                foreach (Pod pod in file.Pods)
                {
                    PodName name = PodName.Of(pod);
                    if (owners.TryAdd(name, file.File)) continue;
                    valid = false;
                    io.Error.WriteLine($"{file.File}: metadata.name: pod {name} is in {owners[name]} already; give one of them another name");
                }
                if (parsed.GetValue(quiet) || !file.IsValid) continue;
                foreach (ManifestNote note in file.Notes) io.Out.Write($"{note} (note)\n");
                io.Out.Write($"{file.File}: valid: {string.Join(", ", file.Pods.Select(pod => "pod " + PodName.Of(pod)))}\n");
            }
            return valid ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }
}
