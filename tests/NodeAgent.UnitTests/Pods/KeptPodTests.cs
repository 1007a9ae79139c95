using Microsoft.Extensions.Logging;
using NodeAgent.Core;
using NodeAgent.Core.Cri;
using NodeAgent.Core.Model;
using NodeAgent.Core.Planning;
using NodeAgent.State;
using NodeAgent.Testing.Images;
using Xunit;

namespace NodeAgent.UnitTests.Pods;

/// <summary>What of a pod outlives the agent although no record of the runtime tells it.</summary>
public sealed class KeptPodTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private static PodWorld Restarted(PodWorld world)
    {
        world.StopAgent();
        return world.Start();
    }

    [Fact]
    public void A_deadline_that_was_exceeded_is_told_after_a_restart_although_the_runs_look_like_success()
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", ["main: slow-term 1"], restart: "Never").Replace("spec:", "spec:\n  activeDeadlineSeconds: 3", StringComparison.Ordinal));
        world.PassSeconds(5);
        Assert.Equal("DeadlineExceeded", world.Status("job").Reason);
        Restarted(world).PassSeconds(60);

        Assert.Equal((PodPhase.Failed, "DeadlineExceeded"), (world.Status("job").Phase, world.Status("job").Reason));
        Assert.False(world.IsRunning("job"));
    }

    [Fact]
    public void A_pod_that_did_not_fit_stays_refused_although_there_would_be_room_now()
    {
        using var world = new PodWorld { Settings = new() { Allocatable = new(long.MaxValue, long.MaxValue, long.MaxValue, 1) } }.Start();
        world.Put("a.yaml", PodWorld.Manifest("first"));
        world.Put("b.yaml", PodWorld.Manifest("second"));
        Assert.Equal("OutOfpods", world.Status("second").Reason);
        string? message = world.Status("second").Message;
        world.StopAgent();
        world.Folder.Delete("a.yaml");
        world.Start();
        world.PassSeconds(60);

        Assert.Equal((PodPhase.Failed, "OutOfpods", message), (world.Status("second").Phase, world.Status("second").Reason, world.Status("second").Message));
        world.Put("b.yaml", PodWorld.Manifest("second", ["other"]));
        Assert.True(world.IsRunning("second", "other"));
    }

    [Fact]
    public void A_success_whose_records_are_lost_stays_a_success_and_does_not_run_again()
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", ["main: exit 0"], restart: "Never"));
        world.PassSeconds(1);
        world.StopAgent();
        world.Runtime.ForgetEverything();
        world.Start();
        world.PassSeconds(60);

        Assert.Equal(PodPhase.Succeeded, world.Status("job").Phase);
        Assert.Equal(0, world.Container("job").State!.Terminated!.ExitCode);
        Assert.Empty(world.Runtime.Snapshot());
    }

    [Fact]
    public void Conditions_keep_the_time_of_their_last_change_and_nothing_is_told_anew()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.PassSeconds(30);
        var before = world.Status("web").Conditions!.Select(c => (c.Type, c.Status, c.LastTransitionTime!.Value.ToUnixTimeSeconds())).ToArray();
        DateTimeOffset started = world.Status("web").StartTime!.Value;
        world.PassSeconds(30);
        Restarted(world);

        Assert.Equal(before, world.Status("web").Conditions!.Select(c => (c.Type, c.Status, c.LastTransitionTime!.Value.ToUnixTimeSeconds())));
        Assert.Equal(started.ToUnixTimeSeconds(), world.Status("web").StartTime!.Value.ToUnixTimeSeconds());
    }

    [Fact]
    public void What_is_kept_goes_with_the_pod_and_what_went_while_no_agent_was_there_goes_at_its_start()
    {
        using var world = new PodWorld().Start();
        world.Put("a.yaml", PodWorld.Manifest("a"));
        world.Put("b.yaml", PodWorld.Manifest("b", ["main: exit 0"], restart: "Never"));
        world.PassSeconds(1);
        Assert.Equal(2, world.Kept.Uids.Count);
        world.Remove("a.yaml");
        Assert.Single(world.Kept.Uids);
        world.StopAgent();
        world.Folder.Delete("b.yaml");
        world.Runtime.ForgetEverything();
        world.Start();
        world.PassSeconds(30);
        Assert.Empty(world.Kept.Uids);
    }

    [Fact]
    public void A_pod_that_was_being_deleted_and_is_wanted_again_after_a_restart_runs_again()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web", ["main: slow-term 2", "side: ignore-term"], grace: 20));
        world.Remove("web.yaml");
        world.PassSeconds(3);
        Assert.False(world.IsRunning("web"));
        world.StopAgent();
        world.Folder.Put("web.yaml", PodWorld.Manifest("web", ["main: slow-term 2", "side: ignore-term"], grace: 20));
        world.Start();
        world.PassSeconds(30);

        Assert.True(world.IsRunning("web"));
        Assert.Equal(PodPhase.Running, world.Status("web").Phase);
    }

    [Fact]
    public void A_drain_that_an_agent_did_not_live_to_see_through_does_not_make_a_job_look_done()
    {
        using var world = new PodWorld().Start();
        world.Put("job.yaml", PodWorld.Manifest("job", ["main: slow-term 2"], restart: "Never", grace: 10));
        world.Do(() => world.Loops.Workers.SetScheduling(NodeScheduling.Drained));
        world.StopAgent();
        world.PassSeconds(3);
        world.Start(NodeScheduling.Drained);
        world.PassSeconds(1);
        Assert.Equal((PodPhase.Pending, "NodeDrained"), (world.Status("job").Phase, world.Status("job").Reason));

        world.Do(() => world.Loops.Workers.SetScheduling(NodeScheduling.Open));
        Assert.True(world.IsRunning("job"));
        Assert.Equal(1, world.Container("job").RestartCount);
    }

    [Fact]
    public void Runs_that_go_on_stay_started_and_ready_until_a_probe_says_otherwise()
    {
        var kept = new KeptPod(new PodStatus
        {
            ContainerStatuses =
            [
                Running("ready", "podagent://1", started: true, ready: true),
                Running("unready", "podagent://2", started: true, ready: false),
                Running("starting", "podagent://3", started: false, ready: false),
                new ContainerStatus { Name = "ended", ContainerID = "podagent://4", Ready = false, State = new ContainerState { Terminated = new ContainerStateTerminated() } },
                Running("foreign", "containerd://5", started: true, ready: true),
            ],
        }, null);

        ProbeResults probes = kept.Probes();
        Assert.Equal(3, probes.Runs.Count);
        Assert.Equal(new RunProbes(true, null, true), probes.Of(new ContainerId("1")));
        Assert.Equal(new RunProbes(true, null, false), probes.Of(new ContainerId("2")));
        Assert.Equal(new RunProbes(null, null, false), probes.Of(new ContainerId("3")));
    }

    [Fact]
    public void Files_come_back_as_they_were_written_and_damaged_ones_are_told_and_ignored()
    {
        using var folder = new TemporaryFolder();
        var log = new RecordingLog();
        var files = new KeptPodFiles(PathsIn(folder), new Logger<KeptPodFiles>(log));
        PodUid uid = new("u1"), damaged = new("u2"), gone = new("u3");
        var pod = new KeptPod(
            new PodStatus { Phase = PodPhase.Failed, Reason = "Evicted", Message = "m", StartTime = Start },
            new PodVerdict("Evicted", "m", Start, TimeSpan.Zero, Disruption: true));
        Assert.Null(files.Read(uid));
        files.Keep(uid, pod);
        files.Keep(uid, pod);
        files.Keep(gone, pod);
        File.WriteAllText(folder["run/statuses/u2.json"], "{\"status\":");
        File.WriteAllText(folder["run/statuses/u9.json.tmp"], "{");

        KeptPod read = files.Read(uid)!;
        Assert.Equal(pod.Verdict, read.Verdict);
        Assert.Equal((PodPhase.Failed, "Evicted", Start), (read.Status.Phase, read.Status.Reason, read.Status.StartTime));
        Assert.Null(files.Read(damaged));
        Assert.Contains("u2.json", Assert.Single(log.Warnings), StringComparison.Ordinal);

        files.RemoveAllBut(new HashSet<PodUid> { uid });
        Assert.Equal(["u1.json"], Directory.GetFiles(folder["run/statuses"]).Select(Path.GetFileName));
        files.Remove(uid);
        files.Remove(uid);
        Assert.Null(files.Read(uid));
    }

    [Fact]
    public void What_cannot_be_written_is_told_and_disturbs_nothing()
    {
        using var folder = new TemporaryFolder();
        var log = new RecordingLog();
        Directory.CreateDirectory(folder["run"]);
        File.WriteAllText(folder["run/statuses"], "a file where the folder should be");
        new KeptPodFiles(PathsIn(folder), new Logger<KeptPodFiles>(log)).Keep(new PodUid("u1"), new KeptPod(new PodStatus(), null));
        Assert.Single(log.Warnings);
    }

    [Fact]
    public void The_last_run_of_each_container_is_told_by_the_logs_that_there_are()
    {
        using var folder = new TemporaryFolder();
        var files = new KeptPodFiles(PathsIn(folder), new Logger<KeptPodFiles>(new RecordingLog()));
        var pod = new Pod { Metadata = new ObjectMeta { Name = "web", Namespace = "shop" } };
        Assert.Empty(files.LoggedRuns(new PodUid("u1"), pod));
        foreach (string log in (string[])["main/0.log", "main/2.log.20260301-120000.gz", "main/10.log", "side/0.log", "empty/notes.txt"])
        {
            string path = folder["logs/shop_web_u1/" + log];
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, "");
        }

        Assert.Equal(new Dictionary<string, int> { ["main"] = 10, ["side"] = 0 }, files.LoggedRuns(new PodUid("u1"), pod));
        Assert.Empty(files.LoggedRuns(new PodUid("u2"), pod));
    }

    [Fact]
    public void After_a_reboot_the_count_of_restarts_goes_on()
    {
        using var world = new PodWorld().Start();
        world.Put("web.yaml", PodWorld.Manifest("web"));
        world.PassSeconds(1);
        string? before = world.Status("web").ContainerStatuses![0].ContainerID;
        world.StopAgent();
        world.Runtime.ForgetEverything();
        world.Kept.ForgetEverything();
        world.Start().PassSeconds(1);

        ContainerStatus after = world.Status("web").ContainerStatuses![0];
        Assert.Equal(1, after.RestartCount);
        Assert.NotEqual(before, after.ContainerID);
        Restarted(world).PassSeconds(1);
        Assert.Equal((1, after.ContainerID), (world.Status("web").ContainerStatuses![0].RestartCount, world.Status("web").ContainerStatuses![0].ContainerID));
    }

    private static StatePaths PathsIn(TemporaryFolder folder) => new(folder["root"], folder["run"], folder["logs"], folder["etc"], folder["cgroup"]);

    private static ContainerStatus Running(string name, string id, bool started, bool ready) => new()
    {
        Name = name,
        ContainerID = id,
        Started = started,
        Ready = ready,
        State = new ContainerState { Running = new ContainerStateRunning() },
    };

    [Fact]
    public void Restart_counts_that_a_status_does_not_tell_are_taken_from_the_logs()
    {
        PodStatus held = new()
        {
            Phase = PodPhase.Pending,
            ContainerStatuses = [new ContainerStatus { Name = "ran", RestartCount = 3, ContainerID = "podagent://a" }, new ContainerStatus { Name = "drained" }, new ContainerStatus { Name = "new" }],
        };
        KeptPod kept = new(held, null);
        Assert.False(kept.NamesAllRuns);
        PlannerMemory memory = PlannerMemory.Restore(kept, new Dictionary<string, int> { ["ran"] = 2, ["drained"] = 5 });
        Assert.Equal([("drained", 5), ("ran", 3)], memory.RestartCounts.Select(count => (count.Key, count.Value)).Order());
        Assert.True(new KeptPod(held with { ContainerStatuses = [held.ContainerStatuses[0]] }, null).NamesAllRuns);
    }
}
