using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using NodeAgent.Cli.Client;

namespace NodeAgent.Cli.Commands;

/// <summary><c>podctl delete pod NAME…</c>: the pod ends, and its manifest leaves the folder.</summary>
internal static class DeleteCommand
{
    public static Command Create(GlobalOptions global)
    {
        var what = new Argument<string[]>("KIND[/NAME] NAME") { Description = "pods, and their names", Arity = ArgumentArity.ZeroOrMore };
        var grace = new Option<long?>("--grace-period") { Description = "Seconds between the stop signal and the kill (default: the pod's own; 0 only with --force)", HelpName = "SECONDS" };
        var now = new Option<bool>("--now") { Description = "The same as --grace-period 1" };
        var force = new Option<bool>("--force") { Description = "Kill at once, without a stop signal" };
        var wait = new Option<bool>("--wait") { Description = "Return when the pods are gone (the default); --wait=false returns at once", DefaultValueFactory = _ => true };
        var timeout = new Option<string?>("--timeout") { Description = "Give up waiting after this long, e.g. 90s; the pods go on ending", HelpName = "DURATION" };
        var labels = new Option<string?>("--selector", "-l") { Description = "The pods with these labels, e.g. app=web,tier!=test", HelpName = "SELECTOR" };
        var fields = new Option<string?>("--field-selector") { Description = "The pods with these fields, e.g. status.phase=Failed", HelpName = "SELECTOR" };
        var all = new Option<bool>("--all") { Description = "All pods of the namespace" };
        var everywhere = new Option<bool>("--all-namespaces", "-A") { Description = "Look in all namespaces" };
        var ignore = new Option<bool>("--ignore-not-found") { Description = "A pod that there is not is no failure" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only say what would be deleted" };
        var command = new Command("delete", "Delete pods with their manifests")
        {
            what, grace, now, force, wait, timeout, labels, fields, all, everywhere, ignore, dryRun,
        };
        command.SetAction(parsed =>
        {
            string? podNamespace = parsed.GetValue(everywhere) ? null : parsed.GetValue(global.Namespace);
            var targets = PodTargets.Of(
                "delete", parsed.GetValue(what)!, parsed.GetValue(labels), parsed.GetValue(fields), parsed.GetValue(all), podNamespace);
            var delete = new Delete(global.Io, global.Client(parsed), targets)
            {
                Grace = GraceOf(parsed.GetValue(grace), parsed.GetValue(now), parsed.GetValue(force)),
                IgnoreAbsent = parsed.GetValue(ignore),
                DryRun = parsed.GetValue(dryRun),
            };
            TimeSpan? limit = parsed.GetValue(timeout) is { } text && text != "0" ? DurationText.Parse("--timeout", text) : null;
            return delete.Run(parsed.GetValue(wait), limit, parsed.GetValue(timeout));
        });
        return command;
    }

    /// <summary>Null for the pod's own. Zero has to be meant: as with kubectl, without --force it is one second.</summary>
    private static long? GraceOf(long? seconds, bool now, bool force)
    {
        if (now && (seconds is not null || force)) throw Wrong("--now and --grace-period or --force do not go together");
        if (seconds < -1) throw Wrong($"--grace-period {seconds}: expected a number of seconds that is not negative");
        if (force && seconds > 0) throw Wrong("--force and a --grace-period above 0 do not go together");
        if (now) return 1;
        if (force) return 0;
        return seconds switch
        {
            -1 => null,
            0 => 1,
            _ => seconds,
        };
    }

    private static PodctlException Wrong(string why) => new("delete: " + why, ExitCode.WrongCommandLine);

    private sealed class Delete(PodctlIo io, AgentClient client, PodTargets targets)
    {
        /// <summary>Uids by <c>namespace/name</c> of those that are to go.</summary>
        private readonly SortedDictionary<string, string> _going = new(StringComparer.Ordinal);

        public required long? Grace { get; init; }
        public required bool IgnoreAbsent { get; init; }
        public required bool DryRun { get; init; }

        public int Run(bool wait, TimeSpan? limit, string? timeout)
        {
            int code = ExitCode.Fine;
            foreach ((string podNamespace, string name) in Names())
            {
                int one = One(podNamespace, name);
                if (code == ExitCode.Fine || one == ExitCode.Failed) code = one;
            }
            io.Out.Flush();
            if (DryRun || !wait || _going.Count == 0) return code;
            if (new PodFeed(io, client, targets, "delete").Until(AreGone, limit)) return code;
            throw new PodctlException(
                $"delete: {string.Join(", ", _going.Keys.Select(key => "pod/" + Short(key)))}: not gone within {timeout}; deleting goes on, and a shorter --grace-period shortens it");
        }

        private List<(string Namespace, string Name)> Names()
        {
            if (targets.Names.Count > 0) return [.. targets.Names.Select(name => (targets.Namespace!, name))];
            JsonElement list = client.Get($"{ResourceKind.Pods.Path(targets.Namespace)}?{targets.Query()}", "delete");
            List<(string, string)> found =
            [
                .. list.GetProperty("items").EnumerateArray().Select(pod => pod.GetProperty("metadata"))
                    .Select(metadata => (metadata.GetProperty("namespace").GetString()!, metadata.GetProperty("name").GetString()!)),
            ];
            if (found.Count == 0) io.Out.Write("No resources found\n");
            return found;
        }

        private int One(string podNamespace, string name)
        {
            var query = new List<string>();
            if (Grace is { } seconds) query.Add("gracePeriodSeconds=" + seconds.ToString(CultureInfo.InvariantCulture));
            if (DryRun) query.Add("dryRun=All");
            string path = ResourceKind.Pods.Path(podNamespace, name) + (query.Count > 0 ? "?" + string.Join('&', query) : "");
            try
            {
                string what = $"delete pod/{name}";
                using HttpExchange answer = client.Send("DELETE", path, what);
                JsonElement pod = client.Parse(answer, what);
                _going[PodFeed.Key(pod)] = PodFeed.Uid(pod);
                string how = Grace == 0 ? "force deleted" : "deleted";
                io.Out.Write($"pod \"{name}\" {how}{(DryRun ? " (dry run)" : "")}\n");
                return ExitCode.Fine;
            }
            catch (PodctlException error) when (error.ExitCode == ExitCode.NotFound && IgnoreAbsent)
            {
                return ExitCode.Fine;
            }
            catch (PodctlException error) when (error.ExitCode == ExitCode.NotFound || targets.Names.Count != 1)
            {
                // The others are deleted all the same.
                io.Out.Flush();
                io.Error.WriteLine("podctl: " + error.Message);
                return error.ExitCode;
            }
        }

        // Another pod of the same name may follow at once: from another manifest, or the next version.
        private bool AreGone(IReadOnlyDictionary<string, JsonElement> pods)
        {
            foreach (string key in _going.Keys.ToArray())
            {
                if (!pods.TryGetValue(key, out JsonElement pod) || PodFeed.Uid(pod) != _going[key]) _going.Remove(key);
            }
            return _going.Count == 0;
        }

        private string Short(string key) => targets.Namespace is null ? key : key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..];
    }
}
