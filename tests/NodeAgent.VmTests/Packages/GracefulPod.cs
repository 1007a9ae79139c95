using NodeAgent.VmTests.Machine;

namespace NodeAgent.VmTests.Packages;

/// <summary>A pod that needs a moment to end, and leaves a word on the machine's disk when it had it.</summary>
internal static class GracefulPod
{
    public const string Folder = "/var/lib/graceful";

    /// <summary>Holds "ended with grace" once the pod has ended so.</summary>
    public const string Witness = Folder + "/witness";

    public static readonly string Yaml = $$"""
        apiVersion: v1
        kind: Pod
        metadata: { name: graceful }
        spec:
          terminationGracePeriodSeconds: 60
          containers:
          - name: main
            image: {{GuestAgent.Image}}
            command: [sh, -c, "rm -f /out/witness; trap 'sleep 2; echo ended in its time; echo ended with grace >/out/witness; sync; exit 0' TERM; while :; do sleep 1000 & wait; done"]
            volumeMounts: [{ name: out, mountPath: /out }]
          volumes:
          - name: out
            hostPath: { path: {{Folder}}, type: DirectoryOrCreate }
        """;
}
