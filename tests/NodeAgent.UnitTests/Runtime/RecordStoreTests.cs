using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Linux;
using NodeAgent.Runtime.Records;
using Xunit;

namespace NodeAgent.UnitTests.Runtime;

public sealed class RecordStoreTests : IDisposable
{
    private static readonly PodUid Uid = new("11111111-2222-3333-4444-555555555555");
    private readonly string _root = Directory.CreateTempSubdirectory("records-").FullName;
    private readonly StatePaths _paths;
    private readonly RecordStore _store;

    public RecordStoreTests()
    {
        _paths = new StatePaths(_root + "/lib", _root + "/run", _root + "/log", _root + "/etc", "/none");
        _store = new RecordStore(_paths);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static readonly Pod Pod = new()
    {
        Metadata = new ObjectMeta { Name = "web", Namespace = "shop" },
        Spec = new PodSpec { Containers = [new Container { Name = "c", Image = "busybox" }] },
    };

    private static SandboxRecord Sandbox(int attempt = 0) => new(
        Uid.Value, attempt, "shop", "web", "/etc/podagent/web.yaml", SandboxPhase.Ready, "/cg/pod1",
        new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(1234567), new ProcessIdentity(42, 99), ["10.0.0.2"], "no cpu controller");

    private static ContainerRecord Container(string name = "c", int attempt = 2) => new(
        new string('a', 64), name, ContainerType.Init, attempt, "hash", "busybox",
        new ImageRecord("sha256:1", ["docker.io/library/busybox:latest"], "sha256:2", 7, ["sha256:3"],
            new ImageConfig { Env = ["A=1"], User = "nobody", Volumes = ["/data"] }, DateTimeOffset.UnixEpoch),
        new Mount("overlay", "snap", [new MountOption("lowerdir", "/a"), new MountOption("volatile")]),
        "/var/log/x.log", TimeSpan.FromSeconds(20), DateTimeOffset.UnixEpoch, ContainerPhase.Running, 7, new ProcessIdentity(77, 88),
        DateTimeOffset.UnixEpoch.AddSeconds(1), null, 3, 15, "Error", "why");

    [Fact]
    public void What_was_written_is_read_back_whole()
    {
        _store.Begin(Sandbox(), Pod);
        _store.Write(Uid, 0, Container());

        RecordedPod pod = Assert.Single(_store.Scan());
        Assert.Equal((Uid, "web"), (pod.Uid, pod.Pod.Value!.Metadata!.Name));
        RecordedSandbox sandbox = Assert.Single(pod.Sandboxes);
        Assert.Equivalent(Sandbox(), sandbox.Sandbox.Value, strict: true);
        RecordedContainer container = Assert.Single(sandbox.Containers);
        Assert.Equivalent(Container(), container.Record.Value, strict: true);
    }

    [Fact]
    public void Only_the_owner_may_look_into_a_pods_records()
    {
        _store.Begin(Sandbox(), Pod);
        Assert.Equal(RecordStore.Private, File.GetUnixFileMode(_paths.PodRecord(Uid.Value)));
    }

    [Fact]
    public void The_newest_sandbox_comes_first_and_the_pod_goes_with_its_last_one()
    {
        _store.Begin(Sandbox(9), Pod);
        _store.Begin(Sandbox(10), Pod);
        Assert.Equal([10, 9], Assert.Single(_store.Scan()).Sandboxes.Select(sandbox => sandbox.Attempt));
        _store.RemoveSandbox(Uid, 9);
        Assert.Equal([10], Assert.Single(_store.Scan()).Sandboxes.Select(sandbox => sandbox.Attempt));
        _store.RemoveSandbox(Uid, 10);
        _store.RemoveSandbox(Uid, 10);
        Assert.Empty(_store.Scan());
        Assert.False(Directory.Exists(_paths.PodRecord(Uid.Value)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("""{"uid":null}""")]
    [InlineData("\0\0\0\0\0\0")]
    public void A_damaged_record_is_reported_with_its_file_and_still_says_whose_it_is(string content)
    {
        _store.Begin(Sandbox(), Pod);
        _store.Write(Uid, 0, Container());
        foreach (string file in Directory.GetFiles(_paths.PodRecord(Uid.Value), "*.json", SearchOption.AllDirectories)) File.WriteAllText(file, content);

        RecordedSandbox sandbox = Assert.Single(Assert.Single(_store.Scan()).Sandboxes);
        Assert.Null(sandbox.Sandbox.Value);
        Assert.Contains("sandbox.json", sandbox.Sandbox.Problem, StringComparison.Ordinal);
        RecordedContainer container = Assert.Single(sandbox.Containers);
        Assert.Null(container.Record.Value);
        Assert.Equal(("c", 2, new string('a', 64)), (container.Name, container.Attempt, container.Id));
    }

    [Fact]
    public void Half_done_removals_and_writes_are_swept_up()
    {
        _store.Begin(Sandbox(), Pod);
        string pod = _paths.PodRecord(Uid.Value);
        Directory.Move(pod + "/0", pod + "/.removed-0");
        Assert.Empty(_store.Scan());
        Assert.False(Directory.Exists(pod));

        _store.Begin(Sandbox(1), Pod);
        File.WriteAllText(_store.SandboxFolder(Uid, 1) + "/containers/c.0.abc.json.tmp", "{");
        Assert.Empty(Assert.Single(Assert.Single(_store.Scan()).Sandboxes).Containers);
    }

    [Theory]
    [InlineData("c.0.abc.json", true)]
    [InlineData("c.-1.abc.json", false)]
    [InlineData("c.0.abc.json.tmp", false)]
    [InlineData("c.json", false)]
    public void Container_files_are_known_by_their_names(string file, bool known) => Assert.Equal(known, RecordStore.ParseContainerFile(file) is not null);

    [Theory]
    [InlineData(0, 0, "Completed")]
    [InlineData(0, 1, "Completed")]
    [InlineData(1, 0, "Error")]
    [InlineData(1, 1, "Error")]
    [InlineData(137, 0, "Error")]
    [InlineData(137, 1, "OOMKilled")]
    public void Only_a_kill_while_the_kernel_killed_for_memory_is_an_oom_kill(int code, long kills, string reason) =>
        Assert.Equal(reason, ContainerReasons.Of(code, kills));
}
