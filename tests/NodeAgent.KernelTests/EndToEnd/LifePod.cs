using System.Text.Json;
using System.Text.Json.Nodes;
using NodeAgent.Core.Model;
using NodeAgent.Core.Status;
using NodeAgent.Linux;
using NodeAgent.Testing.Agent;

namespace NodeAgent.KernelTests.EndToEnd;

/// <summary>
/// Pods whose containers tell what they do, in order, in one file that outlives them: <c>/out/told</c> in the container, <see cref="Told"/> here. A container
/// can wait for the test at a gate (<c>read _ &lt; /out/name</c>), a FIFO: nobody sleeps for luck.
/// </summary>
internal sealed class LifePod : IDisposable
{
    private readonly AgentProcess _agent;
    private readonly string _name;

    public LifePod(AgentProcess agent, string name, params string[] gates)
    {
        (_agent, _name) = (agent, name);
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Folder + "/told", "");
        foreach (string gate in gates)
            System.Diagnostics.Process.Start("mkfifo", $"{Folder}/{gate}").WaitForExit();
    }

    private string Folder => $"{_agent.Root}/{_name}";

    public string Image { get; init; } = AgentFixture.Image;

    /// <summary>What the containers have told so far, a line each.</summary>
    public string[] Told => File.ReadAllLines(Folder + "/told");

    /// <summary>Waits until that many lines have been told.</summary>
    public async Task UntilToldAsync(int lines)
    {
        using var changed = new FileSystemWatcher(Folder, "told") { EnableRaisingEvents = true };
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); Told.Length < lines;)
        {
            // A change between the look and the wait is missed, so the wait is short.
            await Task.Run(() => changed.WaitForChanged(WatcherChangeTypes.Changed, 100));
            if (clock.Elapsed > TimeSpan.FromSeconds(30))
                throw new TimeoutException($"{_name} has told only: {string.Join(", ", Told)}");
        }
    }

    /// <summary>Lets one reader at the gate go on; waits until there is one.</summary>
    public Task OpenAsync(string gate) => Task.Run(() => File.WriteAllText($"{Folder}/{gate}", "go\n")).WaitAsync(TimeSpan.FromSeconds(30));

    /// <summary>Puts the manifest in place.</summary>
    /// <param name="spec">Lines of the specification beside containers and volumes, not indented; may be empty.</param>
    /// <param name="containers">A name that begins with <c>init:</c> is an init container. Lines behind the script are fields of the container.</param>
    public void Apply(string spec, params (string Name, string Script, string Fields)[] containers)
    {
        string List(bool init) => string.Join('\n', containers.Where(c => c.Name.StartsWith("init:", StringComparison.Ordinal) == init).Select(c =>
            $"  - name: {c.Name.Replace("init:", "", StringComparison.Ordinal)}\n    image: {Image}\n    command: [sh, -c, {Quoted(c.Script)}]\n"
            + "    volumeMounts: [{name: out, mountPath: /out}]\n" + Indent(c.Fields, "    ")));
        string inits = List(true);
        _agent.Apply(_name + ".yaml", $"apiVersion: v1\nkind: Pod\nmetadata: {{name: {_name}}}\nspec:\n{Indent(spec, "  ")}"
            + (inits.Length > 0 ? "  initContainers:\n" + inits + "\n" : "") + "  containers:\n" + List(false)
            + $"\n  volumes: [{{name: out, hostPath: {{path: {Folder}}}}}]\n");
    }

    /// <summary>The STATUS column of <c>kubectl get pods</c>.</summary>
    public static string Column(JsonNode pod) => PodStatusColumn.Status(pod.Deserialize(KubernetesJson.Default.Pod)!);

    /// <summary>Ends the process that holds the pod's sandbox, as a crash of it would.</summary>
    public static void KillShim(AgentProcess agent, JsonNode pod)
    {
        string pods = Path.Combine(CgroupMount.Find()!, agent.CgroupName);
        string shim = Directory.EnumerateDirectories(pods, "shim", SearchOption.AllDirectories)
            .Single(folder => folder.Contains(pod.PodUid(), StringComparison.Ordinal));
        using var pidfd = Pidfd.Open(int.Parse(File.ReadLines(shim + "/cgroup.procs").Single()));
        Pidfd.SendSignal(pidfd!, SignalNumbers.SIGKILL);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string Quoted(string script) => JsonValue.Create(script).ToJsonString();

    private static string Indent(string lines, string by) => lines.Length == 0 ? "" : string.Concat(lines.Split('\n').Select(line => by + line + "\n"));
}
