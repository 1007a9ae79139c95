using NodeAgent.Runtime;
using Xunit;

namespace NodeAgent.UnitTests.Runtime;

public sealed class UndoStackTests
{
    [Fact]
    public async Task Undoes_newest_first()
    {
        var log = new List<string>();
        var undo = new UndoStack();
        undo.Push("record", () => log.Add("record"));
        undo.Push("cgroup", async () =>
        {
            await Task.Yield();
            log.Add("cgroup");
        });
        Assert.Null(await undo.UnwindAsync());
        Assert.Equal(["cgroup", "record"], log);
    }

    [Fact]
    public async Task An_undo_that_fails_keeps_everything_older_and_is_named()
    {
        var log = new List<string>();
        var undo = new UndoStack();
        undo.Push("record", () => log.Add("record"));
        undo.Push("cgroup", () => throw new InvalidOperationException("busy"));
        undo.Push("shm", () => log.Add("shm"));
        UndoFailure failure = Assert.NotNull(await undo.UnwindAsync());
        Assert.Equal(("cgroup", "busy"), (failure.Step, failure.Error.Message));
        Assert.Equal(["shm"], log);
    }

    [Fact]
    public async Task What_was_kept_is_not_undone()
    {
        var undo = new UndoStack();
        undo.Push("record", () => Assert.Fail("undone"));
        undo.Forget();
        Assert.Null(await undo.UnwindAsync());
    }
}
