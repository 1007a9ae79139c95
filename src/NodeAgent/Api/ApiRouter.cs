using System.Collections.Immutable;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using NodeAgent.Api.Discovery;
using NodeAgent.Api.Exec;
using NodeAgent.Api.Logs;
using NodeAgent.Api.Resources;
using NodeAgent.Api.Selectors;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Core.Status;
using NodeAgent.Pods;

namespace NodeAgent.Api;

/// <summary>Which request goes where. The paths are those of kube-apiserver; pods can be deleted; everything else that would change one is refused with where to do it instead.</summary>
internal sealed class ApiRouter
{
    // One warning for each file; more would only hide the table that a client prints below.
    private const int MostWarnings = 20;

    private static readonly FieldSelector<ManifestErrorObject> ManifestErrorFields = new(new Dictionary<string, Func<ManifestErrorObject, string?>>(StringComparer.Ordinal)
    {
        ["metadata.name"] = error => error.Metadata.Name,
    });

    private readonly ApiDependencies _dependencies;
    private readonly ResourceEndpoint<Pod> _pods;
    private readonly ResourceEndpoint<Event> _events;
    private readonly ResourceEndpoint<Node> _nodes;
    private readonly ResourceEndpoint<ManifestErrorObject> _manifestErrors;
    private readonly ImageEndpoint _images;
    private readonly LogEndpoint _logs;
    private readonly ExecEndpoint _exec;
    private readonly AttachEndpoint _attach;
    private readonly PortForwardEndpoint _forward;
    private readonly FilesEndpoint _files;

    public ApiRouter(ApiDependencies dependencies)
    {
        _dependencies = dependencies;
        _pods = new ResourceEndpoint<Pod>(new PodResource(), SelectableFields.Pods, () =>
        {
            PodSnapshot snapshot = dependencies.Pods.Current;
            return (snapshot.ResourceVersion, snapshot.Pods);
        }, dependencies.Pods.WatchAsync, dependencies.Time);
        _events = new ResourceEndpoint<Event>(new EventResource(), SelectableFields.Events, () =>
        {
            EventSnapshot snapshot = dependencies.Events.Current;
            return (snapshot.ResourceVersion, snapshot.Events);
        }, dependencies.Events.WatchAsync, dependencies.Time);
        _nodes = new ResourceEndpoint<Node>(new NodeResource(), SelectableFields.Nodes, () => (0, [dependencies.Node()]), null, dependencies.Time);
        _manifestErrors = new ResourceEndpoint<ManifestErrorObject>(new ManifestErrorResource(), ManifestErrorFields,
            () => (0, ManifestErrors()), null, dependencies.Time);
        _images = new ImageEndpoint(dependencies);
        _logs = new LogEndpoint(dependencies.Paths, dependencies.Pods, dependencies.Time);
        _exec = new ExecEndpoint(dependencies.Runtime);
        _attach = new AttachEndpoint(dependencies.Runtime);
        _forward = new PortForwardEndpoint(dependencies.Runtime);
        _files = new FilesEndpoint(dependencies.Files);
    }

