using System.Diagnostics;
using Xunit;

namespace NodeAgent.UnitTests.Cli;

public sealed class ManifestCommandTests : IDisposable
{
    private const string Web =
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
        spec:
          containers:
          - name: main
            image: busybox:1.36
            command: [httpd, -f]
            resources:
              limits: {cpu: 500m, memory: 64Mi}
            volumeMounts:
            - {name: data, mountPath: /data}
          volumes:
          - name: data
            emptyDir: {}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("manifests").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact(DisplayName = "a valid manifest is named with its pods, from a file or standard input")]
    public async Task Valid()
    {
        string file = Write("web.yaml", Web);
        PodctlRun run = await RunAsync(null, "validate", file);
        Assert.Equal((0, $"{file}: valid: pod default/web\n", ""), (run.Code, run.Out, run.Error));
        Assert.Equal("<stdin>: valid: pod default/web\n", (await RunAsync(Web, "validate", "-")).Out);
        Assert.Equal("", (await RunAsync(Web, "validate", "-q", "-")).Out);
    }

    [Theory(DisplayName = "each fault is one line with file, line and column, and the exit code is 1")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata:\n\tname: web\n", ":4:")]
    [InlineData("apiVersion: v1\nkind: Deployment\n", ":2:")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: main\n    imagee: busybox\n", ":7:")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: web, name: web}\nspec: {containers: [{name: a, image: b}]}\n", ":3:")]
    [InlineData("apiVersion: v1\nkind: Pod\nmetadata: {name: Web_1}\nspec: {containers: [{name: a, image: b}]}\n", ":3:")]
    [InlineData("", "")]
    public async Task Faults(string text, string place)
    {
        string file = Write("x.yaml", text);
        PodctlRun run = await RunAsync(null, "validate", file);
        Assert.Equal((1, ""), (run.Code, run.Out));
        Assert.StartsWith(file + place, run.Error);
    }

    [Fact(DisplayName = "one bad file among good ones fails the whole, and the good ones are still said to be good")]
    public async Task Several()
    {
        string good = Write("a.yaml", Web), bad = Write("b.yaml", "kind: Pod\n");
        PodctlRun run = await RunAsync(null, "validate", good, bad);
        Assert.Equal((1, $"{good}: valid: pod default/web\n"), (run.Code, run.Out));
        Assert.StartsWith(bad, run.Error);
    }

    [Fact(DisplayName = "a folder stands for the manifests in it, as the agent would pick them; a pod named twice is a fault")]
    public async Task Folder()
    {
        Write("web.yaml", Web);
        Write("twin.yml", Web);
        Write(".hidden.yaml", "nonsense");
        Write("notes.txt", "nonsense");
        Directory.CreateDirectory(Path.Combine(_folder, "sub.yaml"));
        using (Process mkfifo = Process.Start("mkfifo", [Path.Combine(_folder, "pipe.yaml")])) await mkfifo.WaitForExitAsync(TestContext.Current.CancellationToken);
        PodctlRun run = await RunAsync(null, "validate", "-q", _folder);
        Assert.Equal(1, run.Code);
        string[] lines = run.Error.TrimEnd('\n').Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.StartsWith($"{_folder}/pipe.yaml: is a FIFO", lines[0]);
        Assert.StartsWith($"{_folder}/sub.yaml: is a directory", lines[1]);
        Assert.Equal($"{_folder}/web.yaml: metadata.name: pod default/web is in {_folder}/twin.yml already; give one of them another name", lines[2]);
    }

    [Fact(DisplayName = "a file that is not there exits with 3")]
    public async Task Missing()
    {
        PodctlRun run = await RunAsync(null, "validate", "/no/such.yaml");
        Assert.Equal((3, "podctl: /no/such.yaml: no such file\n"), (run.Code, run.Error));
    }

    [Fact(DisplayName = "explain tells identity, sandbox, volumes, limits and the first plan, and needs no agent")]
    public async Task Explain()
    {
        PodctlRun run = await RunAsync(Web, "explain", "-", "--node-name", "node1");
        Assert.Equal((0, ""), (run.Code, run.Error));
        foreach (string part in new[]
        {
            "Pod:             default/web\n", "QoS Class:       Guaranteed\n", "Grace:           30s from the stop signal to SIGKILL\n", "(on node node1;",
            "Sandbox:\n  Hostname:  web\n", "PID:       a namespace per container\n", "data:  emptyDir, made with the pod", "Container main:\n",
            "busybox:1.36 (pulled IfNotPresent)", "httpd -f\n", "cpu.max = 50000 100000", "memory.max = 67108864", "/data from data (read-write)",
            "First plan:\n  1.  make the sandbox (FirstSandbox)\n  2.  bring in busybox:1.36, then start main (FirstRun)\n",
        })
        {
            Assert.True(run.Out.Contains(part), $"no \"{part}\" in\n{run.Out}");
        }
        Assert.Equal(1, (await RunAsync("kind: Pod\n", "explain", "-")).Code);
    }

    private static Task<PodctlRun> RunAsync(string? input, params string[] args) => PodctlRun.RunAsync(input, TimeProvider.System, args);

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
