using System.Globalization;
using NodeAgent.Testing.Agent;

namespace NodeAgent.Benchmarks;

/// <summary>A small static HTTP server that notes when each request came, and its image.</summary>
internal static class ProbedServer
{
    public const string ImageName = "localhost/probed:1";

    /// <summary>
    /// <c>/server PORT FILE</c> answers every request with 200 and appends to the file, for each, the time of its arrival (CLOCK_MONOTONIC, nanoseconds, eight
    /// bytes) with the first letter of its path in the lowest byte. <c>/server</c> alone exits 0: a command that costs nothing.
    /// </summary>
    private const string Source = """
        #define _GNU_SOURCE
        #include <arpa/inet.h>
        #include <fcntl.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/socket.h>
        #include <time.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            if (argc < 3) return 0;
            static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
            int one = 1, out = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
            setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
            if (out < 0 || bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 64)) return 1;
            for (;;) {
                char request[4096];
                struct timespec now;
                int client = accept4(server, 0, 0, SOCK_CLOEXEC);
                if (client < 0) continue;
                clock_gettime(CLOCK_MONOTONIC, &now);
                ssize_t size = read(client, request, sizeof request);
                if (size > 6) {
                    uint64_t stamp = ((uint64_t)now.tv_sec * 1000000000u + now.tv_nsec) & ~(uint64_t)0xff | (unsigned char)request[5];
                    if (write(out, &stamp, sizeof stamp) != sizeof stamp || write(client, answer, sizeof answer - 1) < 0) { close(client); continue; }
                }
                shutdown(client, SHUT_WR);
                close(client);
            }
        }
        """;

    /// <returns>Path of the OCI layout.</returns>
    public static async Task<string> BuildAsync(string folder)
    {
        string layout = folder + "/probed-image", root = folder + "/probed/rootfs";
        await Tool("umoci", "init", "--layout", layout);
        await Tool("umoci", "new", "--image", layout + ":1");
        await Tool("umoci", "unpack", "--image", layout + ":1", folder + "/probed");
        await File.WriteAllTextAsync(folder + "/server.c", Source);
        await Tool("gcc", "-static", "-Os", "-o", root + "/server", folder + "/server.c");
        Directory.CreateDirectory(root + "/out");
        await Tool("umoci", "repack", "--image", layout + ":1", folder + "/probed");
        return layout;
    }

    /// <summary>A bundle for crun whose process waits.</summary>
    public static async Task<string> BundleAsync(string folder)
    {
        string bundle = folder + "/probed-bundle";
        await Tool("umoci", "config", "--image", folder + "/probed-image:1", "--config.cmd", "/server", "--config.cmd", "8001", "--config.cmd", "/dev/null");
        await Tool("umoci", "unpack", "--image", folder + "/probed-image:1", bundle);
        // The host's network: the server needs no loopback of its own.
        await Tool("sh", "-c", $"jq '.process.terminal = false | del(.linux.namespaces[] | select(.type == \"network\"))' {bundle}/config.json > {bundle}/c && mv {bundle}/c {bundle}/config.json");
        return bundle;
    }

    /// <param name="probes">Of each container: lines of its specification, without indentation, with <c>PORT</c> for its port.</param>
    public static string Pod(string name, string outFolder, int containers, string probes) => $"""
        apiVersion: v1
        kind: Pod
        metadata: {"{"}name: {name}{"}"}
        spec:
          terminationGracePeriodSeconds: 0
          volumes: [{"{"}name: out, hostPath: {"{"}path: {outFolder}{"}}"}]
          containers:
        {string.Join('\n', Enumerable.Range(8001, containers).Select(port => Container(name, port, probes)))}
        """;

    private static string Container(string pod, int port, string probes)
    {
        string number = port.ToString(CultureInfo.InvariantCulture);
        return $"""
              - name: c{number}
                image: {ImageName}
                command: [/server, "{number}", /out/{pod}-{number}]
                volumeMounts: [{"{"}name: out, mountPath: /out{"}"}]
                {probes.Replace("PORT", number, StringComparison.Ordinal).Replace("\n", "\n    ", StringComparison.Ordinal)}
            """;
    }

    private static async Task Tool(string name, params string[] arguments) => (await CommandResult.RunAsync(name, arguments)).Checked();
}