    public Task RouteAsync(HttpContext context, CancellationToken cancellationToken)
    {
        string path = context.Request.Path.Value ?? "/";
        string[] parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["version"] => Get(context, () => Answer.JsonAsync(context, DiscoveryDocuments.Version(_dependencies.Version), cancellationToken)),
            ["livez" or "healthz"] => Get(context, () => HealthAsync(context, _dependencies.NotLive(), cancellationToken)),
            ["readyz"] => Get(context, () => HealthAsync(context, _dependencies.NotLive() ?? _dependencies.NotReady(), cancellationToken)),
            ["api"] => Document(context, DiscoveryDocuments.Api, cancellationToken),
            ["apis"] => Document(context, DiscoveryDocuments.Groups, cancellationToken),
            ["api", "v1"] => Document(context, DiscoveryDocuments.Core, cancellationToken),
            ["apis", ApiGroup.Name] => Document(context, DiscoveryDocuments.Group, cancellationToken),
            ["apis", ApiGroup.Name, "v1alpha1"] => Document(context, DiscoveryDocuments.Own, cancellationToken),
            ["api", "v1", "pods"] => PodsAsync(context, null, [], cancellationToken),
            ["api", "v1", "namespaces", string ns, "pods", .. string[] rest] => PodsAsync(context, ns, rest, cancellationToken),
            ["api", "v1", "events"] => Get(context, () => _events.ListAsync(context, null, cancellationToken)),
            ["api", "v1", "namespaces", string ns, "events"] => Get(context, () => _events.ListAsync(context, ns, cancellationToken)),
            ["api", "v1", "namespaces", string ns, "events", string name] => Get(context, () => _events.GetAsync(context, ns, name, cancellationToken)),
            ["api", "v1", "nodes"] => Get(context, () => _nodes.ListAsync(context, null, cancellationToken)),
            ["api", "v1", "nodes", string name] when HttpMethods.IsPatch(context.Request.Method) => PatchNodeAsync(context, name, cancellationToken),
            ["api", "v1", "nodes", string name] => Get(context, () => _nodes.GetAsync(context, null, name, cancellationToken)),
            ["apis", ApiGroup.Name, "v1alpha1", "images", .. string[] name] => ImagesAsync(context, string.Join('/', name), cancellationToken),
            ["apis", ApiGroup.Name, "v1alpha1", "namespaces", string ns, "pods", string name, "files"] => FilesAsync(context, ns, name, cancellationToken),
            ["apis", ApiGroup.Name, "v1alpha1", "imagefs"] => Get(context, () => _images.UsageAsync(context, cancellationToken)),
            ["apis", ApiGroup.Name, "v1alpha1", "manifesterrors"] => Get(context, () => _manifestErrors.ListAsync(context, null, cancellationToken)),
            ["apis", ApiGroup.Name, "v1alpha1", "manifesterrors", string name] => Get(context, () => _manifestErrors.GetAsync(context, null, name, cancellationToken)),
            _ => throw ApiException.NoSuchPath(path),
        };
    }

    private Task PodsAsync(HttpContext context, string? podNamespace, string[] rest, CancellationToken cancellationToken)
    {
        if (rest is [string target, "exec"] && context.Request.Method is "GET" or "POST")
            return _exec.ConnectAsync(context, _pods.Find(podNamespace, target), cancellationToken);
        if (rest is [string attached, "attach"] && context.Request.Method is "GET" or "POST")
            return _attach.ConnectAsync(context, _pods.Find(podNamespace, attached), cancellationToken);
        if (rest is [string forwarded, "portforward"] && context.Request.Method is "GET" or "POST")
            return _forward.ConnectAsync(context, _pods.Find(podNamespace, forwarded), cancellationToken);
        if (rest is [string doomed] && HttpMethods.IsDelete(context.Request.Method) && _dependencies.DeletePod is { } delete)
            return PodDeleteEndpoint.DeleteAsync(context, _pods.Find(podNamespace, doomed), delete, cancellationToken);
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            throw ApiException.MethodNotAllowed(
                $"pods can't be changed through the API ({context.Request.Method}): write, change or delete a manifest in {_dependencies.Paths.Manifests} instead");
        }
        switch (rest)
        {
            case []:
                Warn(context);
                return _pods.ListAsync(context, podNamespace, cancellationToken);
            case [string name]:
                return _pods.GetAsync(context, podNamespace, name, cancellationToken);
            case [string name, "status"]:
                return _pods.GetAsync(context, podNamespace, name, cancellationToken);
            case [string name, "log"]:
                return _logs.GetAsync(context, _pods.Find(podNamespace, name), cancellationToken);
            default:
                throw ApiException.NoSuchPath(context.Request.Path.Value ?? "");
        }
    }

    private Task FilesAsync(HttpContext context, string podNamespace, string name, CancellationToken cancellationToken) => context.Request.Method switch
    {
        "GET" => _files.ReadAsync(context, _pods.Find(podNamespace, name), cancellationToken),
        "PUT" => _files.WriteAsync(context, _pods.Find(podNamespace, name), cancellationToken),
        string other => throw ApiException.MethodNotAllowed($"{other} of a pod's files: they can be read (GET) and written (PUT)"),
    };

    private async Task PatchNodeAsync(HttpContext context, string name, CancellationToken cancellationToken)
    {
        Node node = _nodes.Find(null, name);
        NodeScheduling wanted = await NodePatch.ReadAsync(context.Request, NodeSpecs.SchedulingOf(node.Spec), cancellationToken);
        if (!context.Request.Query.ContainsKey("dryRun"))
            _dependencies.SetScheduling(wanted);
        await _nodes.GetAsync(context, null, name, cancellationToken);
    }

    private Task ImagesAsync(HttpContext context, string name, CancellationToken cancellationToken) => (context.Request.Method, name) switch
    {
        ("GET", "") when context.Request.Query.ContainsKey("save") => _images.SaveAsync(context, cancellationToken),
        ("GET", "") => _images.ListAsync(context, cancellationToken),
        ("GET", _) when context.Request.Query.ContainsKey("details") => _images.InspectAsync(context, name, cancellationToken),
        ("GET", _) => _images.GetAsync(context, name, cancellationToken),
        ("POST", "") when context.Request.Query["pull"].ToString() is { Length: > 0 } reference => _images.PullAsync(context, reference, cancellationToken),
        ("POST", "") when context.Request.Query.ContainsKey("verify") => _images.VerifyAsync(context, cancellationToken),
        ("POST", "") when context.Request.Query.ContainsKey("import") => _images.ImportAsync(context, cancellationToken),
        ("POST", "") => _images.LoadAsync(context, cancellationToken),
        ("POST", _) when context.Request.Query.ContainsKey("tag") => _images.TagAsync(context, name, cancellationToken),
        ("DELETE", "") => _images.PruneAsync(context, cancellationToken),
        ("DELETE", _) => _images.DeleteAsync(context, name, cancellationToken),
        _ => throw ApiException.MethodNotAllowed(
            $"{context.Request.Method} of images{(name.Length > 0 ? "/" + name : "")}: images can be listed, read, loaded (POST), tagged (POST of one, ?tag=), "
            + "deleted by name and pruned (DELETE)"),
    };

    /// <summary>Manifests that are not in effect are no pods, but whoever lists pods should hear of them: kubectl prints Warning headers (RFC 7234 §5.5).</summary>
    private void Warn(HttpContext context)
    {
        foreach (FaultyManifest manifest in _dependencies.ManifestErrors.Current.Take(MostWarnings))
        {
            ManifestErrorObject error = ManifestErrorResource.Of(manifest);
            string line = ManifestErrorResource.Line(error.File, error.Faults[0]);
            string more = error.Faults.Count > 1 ? $" (and {error.Faults.Count - 1} more)" : "";
            context.Response.Headers.Append("Warning", $"299 podagent \"{HeaderText(line + more)}\"");
        }
    }

    // A header takes printable ASCII only.
    private static string HeaderText(string text) =>
        string.Concat(text.Select(c => c switch
        {
            '"' or '\\' => "\\" + c,
            >= ' ' and < (char)127 => c.ToString(),
            _ => " ",
        }));

    private ImmutableArray<ManifestErrorObject> ManifestErrors() => [.. _dependencies.ManifestErrors.Current.Select(ManifestErrorResource.Of)];

    private static Task HealthAsync(HttpContext context, string? fault, CancellationToken cancellationToken) =>
        fault is null ? Answer.TextAsync(context, "ok", cancellationToken) : Answer.TextAsync(context, fault + "\n", cancellationToken, 500);

    private static Task Document(HttpContext context, ReadOnlySpan<byte> document, CancellationToken cancellationToken)
    {
        byte[] body = document.ToArray();
        return Get(context, () => Answer.JsonAsync(context, body, cancellationToken));
    }

    private static Task Get(HttpContext context, Func<Task> answer)
    {
        if (!HttpMethods.IsGet(context.Request.Method))
            throw ApiException.MethodNotAllowed($"{context.Request.Method} of {context.Request.Path}: only GET is answered here");
        return answer();
    }
}
