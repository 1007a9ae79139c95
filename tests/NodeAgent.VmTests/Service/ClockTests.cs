using System.Globalization;
using System.Text.Json.Nodes;
using NodeAgent.Testing.Agent;
using NodeAgent.VmTests.Machine;
using Xunit;

namespace NodeAgent.VmTests.Service;

/// <summary>That the machine's clock may be set without moving anything that is counted in time.</summary>
public sealed class ClockTests(TestMachines machines) : VmTest(machines, Snapshot.Installed)
{
    // What the machine may be late by; it is never early.
    private const double LateSeconds = 5;

    private const string Note = "cut -d' ' -f1 /proc/uptime >> /out/";

    [Fact]
    public async Task A_clock_that_is_set_by_an_hour_forth_and_back_moves_no_back_off_and_no_probe()
    {
        await Machine.OutputAsync("mkdir -p /root/notes");
        await Agent.ApplyAsync("crashing.yaml", PodOf("crashing", Note + "starts; exit 1", ""));
        await Agent.ApplyAsync("asked.yaml", PodOf("asked", PodYaml.Serve, $"livenessProbe: {{periodSeconds: 2, failureThreshold: 1, timeoutSeconds: 10, exec: {{command: [sh, -c, \"{Note}asked\"]}}}}"));
        // Its back-off is 10 s now, then 20 s, then 40 s.
        await WaitForStartsAsync(2);
        await Machine.OutputAsync("date -s '+1 hour'");
        await WaitForStartsAsync(3);
        await Machine.OutputAsync("date -s '-1 hour'");
        await WaitForStartsAsync(4);
        await Machine.OutputAsync("date -s '-1 hour'");
        await WaitForStartsAsync(5);

        double[] pauses = await PausesAsync("starts");
        Assert.Equal([10, 20, 40], pauses[1..].Select((pause, i) => pause >= 10 << i && pause <= (10 << i) + LateSeconds ? 10 << i : pause));
        Assert.All(await PausesAsync("asked"), pause => Assert.InRange(pause, 0, 2 + LateSeconds));
        JsonNode pod = await Agent.WaitForRunningAsync("asked");
        Assert.True(pod.IsReady());
        Assert.Equal(0, pod.Restarts("main"));
    }

    private Task WaitForStartsAsync(int count) => Machine.WaitAsync($"test $(cat /root/notes/starts | wc -l) -ge {count}", $"{count} starts");

    /// <summary>Seconds between the notes, by the clock that nobody sets.</summary>
    private async Task<double[]> PausesAsync(string notes)
    {
        double[] times = [.. (await Machine.OutputAsync("cat /root/notes/" + notes)).Split('\n').Select(line => double.Parse(line, CultureInfo.InvariantCulture))];
        return [.. times.Zip(times.Skip(1), (from, to) => to - from)];
    }

    private static string PodOf(string name, string script, string more) => $$"""
        apiVersion: v1
        kind: Pod
        metadata: {name: {{name}} }
        spec:
          terminationGracePeriodSeconds: 1
          volumes:
          - {name: out, hostPath: {path: /root/notes} }
          containers:
          - name: main
            image: {{GuestAgent.Image}}
            command: [sh, -c, "{{script}}"]
            volumeMounts:
            - {name: out, mountPath: /out}
            {{more}}
        """;
}
