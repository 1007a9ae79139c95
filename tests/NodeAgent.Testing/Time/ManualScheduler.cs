namespace NodeAgent.Testing.Time;

/// <summary>
/// Runs asynchronous code on the test's own thread, one continuation after the other, until nothing is left to run. A test sees every intermediate state,
/// needs no waiting, and with a seed the ready continuations run in an order drawn from it: the same seed gives the same interleaving.
/// </summary>
/// <remarks>The code under test has to stay on its context: no <c>Task.Run</c>, no <c>ConfigureAwait(false)</c>, no real input or output.</remarks>
public sealed class ManualScheduler(int? seed = null) : SynchronizationContext
{
    /// <summary>More turns than this without coming to rest is a loop that never waits.</summary>
    private const int MaxTurns = 2_000_000;

    private readonly Lock _gate = new();
    private readonly List<(SendOrPostCallback Callback, object? State)> _ready = [];
    private readonly Random? _random = seed is { } value ? new Random(value) : null;
    private int _first;

    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (_gate)
            _ready.Add((d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => d(state);
    public override SynchronizationContext CreateCopy() => this;

    /// <summary>Runs an action on this context, then everything it set going.</summary>
    public void Run(Action action)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            action();
            Drain();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Runs what is ready, and what that makes ready, until nothing is.</summary>
    public void RunUntilIdle() => Run(static () => { });

    /// <summary>Starts an asynchronous operation and runs until idle; the operation has to be complete then.</summary>
    public T Complete<T>(Func<Task<T>> start)
    {
        Task<T>? task = null;
        Run(() => task = start());
        return task!.IsCompleted ? task.GetAwaiter().GetResult() : throw new InvalidOperationException("the operation still waits after everything ready has run");
    }

    /// <inheritdoc cref="Complete{T}"/>
    public void Complete(Func<Task> start) => Complete(async () =>
    {
        await start();
        return true;
    });

    private void Drain()
    {
        for (int turn = 0; turn < MaxTurns; turn++)
        {
            (SendOrPostCallback Callback, object? State) next;
            lock (_gate)
            {
                if (_first == _ready.Count)
                {
                    _ready.Clear();
                    _first = 0;
                    return;
                }

                if (_random is not null)
                {
                    int pick = _random.Next(_first, _ready.Count);
                    (_ready[_first], _ready[pick]) = (_ready[pick], _ready[_first]);
                }

                next = _ready[_first];
                _ready[_first++] = default;
            }

            next.Callback(next.State);
        }

        throw new InvalidOperationException($"still busy after {MaxTurns} turns: a loop runs without waiting");
    }
}
