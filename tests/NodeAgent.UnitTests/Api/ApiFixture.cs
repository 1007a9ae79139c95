using System.Collections.Immutable;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using NodeAgent.Api;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Pods;
using Xunit;

namespace NodeAgent.UnitTests.Api;

/// <summary>The API on a real unix socket, over stores in memory and a runtime that only runs commands.</summary>
public sealed class ApiFixture : IAsyncLifetime
{
    public const string TableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

    private ApiServer? _server;
    private MemoryLibrary? _library;
    private FolderFiles? _files;

    public ApiFixture()
    {
        Root = Directory.CreateTempSubdirectory("api").FullName;
        Paths = new StatePaths(Root + "/lib", Root + "/run", Root + "/log", "/etc/podagent", "podagent");
        Time = new SteppingTime(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        Pods = new StatusStore(Time, history: 64);
        Events = new EventStore(Time, "node1");
        ManifestErrors = new ManifestErrors(Time);
        Client = NewClient();
    }

    public string Root { get; }
    public StatePaths Paths { get; }
    public SteppingTime Time { get; }
    public StatusStore Pods { get; }
    public EventStore Events { get; }
    public ManifestErrors ManifestErrors { get; }
    public CommandRuntime Runtime { get; } = new();
    public MemoryImages Images { get; } = new();

    /// <summary>What is in it is what containers have.</summary>
    public string ContainerRoot => Root + "/container";
    public FolderFiles Files => _files ??= new FolderFiles(ContainerRoot);
    public MemoryLibrary Library => _library ??= new MemoryLibrary(Images);

    /// <summary>Pods by the id of the image that they use.</summary>
    public Dictionary<string, ImmutableArray<string>> ImageUsers { get; } = [];
    public HttpClient Client { get; }
    public NodeScheduling Scheduling { get; set; }

    /// <summary>What the node does when a client opens or closes it.</summary>
    public Action<NodeScheduling> SchedulingSet { get; set; } = _ => { };

    /// <summary>What a prune answers, and how it was asked.</summary>
    public ImagePrune Prunable { get; set; } = new(new ImageRemovals([], [], Enough: false), 0);
    public List<(bool All, bool DryRun)> Prunes { get; } = [];

    /// <summary>What becomes of a pod that is deleted; by default it is not there any more.</summary>
    public PodDeleting OnDelete { get; set; } = (_, _, _, _) => Task.FromResult<PodDeletion?>(null);
    public string? NotReady { get; set; }
    public string? NotLive { get; set; }

    public async ValueTask InitializeAsync()
    {
        _server = NewServer();
        await _server.StartAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _server!.DisposeAsync();
        Directory.Delete(Root, recursive: true);
    }

    public Task StopServerAsync() => _server!.StopAsync(CancellationToken.None);

    public ApiServer NewServer() => new(new ApiDependencies
    {
        SocketPath = Paths.ApiSocket,
        Paths = Paths,
        Pods = Pods,
        Events = Events,
        ManifestErrors = ManifestErrors,
        Runtime = Runtime,
        Files = Files,
        Images = Images,
        Library = Library,
        ImageUsers = _ => Task.FromResult<IReadOnlyDictionary<string, ImmutableArray<string>>>(ImageUsers),
        Node = () => new Node
        {
            Metadata = new ObjectMeta { Name = "node1", CreationTimestamp = Time.GetUtcNow().AddDays(-3) },
            Spec = NodeSpecs.Of(Scheduling),
            Status = new NodeStatus
            {
                Conditions = [new NodeCondition { Type = "Ready", Status = "True" }],
                Addresses = [new NodeAddress { Type = "InternalIP", Address = "10.0.0.5" }],
                NodeInfo = new NodeSystemInfo { KubeletVersion = "v0.1.0", KernelVersion = "6.1.0", OsImage = "Debian 12", ContainerRuntimeVersion = "podagent://0.1.0" },
            },
        },
        Time = Time,
        Logging = NullLoggerFactory.Instance,
        Version = "0.1.0",
        SetScheduling = scheduling =>
        {
            Scheduling = scheduling;
            SchedulingSet(scheduling);
        },
        DeletePod = (uid, grace, dryRun, cancellationToken) => OnDelete(uid, grace, dryRun, cancellationToken),
        WrittenBytes = _ => Task.FromResult(7L),
        PruneImages = (all, dryRun, _) =>
        {
            Prunes.Add((all, dryRun));
            return Task.FromResult(dryRun ? Prunable with { FreedBytes = 0 } : Prunable);
        },
        NotLive = () => NotLive,
        NotReady = () => NotReady,
    });

    public HttpClient NewClient() => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellationToken) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Paths.ApiSocket), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://localhost"),
    };

    public async Task<(HttpStatusCode Code, JsonNode Body)> GetAsync(string path, string? accept = null, HttpMethod? method = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        if (accept is not null) request.Headers.TryAddWithoutValidation("Accept", accept);
        using HttpResponseMessage response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(new MediaTypeHeaderValue("application/json"), response.Content.Headers.ContentType);
        return (response.StatusCode, JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!);
    }

    /// <summary>A pod whose one container <c>main</c> runs for the <paramref name="restarts"/>-th time.</summary>
    public Pod RunningPod(string podNamespace, string name, int restarts = 0, string uid = "uid-1") => new()
    {
        Metadata = new ObjectMeta
        {
            Namespace = podNamespace,
            Name = name,
            Uid = uid,
            CreationTimestamp = Time.GetUtcNow().AddMinutes(-5),
            Labels = new Dictionary<string, string> { ["app"] = name },
        },
        Spec = new PodSpec { NodeName = "node1", Containers = [new Container { Name = "main", Image = "busybox" }] },
        Status = new PodStatus
        {
            Phase = PodPhase.Running,
            PodIP = "10.88.0.2",
            Conditions = [new PodCondition { Type = PodConditionType.Ready, Status = ConditionStatus.True }],
            ContainerStatuses =
            [
                new ContainerStatus
                {
                    Name = "main", Ready = true, Started = true, RestartCount = restarts, ContainerID = "podagent://c0ffee", Image = "busybox",
                    State = new ContainerState { Running = new ContainerStateRunning { StartedAt = Time.GetUtcNow().AddMinutes(-5) } },
                    LastState = restarts == 0 ? null : new ContainerState { Terminated = new ContainerStateTerminated { ExitCode = 1, Reason = "Error", FinishedAt = Time.GetUtcNow().AddMinutes(-6) } },
                },
            ],
        },
    };
}

