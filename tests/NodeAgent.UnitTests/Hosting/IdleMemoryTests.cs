using NodeAgent.Hosting;
using NodeAgent.Testing.Time;
using Xunit;

namespace NodeAgent.UnitTests.Hosting;

public sealed class IdleMemoryTests : IDisposable
{
    private readonly ManualTimeProvider _time = new();
    private readonly IdleMemory _idle;
    private long _allocated = 5 * IdleMemory.WorthReleasing;
    private int _releases;

    public IdleMemoryTests() => _idle = new IdleMemory(_time, () => _allocated, () => _releases++);

    public void Dispose() => _idle.Dispose();

    [Fact]
    public void Nothing_is_released_before_anything_was_done()
    {
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(0, _releases);
    }

    [Fact]
    public void Memory_is_released_once_after_the_last_of_many_touches()
    {
        for (int touch = 0; touch < 10; touch++)
        {
            _idle.Touch();
            _time.Advance(IdleMemory.Quiet / 2);
            Assert.Equal(0, _releases);
        }
        _time.Advance(IdleMemory.Quiet / 2);
        Assert.Equal(1, _releases);
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _releases);
        Assert.Equal(0, _time.ArmedTimers);
    }

    [Fact]
    public void A_touch_that_allocated_little_releases_nothing_until_enough_came_together()
    {
        _idle.Touch();
        _time.Advance(IdleMemory.Quiet);
        for (int touch = 0; touch < 3; touch++)
        {
            _allocated += IdleMemory.WorthReleasing / 4;
            _idle.Touch();
            _time.Advance(IdleMemory.Quiet);
            Assert.Equal(1, _releases);
        }
        _allocated += IdleMemory.WorthReleasing / 4;
        _idle.Touch();
        _time.Advance(IdleMemory.Quiet);
        Assert.Equal(2, _releases);
    }
}
