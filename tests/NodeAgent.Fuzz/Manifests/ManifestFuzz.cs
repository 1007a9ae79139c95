using System.Text;
using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;

namespace NodeAgent.Fuzz.Manifests;

/// <summary>
/// Any bytes as a manifest file: the parser must not throw, every error must be one line with a place inside the file, and what parses must
/// have an identity that survives being written as JSON and read again.
/// </summary>
public static class ManifestFuzz
{
    public static string Name => "manifests";

    public static void Run(ReadOnlySpan<byte> data)
    {
        byte[] bytes = data.ToArray();
        Run(bytes, "x.yaml");
        if (bytes.AsSpan().TrimStart(" \n"u8).StartsWith("{"u8)) Run(bytes, "x.json");
    }

    private static void Run(byte[] bytes, string file)
    {
        ManifestFile result = ManifestParser.Parse(bytes, file);
        int lines = 2 + bytes.Count(b => b is (byte)'\n' or (byte)'\r' or 0x85 or 0xA8 or 0xA9);
        foreach (ManifestError error in result.Errors)
        {
            string text = error.ToString();
            if (text.AsSpan().IndexOfAny('\n', '\r', '\0') >= 0) throw new InvalidOperationException("an error of several lines: " + text);
            if (error.Line < 0 || error.Line > lines) throw new InvalidOperationException("a line outside the file: " + text);
        }
        foreach (Pod pod in result.Pods) CheckIdentity(pod);
        _ = DesiredPods.Empty("node").Apply(file, new ManifestEvent.Parsed(result)).Pods.Pods;
    }

    private static void CheckIdentity(Pod pod)
    {
        string uid = PodIdentity.Uid("node", "file", pod);
        byte[] json = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(pod, KubernetesJson.Wire.Pod);
        ManifestFile again = ManifestParser.Parse(json, "x.json");
        if (again.Errors.Count > 0) throw new InvalidOperationException("a good pod is refused when read again: " + again.Errors[0]);
        if (PodIdentity.Uid("node", "file", again.Pods[0]) != uid) throw new InvalidOperationException("reading it again changed the identity");
    }

    public static IEnumerable<byte[]> Seeds()
    {
        foreach (string text in Texts) yield return Encoding.UTF8.GetBytes(text);
        yield return Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes(Texts[0])).ToArray();
        yield return [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Texts[0])];
        // The general mutations know nothing of YAML's grammar; these start them off in places that they would seldom reach.
        var random = new Random(1);
        for (int i = 0; i < GrammarSeeds; i++) yield return Mutate(Encoding.UTF8.GetBytes(Texts[i % Texts.Length]), random);
    }

    /// <summary>One to four edits: a byte changed, a span removed, doubled or moved, or a word of the grammar put in.</summary>
    private static byte[] Mutate(byte[] seed, Random random)
    {
        var bytes = new List<byte>(seed);
        for (int edits = random.Next(1, 5); edits > 0; edits--)
        {
            int at = random.Next(bytes.Count + 1);
            int length = Math.Min(random.Next(1, 40), bytes.Count - at);
            switch (random.Next(6))
            {
                case 0 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveRange(at, length);
                    break;
                case 2:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 3:
                    List<byte> moved = bytes.GetRange(at, length);
                    bytes.RemoveRange(at, length);
                    bytes.InsertRange(random.Next(bytes.Count + 1), moved);
                    break;
                case 4:
                    bytes.Insert(at, (byte)Marks[random.Next(Marks.Length)]);
                    break;
                default:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Words[random.Next(Words.Length)]));
                    break;
            }
            if (bytes.Count > 1 << 16) bytes.RemoveRange(1 << 16, bytes.Count - (1 << 16));
        }
        return [.. bytes];
    }

    private const int GrammarSeeds = 2000;

    private const string Marks = " \t\n-:{}[]\"'|>&*#!%@`,?\\";

    private static readonly string[] Words =
    [
        "\n---\n", "\n...\n", "null", "~", "yes", "0x7f", "0777", "1e3", "-9223372036854775808", "1.5Gi", "&a ", "*a", "<<: *a", "!!str ", "!!int ", "| \n",
        ">-\n", "\"\\ud800\"", "\"\\u0000\"", "'", "\t", "{}", "[]", "? ", "é", "😀", "\u2028", "\u0085", "kind: Pod\n", "kind: List\n", "items:\n",
        "name: ", "containers:\n", "volumes:\n", "emptyDir: {}", "hostPath: {path: /}", "restartPolicy: Never\n", "ports: [{containerPort: 80}]\n",
        "resources: {limits: {cpu: 1n}}\n", "securityContext: {}\n", "%YAML 1.2\n", "%TAG ! x\n", "$(A)", "metadata.labels['a']",
    ];

    private static readonly string[] Texts =
    [
        """
        apiVersion: v1
        kind: Pod
        metadata:
          name: web
          labels: {app: web}
          annotations: {a/b: "c"}
        spec:
          restartPolicy: OnFailure
          hostAliases: [{ip: 10.0.0.9, hostnames: [db]}]
          dnsConfig: {nameservers: [10.0.0.1], searches: [a.b], options: [{name: ndots, value: "2"}]}
          tolerations: [{operator: Exists}]
          securityContext: {runAsUser: 1000, fsGroup: 2000, supplementalGroups: [1, 2]}
          containers:
          - name: main
            image: example.org/web:1.0
            command: [sh, -c, "echo $(A)"]
            env: [{name: A, value: "1"}, {name: B, valueFrom: {fieldRef: {fieldPath: metadata.labels['app']}}}]
            ports: [{containerPort: 80, name: http}]
            resources: {limits: {cpu: 500m, memory: 64Mi}}
            volumeMounts: [{name: tmp, mountPath: /tmp, subPath: a/b}]
            securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, seccompProfile: {type: RuntimeDefault}}
          volumes: [{name: tmp, emptyDir: {medium: Memory, sizeLimit: 1Mi}}, {name: host, hostPath: {path: /srv, type: Directory}}]
        """,
        """
        apiVersion: v1
        kind: List
        items:
        - &pod
          apiVersion: v1
          kind: Pod
          metadata: {name: a}
          spec: &spec {containers: [{name: c, image: i}]}
        - <<: *pod
          metadata: {name: b}
          spec:
            <<: *spec
            terminationGracePeriodSeconds: 0
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: "c"}
        spec:
          containers:
          - name: c
            image: i
            args:
            - |
              a
              b
            - >-
              folded
        """,
        """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"j"},"spec":{"containers":[{"name":"c","image":"i","env":[{"name":"A","value":"\u00e9\n"}]}]}}""",
        """
        {"apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
          {"metadata": {"name": "j", "creationTimestamp": null}, "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]}, "status": {}}
        ]}
        """,
        "apiVersion: v1\nkind: Pod\nmetadata:\n\tname: tab\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
        "apiVersion: apps/v1\nkind: Deployment\n",
    ];
}