public sealed class SteppingTime(DateTimeOffset start) : TimeProvider
{
    private DateTimeOffset _now = start;

    public void Advance(TimeSpan by) => _now += by;
    public override DateTimeOffset GetUtcNow() => _now;
}

/// <summary>Images in a dictionary; a load reads the archive's bytes as the image's name.</summary>
public sealed class MemoryImages : IImageService
{
    private readonly SortedDictionary<string, ImageRecord> _images = new(StringComparer.Ordinal);

    public void Add(string name, long sizeBytes) => _images[name] = new ImageRecord(
        "sha256:" + new string('a', 64), [name], "sha256:" + new string('b', 64), sizeBytes, ["sha256:1", "sha256:2"],
        new ImageConfig { Os = "linux", Architecture = "amd64" }, new DateTimeOffset(2026, 3, 1, 11, 0, 0, TimeSpan.Zero));

    public ValueTask<ImageRecord?> ImageStatusAsync(string reference, CancellationToken cancellationToken) =>
        reference.Contains(' ')
            ? throw new ImageException(ImageFailure.InvalidImageName, $"image {reference}: not a reference")
            : ValueTask.FromResult(_images.GetValueOrDefault(reference));

    public ValueTask<IReadOnlyList<ImageRecord>> ListImagesAsync(CancellationToken cancellationToken) => ValueTask.FromResult<IReadOnlyList<ImageRecord>>([.. _images.Values]);

    /// <summary>What a pull tells before it ends with <see cref="PullError"/> or an image of 7 bytes.</summary>
    public List<PullStatus> PullMoves { get; } = [];

    public ImageException? PullError { get; set; }

    public async Task<ImageRecord> PullImageAsync(string reference, IProgress<PullStatus>? progress, CancellationToken cancellationToken)
    {
        foreach (PullStatus move in PullMoves)
        {
            progress?.Report(move);
            await Task.Yield();
        }
        if (PullError is not null) throw PullError;
        Add(reference, 7);
        return _images[reference];
    }

    public async Task<IReadOnlyList<ImageRecord>> LoadAsync(string path, string? name, CancellationToken cancellationToken)
    {
        string content = await File.ReadAllTextAsync(path, cancellationToken);
        if (content == "broken") throw new ImageException(ImageFailure.ErrImagePull, $"{path}: not an image archive");
        Add(name ?? content, content.Length);
        return [_images[name ?? content]];
    }

    public Task<bool> RemoveImageAsync(string reference, CancellationToken cancellationToken) => Task.FromResult(_images.Remove(reference));

    public Task<ImageFsInfo> ImageFsInfoAsync(CancellationToken cancellationToken)
    {
        long content = _images.Values.Sum(image => image.SizeBytes);
        return Task.FromResult(new ImageFsInfo(content, 3 * content, 0, _images.Values.DistinctBy(image => image.Id).ToDictionary(image => image.Id, image => 3 * image.SizeBytes)));
    }

    public void Pin(string name) => _images[name] = _images[name] with { Pinned = true };
}
