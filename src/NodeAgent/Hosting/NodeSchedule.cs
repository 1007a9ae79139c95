using Microsoft.Extensions.Logging;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.Pods;

namespace NodeAgent.Hosting;

/// <summary>
/// Whether pods may run on this node.
/// <code>
///   Open --cordon--> Cordoned --drain--> Drained --uncordon--> Open       any of them may follow any other
/// </code>
/// Kept as one word in a file of the run folder, written before it takes effect: an agent that was killed in between goes on draining, and a reboot opens the node.
/// Callers: the API sets; the node's description reads. Made before the loops start, so that no pod starts on a drained node.
/// </summary>
internal sealed partial class NodeSchedule
{
    private readonly Lock _gate = new();
    private readonly string _file;
    private readonly string _nodeName;
    private readonly PodWorkers _workers;
    private readonly EventStore _events;
    private readonly ILogger<NodeSchedule> _log;

    public NodeSchedule(string file, string nodeName, PodWorkers workers, EventStore events, ILogger<NodeSchedule> log)
    {
        _file = file;
        _nodeName = nodeName;
        _workers = workers;
        _events = events;
        _log = log;
        Current = Read();
        if (Current != NodeScheduling.Open)
            LogKept(Current);
        workers.SetScheduling(Current);
    }

    public NodeScheduling Current { get; private set; }

    /// <summary>Keeps it, then applies it. Throws <see cref="IOException"/> when it cannot be kept; then nothing has changed.</summary>
    public void Set(NodeScheduling scheduling)
    {
        lock (_gate)
        {
            if (scheduling == Current)
                return;
            Write(scheduling);
            Current = scheduling;
            _workers.SetScheduling(scheduling);
        }

        LogSet(scheduling);
        // The reasons are those of a node of a cluster.
        bool open = scheduling == NodeScheduling.Open;
        string message = open ? "pods may run on this node" : scheduling == NodeScheduling.Drained ? "every pod of this node is ended and none is started" : "no new pod is started on this node";
        _events.Record(
            new ObjectReference { ApiVersion = "v1", Kind = "Node", Name = _nodeName, Uid = _nodeName },
            EventType.Normal, open ? "NodeSchedulable" : "NodeNotSchedulable", message);
    }

    private NodeScheduling Read()
    {
        try
        {
            if (!File.Exists(_file))
                return NodeScheduling.Open;
            string word = File.ReadAllText(_file).Trim();
            if (Enum.TryParse(word, out NodeScheduling kept) && Enum.IsDefined(kept))
                return kept;
            LogDamaged(_file, "it holds no such word");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogDamaged(_file, error.Message);
        }

        // Somebody has closed the node: starting pods may be wrong, and ending them may be too.
        return NodeScheduling.Cordoned;
    }

    private void Write(NodeScheduling scheduling)
    {
        if (scheduling == NodeScheduling.Open)
        {
            File.Delete(_file);
            return;
        }

        string temporary = _file + ".tmp";
        File.WriteAllText(temporary, scheduling + "\n");
        File.Move(temporary, _file, overwrite: true);
    }

    [LoggerMessage(21, LogLevel.Information, "the node is {Scheduling} since before this start")]
    private partial void LogKept(NodeScheduling scheduling);

    [LoggerMessage(22, LogLevel.Information, "the node is {Scheduling} now")]
    private partial void LogSet(NodeScheduling scheduling);

    [LoggerMessage(23, LogLevel.Error, "cannot read {File}: {Why}; the node is taken to be Cordoned: what runs goes on, nothing new is started until podctl uncordon or drain")]
    private partial void LogDamaged(string file, string why);
}
