namespace NodeAgent.Runtime;

/// <summary>An undo that did not work; what it should have released is still there.</summary>
public readonly record struct UndoFailure(string Step, Exception Error);

/// <summary>
/// What a sequence has acquired so far, newest on top. Each step pushes its undo <b>before</b> it acts, so an undo has to bear that its step did nothing.
/// <code>
/// empty --Push--> holding --Forget--> empty        the sequence succeeded: everything stays
///                    '-----Unwind--> empty         it failed: newest first, up to the first undo that fails
/// </code>
/// One owner, not thread-safe.
/// </summary>
public sealed class UndoStack
{
    private readonly Stack<(string Step, Func<ValueTask> Undo)> _undos = new();

    public void Push(string step, Func<ValueTask> undo) => _undos.Push((step, undo));

    public void Push(string step, Action undo) => _undos.Push((step, () =>
    {
        undo();
        return ValueTask.CompletedTask;
    }
    ));

    /// <summary>Everything acquired is kept.</summary>
    public void Forget() => _undos.Clear();

    /// <summary>
    /// Undoes in reverse order. The first failure stops it: an older resource (the cgroup, the record) must not go while something newer in it is left.
    /// </summary>
    /// <returns>The failure, or null when nothing is left.</returns>
    public async ValueTask<UndoFailure?> UnwindAsync()
    {
        while (_undos.TryPop(out (string Step, Func<ValueTask> Undo) top))
        {
            try
            {
                await top.Undo();
            }
            catch (Exception e)
            {
                _undos.Clear();
                return new UndoFailure(top.Step, e);
            }
        }
        return null;
    }
}
