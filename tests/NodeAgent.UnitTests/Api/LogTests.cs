using System.Globalization;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using NodeAgent.Api.Logs;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Api;

public sealed class LogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("log").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory(DisplayName = "the header of a record is read, or the line is no record")]
    [InlineData("2026-03-01T12:00:00.123456789Z stdout F hello world", "Stdout F 'hello world'")]
    [InlineData("2026-03-01T12:00:00Z stderr P half", "Stderr P 'half'")]
    [InlineData("2026-03-01T12:00:00.1+02:00 stdout F:tag x", "Stdout F 'x'")]
    [InlineData("2026-03-01T12:00:00.123456789Z stdout F ", "Stdout F ''")]
    [InlineData("2026-03-01T12:00:00.123456789Z stdout F", "Stdout F ''")]
    [InlineData("2026-03-01T12:00:00.123456789Z stdin F x", null)]
    [InlineData("2026-03-01T12:00:00.123456789Z stdout X x", null)]
    [InlineData("2026-03-01T12:00:00.123456789Z stdout Full x", null)]
    [InlineData("\0\0\0\0", null)]
    [InlineData("", null)]
    public void Parses(string line, string? expected)
    {
        bool parsed = CriLogRecord.TryParse(Encoding.UTF8.GetBytes(line), out CriLogRecord record);
        Assert.Equal(expected, parsed ? $"{record.Stream} {(record.Partial ? "P" : "F")} '{Encoding.UTF8.GetString(record.Text)}'" : null);
    }

    [Theory(DisplayName = "times compare whatever their precision and zone")]
    [InlineData("2026-03-01T12:00:00Z", false)]
    [InlineData("2026-03-01T11:59:59.999999999Z", true)]
    [InlineData("2026-03-01T12:00:00.000000001Z", false)]
    [InlineData("2026-03-01T11:59:59.5Z", true)]
    [InlineData("2026-03-01T13:30:00+02:00", true)]
    [InlineData("2026-03-01T14:30:00.25+02:00", false)]
    [InlineData("not-a-time-at-all-here", false)]
    public void Since(string time, bool before)
    {
        Assert.True(CriLogRecord.TryParse(Encoding.ASCII.GetBytes(time + " stdout F x"), out CriLogRecord record));
        Assert.Equal(before, record.IsBefore(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero)));
    }

    [Fact(DisplayName = "pieces are joined to lines, and another stream's lines are not torn into them")]
    public async Task Joins()
    {
        Write("0.log", "o:P:one ", "o:P:two ", "e:F:error", "e:P:half ", "o:F:three", "e:F:done", "o:F:last");
        Assert.Equal("one two three\nerror\nhalf done\nlast\n", await ReadAsync(new LogQuery()));
        Assert.Equal("error\nhalf done\n", await ReadAsync(new LogQuery(Stream: LogStream.Stderr)));
    }

    [Fact(DisplayName = "a line that has no end yet is shown, and what waited behind it too")]
    public async Task OpenLine()
    {
        Write("0.log", "o:F:first", "o:P:prompt> ", "e:F:error");
        Assert.Equal("first\nprompt> error\n", await ReadAsync(new LogQuery()));
    }

    [Fact(DisplayName = "timestamps stand at the start of lines only, and are those of the first piece")]
    public async Task Timestamps()
    {
        Write("0.log", "o:P:a", "o:F:b", "e:F:c");
        string[] lines = (await ReadAsync(new LogQuery(Timestamps: true))).Split('\n');
        Assert.Equal([Time(0) + " ab", Time(2) + " c", ""], lines);
    }

    [Theory(DisplayName = "the last lines are counted as lines, not as pieces, across rotated and compressed files")]
    [InlineData(0, "")]
    [InlineData(1, "7")]
    [InlineData(2, "6 7")]
    [InlineData(3, "5 6 7")]
    [InlineData(4, "4 5 6 7")]
    [InlineData(5, "3 4 5 6 7")]
    [InlineData(6, "2 3 4 5 6 7")]
    [InlineData(7, "1 2 3 4 5 6 7")]
    [InlineData(1000, "1 2 3 4 5 6 7")]
    public async Task Tail(int lines, string expected)
    {
        Write("0.log.20260301-110000", "o:F:1", "o:F:2", "o:F:3");
        Compress("0.log.20260301-110000");
        Write("0.log.20260301-113000", "o:F:4");
        Write("0.log", "o:P:5", "o:F:", "o:F:6", "o:P:7");
        Assert.Equal(expected, (await ReadAsync(new LogQuery(TailLines: lines))).Trim().Replace('\n', ' '));
    }

    [Fact(DisplayName = "the tail of one stream counts that stream's lines")]
    public async Task TailOfStream()
    {
        Write("0.log", "o:F:a", "e:F:b", "o:F:c", "e:F:d", "e:F:e", "o:F:f");
        Assert.Equal("c\nf\n", await ReadAsync(new LogQuery(TailLines: 2, Stream: LogStream.Stdout)));
    }

    [Theory(DisplayName = "any number of last lines of random records is the same as reading all and keeping the last")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task TailAgainstModel(int seed)
    {
        var random = new Random(seed);
        var records = new List<string>();
        // Long and short texts, so that records lie across the borders of the blocks that are read backwards.
        for (int i = 0; i < 400; i++) records.Add($"o:F:{i} {new string('x', random.Next(4) == 0 ? random.Next(16000) : random.Next(80))}");
        Write("0.log", [.. records]);
        string[] lines = [.. records.Select(record => record[4..])];
        foreach (int tail in new[] { 1, 2, 17, 100, 399, 400, 401 })
        {
            string expected = string.Concat(lines.TakeLast(tail).Select(line => line + "\n"));
            Assert.Equal(expected, await ReadAsync(new LogQuery(TailLines: tail)));
        }
    }

    [Fact(DisplayName = "the tail of a big log reads the tail only")]
    public async Task TailIsCheap()
    {
        string path = Path.Combine(_folder, "0.log");
        using (var file = new StreamWriter(path))
        {
            for (int i = 0; i < 300_000; i++) await file.WriteLineAsync($"2026-03-01T12:00:00.000000000Z stdout F line {i} of a log that is rather long");
        }
        long bytesBefore = ReadBytes();
        Assert.Equal("line 299999 of a log that is rather long\n", await ReadAsync(new LogQuery(TailLines: 1)));
        Assert.InRange(ReadBytes() - bytesBefore, 1, 2_000_000);
    }

    [Fact(DisplayName = "since leaves out older lines, and the limit cuts in the middle")]
    public async Task SinceAndLimit()
    {
        Write("0.log", "o:F:a", "o:F:b", "o:F:c");
        Assert.Equal("b\nc\n", await ReadAsync(new LogQuery(Since: DateTimeOffset.Parse(Time(1), CultureInfo.InvariantCulture))));
        Assert.Equal("a\nb", await ReadAsync(new LogQuery(LimitBytes: 3)));
    }

    [Fact(DisplayName = "lines that are no records, as a power cut leaves them, are passed over")]
    public async Task Garbage()
    {
        Write("0.log", "o:F:a");
        await File.AppendAllTextAsync(Path.Combine(_folder, "0.log"), "\0\0\0\0\nnonsense\n");
        Append("0.log", 5, "o:F:b");
        Assert.Equal("a\nb\n", await ReadAsync(new LogQuery()));
        Assert.Equal("a\nb\n", await ReadAsync(new LogQuery(TailLines: 2)));
    }

    [Fact(DisplayName = "following shows new lines as they come, goes on across rotations, also several at once, and ends when the container has")]
    public async Task Follow()
    {
        Write("0.log", "o:F:old", "o:F:1");
        bool ended = false;
        await using var follow = new Follower(new LogFiles(_folder, 0), new LogQuery(Follow: true, TailLines: 1), () => ended);
        Assert.Equal("1", await follow.NextLineAsync());
        Append("0.log", 2, "o:F:2");
        Assert.Equal("2", await follow.NextLineAsync());

        string live = Path.Combine(_folder, "0.log");
        Append("0.log", 3, "o:F:3");
        File.Move(live, live + ".20260301-120000");
        Write("0.log", "o:F:4");
        File.Move(live, live + ".20260301-120001");
        Compress("0.log.20260301-120001");
        Write("0.log", "o:F:5");
        Assert.Equal("3", await follow.NextLineAsync());
        Assert.Equal("4", await follow.NextLineAsync());
        Assert.Equal("5", await follow.NextLineAsync());

        Append("0.log", 9, "o:F:6");
        ended = true;
        follow.Log.Wake();
        Assert.Equal("6", await follow.NextLineAsync());
        Assert.Null(await follow.NextLineAsync());
    }

    [Theory(DisplayName = "a writer that rotates at full speed loses the follower nothing and doubles nothing")]
    [InlineData(1)]
    [InlineData(2)]
    public async Task FollowUnderRotation(int seed)
    {
        const int Lines = 3000;
        Write("0.log");
        bool ended = false;
        await using var follow = new Follower(new LogFiles(_folder, 0), new LogQuery(Follow: true), () => Volatile.Read(ref ended));
        Task writing = Task.Run(() =>
        {
            var random = new Random(seed);
            string live = Path.Combine(_folder, "0.log");
            int rotation = 0;
            FileStream file = new(live, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
            for (int i = 0; i < Lines; i++)
            {
                if (random.Next(100) == 0)
                {
                    File.Move(live, $"{live}.20260301-{rotation++:D6}");
                    file.Dispose();
                    file = new FileStream(live, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 0);
                }
                file.Write(Encoding.ASCII.GetBytes($"{Time(0)} stdout F {i}\n"));
            }
            file.Dispose();
            Volatile.Write(ref ended, true);
            follow.Log.Wake();
        });
        for (int i = 0; i < Lines; i++) Assert.Equal(i.ToString(), await follow.NextLineAsync());
        Assert.Null(await follow.NextLineAsync());
        await writing;
    }

    private string Time(int index) => $"2026-03-01T12:00:{index:D2}.000000000Z";

    private void Write(string name, params string[] records)
    {
        File.WriteAllText(Path.Combine(_folder, name), "");
        Append(name, 0, records);
    }

    // Each record is stream:tag:text, one second after the other.
    private void Append(string name, int second, params string[] records) =>
        File.AppendAllText(Path.Combine(_folder, name), string.Concat(records.Select((record, index) =>
            $"{Time((second + index) % 60)} {(record[0] == 'o' ? "stdout" : "stderr")} {record[2]} {record[4..]}\n")));

    private void Compress(string name)
    {
        string path = Path.Combine(_folder, name);
        using (var gzip = new GZipStream(File.Create(path + ".gz"), CompressionMode.Compress)) gzip.Write(File.ReadAllBytes(path));
        File.Delete(path);
    }

    private async Task<string> ReadAsync(LogQuery query)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await new ContainerLog(new LogFiles(_folder, 0), query).CopyAsync(pipe.Writer, () => true, TestContext.Current.CancellationToken);
        await pipe.Writer.CompleteAsync();
        using var reader = new StreamReader(pipe.Reader.AsStream());
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    private static long ReadBytes() => long.Parse(File.ReadLines("/proc/thread-self/io").First().Split(' ')[1], CultureInfo.InvariantCulture);

    private sealed class Follower : IAsyncDisposable
    {
        private readonly Pipe _pipe = new();
        private readonly StreamReader _reader;
        private readonly Task _copying;

        public Follower(LogFiles files, LogQuery query, Func<bool> ended)
        {
            Log = new ContainerLog(files, query);
            _reader = new StreamReader(_pipe.Reader.AsStream());
            _copying = Task.Run(async () =>
            {
                await Log.CopyAsync(_pipe.Writer, ended, TestContext.Current.CancellationToken);
                await _pipe.Writer.CompleteAsync();
            });
        }

        public ContainerLog Log { get; }

        public async Task<string?> NextLineAsync() => await _reader.ReadLineAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(20));

        public async ValueTask DisposeAsync()
        {
            await _pipe.Reader.CompleteAsync();
            Log.Wake();
            await _copying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

public sealed class LogEndpointTests : IAsyncLifetime
{
    private readonly ApiFixture _api = new();

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact(DisplayName = "the run that goes on is shown, or with previous the one before it")]
    public async Task PresentAndPrevious()
    {
        Publish(_api.RunningPod("default", "web", restarts: 2));
        Write(0, "zero");
        Write(1, "one");
        Write(2, "two");
        Assert.Equal((HttpStatusCode.OK, "two\n"), await GetAsync(""));
        Assert.Equal((HttpStatusCode.OK, "one\n"), await GetAsync("previous=true&container=main"));
    }

    [Fact(DisplayName = "in crash loop back-off, the run that crashed is both the present and the previous one")]
    public async Task CrashLoop()
    {
        Pod pod = _api.RunningPod("default", "web", restarts: 1);
        ContainerStatus status = pod.Status!.ContainerStatuses![0] with { State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = "CrashLoopBackOff" } } };
        Publish(pod with { Status = pod.Status with { ContainerStatuses = [status] } });
        Write(0, "zero");
        Write(1, "one");
        Assert.Equal("one\n", (await GetAsync("")).Text);
        Assert.Equal("one\n", (await GetAsync("previous=true")).Text);
    }

    [Theory(DisplayName = "what can't be shown says why")]
    [InlineData("container=nope", "container nope is not valid for pod web")]
    [InlineData("previous=true", "previous terminated container \\\"main\\\" in pod \\\"web\\\" not found")]
    [InlineData("tailLines=-1", "tailLines \\\"-1\\\": expected a number that is not negative")]
    [InlineData("limitBytes=0", "limitBytes: expected a number greater than 0")]
    [InlineData("sinceSeconds=5&sinceTime=2026-03-01T12:00:00Z", "at most one of sinceTime and sinceSeconds")]
    [InlineData("sinceTime=yesterday", "sinceTime \\\"yesterday\\\": expected a time as in RFC 3339")]
    [InlineData("colour=red", "unknown parameter colour")]
    public async Task Refusals(string query, string message)
    {
        Publish(_api.RunningPod("default", "web"));
        Write(0, "zero");
        (HttpStatusCode code, string text) = await GetAsync(query);
        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains(message, text);
    }

    [Fact(DisplayName = "a container that never ran is waiting to start, with its reason")]
    public async Task NeverRan()
    {
        Pod pod = _api.RunningPod("default", "web");
        ContainerStatus status = new() { Name = "main", State = new ContainerState { Waiting = new ContainerStateWaiting { Reason = "ImagePullBackOff" } } };
        Publish(pod with { Status = pod.Status! with { ContainerStatuses = [status] } });
        Assert.Contains("container \\\"main\\\" in pod \\\"web\\\" is waiting to start: ImagePullBackOff", (await GetAsync("")).Text);
    }

    [Fact(DisplayName = "with several containers one has to be named, or the pod names its default")]
    public async Task SeveralContainers()
    {
        Pod pod = _api.RunningPod("default", "web");
        pod = pod with { Spec = pod.Spec! with { Containers = [new Container { Name = "main" }, new Container { Name = "side" }], InitContainers = [new Container { Name = "setup" }] } };
        Publish(pod);
        Write(0, "zero");
        Assert.Contains("a container name must be specified for pod web, choose one of: [main side] or one of the init containers: [setup]", (await GetAsync("")).Text);
        Publish(pod with { Metadata = pod.Metadata! with { Annotations = new Dictionary<string, string> { ["kubectl.kubernetes.io/default-container"] = "main" } } });
        Assert.Equal("zero\n", (await GetAsync("")).Text);
    }

    [Fact(DisplayName = "following ends by itself when the container does, with its last words")]
    public async Task FollowEnds()
    {
        Pod pod = _api.RunningPod("default", "web");
        Publish(pod);
        Write(0, "one");
        using HttpResponseMessage response = await _api.Client.GetAsync("/api/v1/namespaces/default/pods/web/log?follow=true", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal("text/plain", response.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal("one", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Write(0, "two");
        Assert.Equal("two", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Write(0, "last words");
        ContainerStatus over = pod.Status!.ContainerStatuses![0] with { State = new ContainerState { Terminated = new ContainerStateTerminated { ExitCode = 1 } } };
        Publish(pod with { Status = pod.Status with { ContainerStatuses = [over] } });
        Assert.Equal("last words", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Null(await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    private void Publish(Pod pod) => _api.Pods.Publish(pod, new PodUid("uid-1"));

    private void Write(int attempt, string text)
    {
        string folder = Path.Combine(_api.Paths.PodLogs("default", "web", "uid-1"), "main");
        Directory.CreateDirectory(folder);
        File.AppendAllText(Path.Combine(folder, $"{attempt}.log"), $"2026-03-01T12:00:00.000000000Z stdout F {text}\n");
    }

    private async Task<(HttpStatusCode Code, string Text)> GetAsync(string query)
    {
        using HttpResponseMessage response = await _api.Client.GetAsync("/api/v1/namespaces/default/pods/web/log?" + query, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
