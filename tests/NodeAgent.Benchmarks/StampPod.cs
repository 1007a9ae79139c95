using System.Diagnostics;
using System.Text;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>Manifests that run <see cref="StampProgram"/>.</summary>
internal static class StampPod
{
    /// <param name="park">Whether the program stays after its stamp.</param>
    public static string Yaml(string name, string outFolder, int containers, bool park = true)
    {
        var text = new StringBuilder($$"""
            apiVersion: v1
            kind: Pod
            metadata:
              name: {{name}}
            spec:
              terminationGracePeriodSeconds: 0
              volumes:
              - name: out
                hostPath:
                  path: {{outFolder}}
              containers:

            """);
        for (int i = 0; i < containers; i++)
        {
            text.Append($$"""
              - name: c{{i}}
                image: {{StampImage.Name}}
                args: [{{(park ? "park" : "")}}]
                volumeMounts:
                - name: out
                  mountPath: /out

            """);
        }

        return text.ToString();
    }

    /// <summary>Waits until the agent has nothing of the pod left, by the watch that ends with its deletion.</summary>
    public static async Task WaitGoneAsync(AgentProcess agent, string name)
    {
        string records = agent.Run + "/pods";
        long limit = Stopwatch.GetTimestamp() + 60 * Stopwatch.Frequency;
        using var watcher = new FileSystemWatcher(records) { EnableRaisingEvents = true };
        while (Directory.EnumerateDirectories(records).Any(record => Belongs(record, name)))
        {
            if (Stopwatch.GetTimestamp() > limit)
                throw new TimeoutException($"pod {name} is still there after a minute\n{agent.Log}");
            await Task.Run(() => watcher.WaitForChanged(WatcherChangeTypes.All, timeout: 200));
        }
    }

    private static bool Belongs(string record, string name)
    {
        try
        {
            return File.ReadAllText(record + "/pod.json").Contains($"\"{name}\"", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
