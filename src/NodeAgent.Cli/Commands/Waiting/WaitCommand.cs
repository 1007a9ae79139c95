using System.CommandLine;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands.Waiting;

/// <summary><c>podctl wait pods NAME… --for=…</c></summary>
internal static class WaitCommand
{
    public static Command Create(GlobalOptions global)
    {
        var what = new Argument<string[]>("KIND[/NAME] NAME") { Description = "pods, and their names", Arity = ArgumentArity.ZeroOrMore };
        var wanted = new Option<string>("--for")
        {
            Description = "condition=NAME[=VALUE], delete, create, or jsonpath='{.PATH}'[=VALUE]",
            HelpName = "WHAT",
            Required = true,
        };
        var timeout = new Option<string>("--timeout") { Description = "How long to wait, e.g. 90s; 0 looks once, a negative one waits as long as it takes", HelpName = "DURATION", DefaultValueFactory = _ => "30s" };
        var labels = new Option<string?>("--selector", "-l") { Description = "The pods with these labels, e.g. app=web,tier!=test", HelpName = "SELECTOR" };
        var fields = new Option<string?>("--field-selector") { Description = "The pods with these fields, e.g. status.phase=Running", HelpName = "SELECTOR" };
        var all = new Option<bool>("--all") { Description = "All pods of the namespace" };
        var everywhere = new Option<bool>("--all-namespaces", "-A") { Description = "Look in all namespaces" };
        var command = new Command("wait", "Wait until pods are as they shall be") { what, wanted, timeout, labels, fields, all, everywhere };
        command.SetAction(parsed =>
        {
            string? podNamespace = parsed.GetValue(everywhere) ? null : parsed.GetValue(global.Namespace);
            var targets = PodTargets.Of(
                "wait", parsed.GetValue(what)!, parsed.GetValue(labels), parsed.GetValue(fields), parsed.GetValue(all), podNamespace);
            var wait = new Wait(global.Io, WaitFor.Parse(parsed.GetValue(wanted)!), targets);
            return wait.Run(global.Client(parsed), parsed.GetValue(timeout)!);
        });
        return command;
    }

    private sealed class Wait(PodctlIo io, WaitFor wanted, PodTargets targets)
    {
        /// <summary>Who is still waited for, with what was seen of it last.</summary>
        private readonly SortedDictionary<string, JsonElement?> _open = new(StringComparer.Ordinal);

        /// <summary>A pod that is deleted is gone even when another one of its name follows.</summary>
        private readonly Dictionary<string, string> _uids = new(StringComparer.Ordinal);
        private bool _looked;

        public int Run(AgentClient client, string timeout)
        {
            TimeSpan? limit = timeout.StartsWith('-') ? null : timeout == "0" ? TimeSpan.Zero : DurationText.Parse("--timeout", timeout);
            if (new PodFeed(io, client, targets, "wait").Until(Look, limit)) return ExitCode.Fine;
            string[] reasons = [.. _open.Select(open => $"pod/{Short(open.Key)}: {(open.Value is { } pod ? wanted.Now(pod) : "it is not there")}")];
            throw new PodctlException($"wait: {wanted} not met {(limit == TimeSpan.Zero ? "now" : "within " + timeout)}: {string.Join("; ", reasons)}");
        }

        private bool Look(IReadOnlyDictionary<string, JsonElement> pods)
        {
            if (!_looked) Begin(pods);
            _looked = true;
            foreach (string key in _open.Keys.ToArray())
            {
                bool there = pods.TryGetValue(key, out JsonElement pod) && !(wanted.AbsentIsMet && _uids.TryGetValue(key, out string? uid) && uid != PodFeed.Uid(pod));
                _open[key] = there ? pod : null;
                if (!(there ? wanted.IsMet(pod) : wanted.AbsentIsMet)) continue;
                _open.Remove(key);
                io.Out.Write($"pod/{Short(key)} condition met\n");
                io.Out.Flush();
            }
            return _open.Count == 0;
        }

        private void Begin(IReadOnlyDictionary<string, JsonElement> pods)
        {
            foreach ((string key, JsonElement pod) in pods)
            {
                _open[key] = pod;
                _uids[key] = PodFeed.Uid(pod);
            }
            string[] missing = [.. targets.Names.Where(name => !pods.ContainsKey($"{targets.Namespace}/{name}"))];
            if (missing.Length > 0 && !wanted.AbsentIsMet && !wanted.MayAppear)
            {
                throw new PodctlException(
                    $"wait: {string.Join(", ", missing.Select(name => "pod/" + name))}: not found in namespace {targets.Namespace}; podctl get pods -A shows all", ExitCode.NotFound);
            }
            foreach (string name in missing) _open[$"{targets.Namespace}/{name}"] = null;
            if (_open.Count == 0 && !wanted.AbsentIsMet) throw new PodctlException("wait: no pod matches", ExitCode.NotFound);
        }

        // Over several namespaces a name alone says too little.
        private string Short(string key) => targets.Namespace is null ? key : key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..];
    }
}
