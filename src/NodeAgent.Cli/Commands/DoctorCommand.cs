using System.CommandLine;
using NodeAgent.Cli.Client;
using NodeAgent.Cli.Doctor;
using NodeAgent.Core;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl doctor</c>: whether this machine can run pods, and what to do where it can't. Works without an agent.</summary>
internal static class DoctorCommand
{
    public static Command Create(GlobalOptions global)
    {
        var root = Folder("--root-dir", "/var/lib/podagent", "Where images and volumes are kept");
        var run = Folder("--run-dir", "/run/podagent", "Where records of running pods are kept");
        var logs = Folder("--log-dir", "/var/log/pods", "Where the logs of containers are");
        var manifests = Folder("--manifest-dir", "/etc/podagent", "Where manifests are");
        var command = new Command("doctor", "Check this machine, the agent's folders and the agent") { root, run, logs, manifests };
        command.SetAction(parsed =>
        {
            var paths = new StatePaths(parsed.GetValue(root)!, parsed.GetValue(run)!, parsed.GetValue(logs)!, parsed.GetValue(manifests)!, "podagent");
            int errors = 0, warnings = 0;
            foreach (Finding finding in KernelChecks.Run(paths.Proc).Concat(FolderChecks.Run(paths)).Concat(AgentChecks.Run(global.Client(parsed), paths)))
            {
                if (finding.Level == FindingLevel.Error) errors++;
                if (finding.Level == FindingLevel.Warning) warnings++;
                global.Io.Out.Write(finding.Line(global.Io.Colour) + "\n");
            }
            global.Io.Out.Write($"{errors} errors, {warnings} warnings\n");
            return errors == 0 ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }

    private static Option<string> Folder(string name, string path, string description) =>
        new(name) { Description = $"{description} (default {path})", HelpName = "FOLDER", DefaultValueFactory = _ => path };
}
