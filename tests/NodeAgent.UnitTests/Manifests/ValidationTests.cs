using NodeAgent.Core.Manifests;
using NodeAgent.Core.Model;
using Xunit;

namespace NodeAgent.UnitTests.Manifests;

/// <summary>
/// The rules of the API server, one line each: what is written, where the fault is found, and what kind it is. The first column says where
/// the lines go: m(etadata), s(pec) or c(ontainer). A fault that only says that the agent cannot do it yet does not count here.
/// </summary>
public sealed class ValidationTests
{
    private const string C = "spec.containers[0].";

    public static TheoryData<string, string, string, ManifestReason> Faults => new()
    {
        { "m", "namespace: Prod", "metadata.namespace", ManifestReason.InvalidValue },
        { "m", "labels: {\"a b\": c}", "metadata.labels[a b]", ManifestReason.InvalidValue },
        { "m", "labels: {a: \"-b\"}", "metadata.labels[a]", ManifestReason.InvalidValue },
        { "m", "labels: {a: \"" + LongText(64) + "\"}", "metadata.labels[a]", ManifestReason.InvalidValue },
        { "m", "labels: {\"x/y/z\": b}", "metadata.labels[x/y/z]", ManifestReason.InvalidValue },
        { "m", "annotations: {\"-a\": b}", "metadata.annotations[-a]", ManifestReason.InvalidValue },

        { "s", "restartPolicy: always", "spec.restartPolicy", ManifestReason.UnsupportedValue },
        { "s", "dnsPolicy: Cluster", "spec.dnsPolicy", ManifestReason.UnsupportedValue },
        { "s", "dnsPolicy: None", "spec.dnsConfig.nameservers", ManifestReason.MissingField },
        { "s", "dnsConfig: {nameservers: [1.1.1.1, 1.1.1.2, 1.1.1.3, 1.1.1.4]}", "spec.dnsConfig.nameservers", ManifestReason.TooLong },
        { "s", "dnsConfig: {nameservers: [resolver]}", "spec.dnsConfig.nameservers[0]", ManifestReason.InvalidValue },
        { "s", "dnsConfig: {nameservers: [\"1\"]}", "spec.dnsConfig.nameservers[0]", ManifestReason.InvalidValue },
        { "s", "dnsConfig: {searches: [\"-a.b\"]}", "spec.dnsConfig.searches[0]", ManifestReason.InvalidValue },
        { "s", "dnsConfig: {options: [{value: \"2\"}]}", "spec.dnsConfig.options[0].name", ManifestReason.MissingField },
        { "s", "terminationGracePeriodSeconds: -1", "spec.terminationGracePeriodSeconds", ManifestReason.OutOfRange },
        { "s", "activeDeadlineSeconds: 0", "spec.activeDeadlineSeconds", ManifestReason.OutOfRange },
        { "s", "hostname: web.example", "spec.hostname", ManifestReason.InvalidValue },
        { "s", "subdomain: _x", "spec.subdomain", ManifestReason.InvalidValue },
        { "s", "serviceAccountName: A", "spec.serviceAccountName", ManifestReason.InvalidValue },
        { "s", "preemptionPolicy: Sometimes", "spec.preemptionPolicy", ManifestReason.UnsupportedValue },
        { "s", "hostPID: true\nshareProcessNamespace: true", "spec.shareProcessNamespace", ManifestReason.ExclusiveFields },
        { "s", "hostUsers: false\nhostNetwork: true", "spec.hostUsers", ManifestReason.ExclusiveFields },
        { "s", "hostAliases: [{ip: 10.0.0.256}]", "spec.hostAliases[0].ip", ManifestReason.InvalidValue },
        { "s", "hostAliases: [{ip: 010.0.0.1}]", "spec.hostAliases[0].ip", ManifestReason.InvalidValue },
        { "s", "hostAliases: [{ip: \"fe80::1%eth0\"}]", "spec.hostAliases[0].ip", ManifestReason.InvalidValue },
        { "s", "hostAliases: [{hostnames: [a]}]", "spec.hostAliases[0].ip", ManifestReason.MissingField },
        { "s", "hostAliases: [{ip: 10.0.0.1, hostnames: [a_b]}]", "spec.hostAliases[0].hostnames[0]", ManifestReason.InvalidValue },
        { "s", "securityContext: {runAsUser: -1}", "spec.securityContext.runAsUser", ManifestReason.OutOfRange },
        { "s", "securityContext: {runAsGroup: 4294967295}", "spec.securityContext.runAsGroup", ManifestReason.OutOfRange },
        { "s", "securityContext: {fsGroup: -5}", "spec.securityContext.fsGroup", ManifestReason.OutOfRange },
        { "s", "securityContext: {supplementalGroups: [1, -1]}", "spec.securityContext.supplementalGroups[1]", ManifestReason.OutOfRange },
        { "s", "securityContext: {seccompProfile: {}}", "spec.securityContext.seccompProfile.type", ManifestReason.MissingField },
        { "s", "securityContext: {seccompProfile: {type: Localhost}}", "spec.securityContext.seccompProfile.localhostProfile", ManifestReason.MissingField },
        { "s", "securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: a}}", "spec.securityContext.seccompProfile.localhostProfile", ManifestReason.ExclusiveFields },
        { "s", "securityContext: {sysctls: [{name: Net.Core, value: \"1\"}]}", "spec.securityContext.sysctls[0].name", ManifestReason.InvalidValue },
        { "s", "securityContext: {sysctls: [{name: net.a, value: \"1\"}, {name: net/a, value: \"1\"}]}", "spec.securityContext.sysctls[1].name", ManifestReason.DuplicateValue },
        { "s", "hostNetwork: true\nsecurityContext: {sysctls: [{name: net.a, value: \"1\"}]}", "spec.securityContext.sysctls[0].name", ManifestReason.ExclusiveFields },
        { "s", "tolerations: [{operator: Equal}]", "spec.tolerations[0].operator", ManifestReason.ExclusiveFields },
        { "s", "tolerations: [{key: a, operator: Exists, value: b}]", "spec.tolerations[0].value", ManifestReason.ExclusiveFields },
        { "s", "tolerations: [{key: a, tolerationSeconds: 3}]", "spec.tolerations[0].effect", ManifestReason.ExclusiveFields },
        { "s", "tolerations: [{key: a, effect: Never}]", "spec.tolerations[0].effect", ManifestReason.UnsupportedValue },
        { "s", "tolerations: [{key: a, operator: Gt, value: b}]", "spec.tolerations[0].value", ManifestReason.InvalidValue },
        { "s", "nodeSelector: {a: \"b c\"}", "spec.nodeSelector[a]", ManifestReason.InvalidValue },
        { "s", "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {}}}", "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms", ManifestReason.MissingField },
        { "s", "affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 101, preference: {}}]}}", "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight", ManifestReason.OutOfRange },
        { "s", "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{}]}}", "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey", ManifestReason.MissingField },
        { "s", "topologySpreadConstraints: [{maxSkew: 0, topologyKey: z, whenUnsatisfiable: DoNotSchedule}]", "spec.topologySpreadConstraints[0].maxSkew", ManifestReason.OutOfRange },
        { "s", "topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: Maybe}]", "spec.topologySpreadConstraints[0].whenUnsatisfiable", ManifestReason.UnsupportedValue },
        { "s", "volumes: [{name: A}]", "spec.volumes[0].name", ManifestReason.InvalidValue },
        { "s", "volumes: [{emptyDir: {}}]", "spec.volumes[0].name", ManifestReason.MissingField },
        { "s", "volumes: [{name: a}, {name: a}]", "spec.volumes[1].name", ManifestReason.DuplicateValue },
        { "s", "volumes: [{name: a, emptyDir: {}, hostPath: {path: /}}]", "spec.volumes[0]", ManifestReason.ExclusiveFields },
        { "s", "volumes: [{name: a, hostPath: {}}]", "spec.volumes[0].hostPath.path", ManifestReason.MissingField },
        { "s", "volumes: [{name: a, hostPath: {path: srv}}]", "spec.volumes[0].hostPath.path", ManifestReason.InvalidValue },
        { "s", "volumes: [{name: a, hostPath: {path: /a/../b}}]", "spec.volumes[0].hostPath.path", ManifestReason.InvalidValue },
        { "s", "volumes: [{name: a, hostPath: {path: /a, type: Dir}}]", "spec.volumes[0].hostPath.type", ManifestReason.UnsupportedValue },
        { "s", "volumes: [{name: a, emptyDir: {medium: Memory, sizeLimit: \"-1\"}}]", "spec.volumes[0].emptyDir.sizeLimit", ManifestReason.InvalidValue },
        { "s", "volumes: [{name: a, emptyDir: {medium: Disk}}]", "spec.volumes[0].emptyDir.medium", ManifestReason.UnsupportedValue },
        { "s", "volumes: [{name: a, secret: {defaultMode: 01000}}]", "spec.volumes[0].secret.defaultMode", ManifestReason.OutOfRange },
        { "s", "volumes: [{name: a, configMap: {name: m, items: [{key: k, path: ../x}]}}]", "spec.volumes[0].configMap.items[0].path", ManifestReason.InvalidValue },
        { "s", "volumes: [{name: a, projected: {sources: [{}]}}]", "spec.volumes[0].projected.sources[0]", ManifestReason.ExclusiveFields },
        { "s", "volumes: [{name: a, persistentVolumeClaim: {}}]", "spec.volumes[0].persistentVolumeClaim.claimName", ManifestReason.MissingField },
        { "s", "initContainers: [{name: main, image: i}]", "spec.containers[0].name", ManifestReason.DuplicateValue },
        { "s", "initContainers: [{name: a, image: i}, {name: a, image: i}]", "spec.initContainers[1].name", ManifestReason.DuplicateValue },
        { "s", "initContainers: [{name: a, image: i, livenessProbe: {exec: {command: [a]}}}]", "spec.initContainers[0].livenessProbe", ManifestReason.ExclusiveFields },
        { "s", "initContainers: [{name: a, image: i, readinessProbe: {exec: {command: [a]}}}]", "spec.initContainers[0].readinessProbe", ManifestReason.ExclusiveFields },
        { "s", "initContainers: [{name: a, image: i, restartPolicy: OnFailure, startupProbe: {exec: {command: [a]}}}]", "spec.initContainers[0].startupProbe", ManifestReason.ExclusiveFields },
        { "s", "initContainers: [{name: a, image: i, lifecycle: {preStop: {sleep: {seconds: 1}}}}]", "spec.initContainers[0].lifecycle", ManifestReason.ExclusiveFields },
        { "s", "os: {name: linux}\ninitContainers: [{name: a, image: i, lifecycle: {stopSignal: SIGINT}}]", "spec.initContainers[0].lifecycle", ManifestReason.ExclusiveFields },
        { "s", "initContainers: [{name: a, image: i, resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]}]", "spec.initContainers[0].resizePolicy", ManifestReason.ExclusiveFields },
        { "s", "initContainers: [{name: a, image: i, restartPolicy: Often}]", "spec.initContainers[0].restartPolicy", ManifestReason.UnsupportedValue },
        { "s", "initContainers: [{name: a, image: i, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]}]", "spec.initContainers[0].restartPolicy", ManifestReason.MissingField },
        { "s", "initContainers: [{name: a, image: i, restartPolicy: Always, livenessProbe: {}}]", "spec.initContainers[0].livenessProbe", ManifestReason.MissingField },
        { "s", "initContainers: [{name: a, image: i, volumeMounts: [{name: v, mountPath: /v}]}]", "spec.initContainers[0].volumeMounts[0].name", ManifestReason.MissingReference },
        { "s", "hostNetwork: true\ninitContainers: [{name: a, image: i, ports: [{containerPort: 80}, {containerPort: 80}]}]", "spec.initContainers[0].ports[1].containerPort", ManifestReason.DuplicateValue },
        { "s", "resources: {limits: {ephemeral-storage: 1Gi}}", "spec.resources.limits[ephemeral-storage]", ManifestReason.UnsupportedValue },
        { "s", "resources: {limits: {cpu: 1}, requests: {cpu: 2}}", "spec.resources.requests[cpu]", ManifestReason.InvalidValue },
        { "s", "resourceClaims: [{name: a}]", "spec.resourceClaims[0]", ManifestReason.ExclusiveFields },

        { "c", "imagePullPolicy: Sometimes", C + "imagePullPolicy", ManifestReason.UnsupportedValue },
        { "c", "terminationMessagePolicy: Log", C + "terminationMessagePolicy", ManifestReason.UnsupportedValue },
        { "c", "ports: [{containerPort: 0}]", C + "ports[0].containerPort", ManifestReason.OutOfRange },
        { "c", "ports: [{containerPort: 65536}]", C + "ports[0].containerPort", ManifestReason.OutOfRange },
        { "c", "ports: [{name: a}]", C + "ports[0].containerPort", ManifestReason.MissingField },
        { "c", "ports: [{containerPort: 1, name: HTTP}]", C + "ports[0].name", ManifestReason.InvalidValue },
        { "c", "ports: [{containerPort: 1, name: a-name-of-sixteen}]", C + "ports[0].name", ManifestReason.InvalidValue },
        { "c", "ports: [{containerPort: 1, name: \"80\"}]", C + "ports[0].name", ManifestReason.InvalidValue },
        { "c", "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]", C + "ports[1].name", ManifestReason.DuplicateValue },
        { "c", "ports: [{containerPort: 1, protocol: tcp}]", C + "ports[0].protocol", ManifestReason.UnsupportedValue },
        { "c", "ports: [{containerPort: 1, hostPort: 5}, {containerPort: 2, hostPort: 5}]", C + "ports[1].hostPort", ManifestReason.DuplicateValue },
        { "c", "env: [{value: a}]", C + "env[0].name", ManifestReason.MissingField },
        { "c", "env: [{name: \"A=B\", value: a}]", C + "env[0].name", ManifestReason.InvalidValue },
        { "c", "env: [{name: A, valueFrom: {}}]", C + "env[0].valueFrom", ManifestReason.MissingField },
        { "c", "env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", C + "env[0].valueFrom", ManifestReason.ExclusiveFields },
        { "c", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.nodename}}}]", C + "env[0].valueFrom.fieldRef.fieldPath", ManifestReason.UnsupportedValue },
        { "c", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['a b']\"}}}]", C + "env[0].valueFrom.fieldRef.fieldPath", ManifestReason.InvalidValue },
        { "c", "env: [{name: A, valueFrom: {fieldRef: {apiVersion: v2, fieldPath: metadata.name}}}]", C + "env[0].valueFrom.fieldRef.apiVersion", ManifestReason.UnsupportedValue },
        { "c", "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.gpu}}}]", C + "env[0].valueFrom.resourceFieldRef.resource", ManifestReason.UnsupportedValue },
        { "c", "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1Mi}}}]", C + "env[0].valueFrom.resourceFieldRef.divisor", ManifestReason.UnsupportedValue },
        { "c", "env: [{name: A, valueFrom: {resourceFieldRef: {containerName: other, resource: limits.cpu}}}]", C + "env[0].valueFrom.resourceFieldRef.containerName", ManifestReason.MissingReference },
        { "c", "envFrom: [{}]", C + "envFrom[0]", ManifestReason.ExclusiveFields },
        { "c", "volumeMounts: [{name: a, mountPath: /a}]", C + "volumeMounts[0].name", ManifestReason.MissingReference },
        { "c", "volumeMounts: [{mountPath: /a}]", C + "volumeMounts[0].name", ManifestReason.MissingField },
        { "c", "volumeMounts: [{name: a}]", C + "volumeMounts[0].mountPath", ManifestReason.MissingField },
        { "c", "volumeMounts: [{name: a, mountPath: /x}, {name: a, mountPath: /x/}]", C + "volumeMounts[1].mountPath", ManifestReason.DuplicateValue },
        { "c", "volumeMounts: [{name: a, mountPath: /x, subPath: /y}]", C + "volumeMounts[0].subPath", ManifestReason.InvalidValue },
        { "c", "volumeMounts: [{name: a, mountPath: /x, subPath: y/../../z}]", C + "volumeMounts[0].subPath", ManifestReason.InvalidValue },
        { "c", "volumeMounts: [{name: a, mountPath: /x, subPath: a, subPathExpr: b}]", C + "volumeMounts[0].subPathExpr", ManifestReason.ExclusiveFields },
        { "c", "volumeMounts: [{name: a, mountPath: /x, mountPropagation: Both}]", C + "volumeMounts[0].mountPropagation", ManifestReason.UnsupportedValue },
        { "c", "volumeMounts: [{name: a, mountPath: /x, mountPropagation: Bidirectional}]", C + "volumeMounts[0].mountPropagation", ManifestReason.ExclusiveFields },
        { "c", "volumeMounts: [{name: a, mountPath: /x, recursiveReadOnly: Enabled}]", C + "volumeMounts[0].recursiveReadOnly", ManifestReason.ExclusiveFields },
        { "c", "resources: {limits: {memory: 1Gi}, requests: {memory: 2Gi}}", C + "resources.requests[memory]", ManifestReason.InvalidValue },
        { "c", "resources: {limits: {cpu: \"-1\"}}", C + "resources.limits[cpu]", ManifestReason.InvalidValue },
        { "c", "resources: {limits: {mem: 1}}", C + "resources.limits[mem]", ManifestReason.UnsupportedValue },
        { "c", "resources: {limits: {hugepages-2Mi: 2Mi}}", C + "resources", ManifestReason.MissingField },
        { "c", "resources: {limits: {cpu: 1, hugepages-2Mi: 4Mi}, requests: {hugepages-2Mi: 2Mi}}", C + "resources.requests[hugepages-2Mi]", ManifestReason.InvalidValue },
        { "c", "resources: {limits: {cpu: 1, hugepages-2Mi: 3Mi}}", C + "resources.limits[hugepages-2Mi]", ManifestReason.InvalidValue },
        { "c", "resources: {requests: {example.org/gpu: 1}}", C + "resources.limits[example.org/gpu]", ManifestReason.MissingField },
        { "c", "resizePolicy: [{resourceName: disk, restartPolicy: NotRequired}]", C + "resizePolicy[0].resourceName", ManifestReason.UnsupportedValue },
        { "c", "securityContext: {privileged: true, allowPrivilegeEscalation: false}", C + "securityContext.allowPrivilegeEscalation", ManifestReason.ExclusiveFields },
        { "c", "securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [SYS_ADMIN]}}", C + "securityContext.allowPrivilegeEscalation", ManifestReason.ExclusiveFields },
        { "c", "securityContext: {capabilities: {add: [CAP_NET_ADMIN]}}", C + "securityContext.capabilities.add[0]", ManifestReason.UnsupportedValue },
        { "c", "securityContext: {capabilities: {drop: [all]}}", C + "securityContext.capabilities.drop[0]", ManifestReason.UnsupportedValue },
        { "c", "securityContext: {procMount: Unmasked}", C + "securityContext.procMount", ManifestReason.ExclusiveFields },
        { "c", "livenessProbe: {}", C + "livenessProbe", ManifestReason.MissingField },
        { "c", "livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}", C + "livenessProbe", ManifestReason.ExclusiveFields },
        { "c", "livenessProbe: {exec: {command: [a]}, successThreshold: 2}", C + "livenessProbe.successThreshold", ManifestReason.OutOfRange },
        { "c", "livenessProbe: {exec: {}}", C + "livenessProbe.exec.command", ManifestReason.MissingField },
        { "c", "livenessProbe: {httpGet: {}}", C + "livenessProbe.httpGet.port", ManifestReason.MissingField },
        { "c", "livenessProbe: {httpGet: {port: 0}}", C + "livenessProbe.httpGet.port", ManifestReason.OutOfRange },
        { "c", "livenessProbe: {httpGet: {port: a, scheme: http}}", C + "livenessProbe.httpGet.scheme", ManifestReason.UnsupportedValue },
        { "c", "livenessProbe: {httpGet: {port: a, httpHeaders: [{name: \"A B\", value: c}]}}", C + "livenessProbe.httpGet.httpHeaders[0].name", ManifestReason.InvalidValue },
        { "c", "livenessProbe: {grpc: {port: 70000}}", C + "livenessProbe.grpc.port", ManifestReason.OutOfRange },
        { "c", "livenessProbe: {tcpSocket: {port: 1}, periodSeconds: -1}", C + "livenessProbe.periodSeconds", ManifestReason.OutOfRange },
        { "c", "readinessProbe: {tcpSocket: {port: 1}, terminationGracePeriodSeconds: 5}", C + "readinessProbe.terminationGracePeriodSeconds", ManifestReason.ExclusiveFields },
        { "c", "startupProbe: {tcpSocket: {port: 1}, terminationGracePeriodSeconds: 0}", C + "startupProbe.terminationGracePeriodSeconds", ManifestReason.OutOfRange },
        { "c", "lifecycle: {preStop: {}}", C + "lifecycle.preStop", ManifestReason.MissingField },
        { "c", "lifecycle: {preStop: {tcpSocket: {port: 1}}}", C + "lifecycle.preStop.tcpSocket", ManifestReason.UnsupportedValue },
        { "c", "lifecycle: {preStop: {sleep: {seconds: 31}}}", C + "lifecycle.preStop.sleep.seconds", ManifestReason.OutOfRange },
        { "c", "lifecycle: {stopSignal: SIGTERM}", C + "lifecycle.stopSignal", ManifestReason.ExclusiveFields },
        { "c", "lifecycle: {stopSignal: TERM}", C + "lifecycle.stopSignal", ManifestReason.UnsupportedValue },
        { "c", "restartPolicy: Sometimes", C + "restartPolicy", ManifestReason.UnsupportedValue },
        { "c", "restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1]}}]", C + "restartPolicy", ManifestReason.MissingField },
        { "c", "restartPolicy: Never\nrestartPolicyRules: [{action: Stop, exitCodes: {operator: In, values: [1]}}]", C + "restartPolicyRules[0].action", ManifestReason.UnsupportedValue },
        { "c", "restartPolicy: Never\nrestartPolicyRules: [{action: Restart}]", C + "restartPolicyRules[0].exitCodes", ManifestReason.MissingField },
        { "c", "restartPolicy: Never\nrestartPolicyRules: [{action: Restart, exitCodes: {operator: Is, values: [1]}}]", C + "restartPolicyRules[0].exitCodes.operator", ManifestReason.UnsupportedValue },
        { "c", "restartPolicy: Never\nrestartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [1, 1]}}]", C + "restartPolicyRules[0].exitCodes.values[1]", ManifestReason.DuplicateValue },
        { "c", "restartPolicy: Never\nrestartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [256]}}]", C + "restartPolicyRules[0].exitCodes.values[0]", ManifestReason.OutOfRange },
    };

    [Theory(DisplayName = "A rule of the API is kept, and the fault is found at its field")]
    [MemberData(nameof(Faults))]
    public void Broken(string where, string lines, string path, ManifestReason reason)
    {
        ManifestFile file = Manifest.Parse(where switch
        {
            "m" => Manifest.WithMetadata(lines),
            "s" => Manifest.WithSpec(lines),
            _ => Manifest.WithContainer(lines),
        });
        Assert.Empty(file.Pods);
        ManifestError? error = file.Errors.FirstOrDefault(e => e.FieldPath == path && e.Reason == reason);
        Assert.True(error is not null, $"expected {reason} at {path}, found: {string.Join("\n", file.Errors.Select(e => $"{e.Reason}: {e}"))}");
        Assert.True(error.Line >= (where == "m" ? 5 : where == "s" ? 5 : 7), $"the place is wrong: {error}");
    }

    [Theory(DisplayName = "What the API takes is taken")]
    [InlineData("m", "namespace: prod\nlabels: {app.kubernetes.io/name: web, empty: \"\"}\nannotations: {Example.org/Note: \"any text\"}")]
    [InlineData("s", "dnsPolicy: None\ndnsConfig: {nameservers: [10.0.0.1, \"fd00::1\"], searches: [a.b., ., _tcp.a], options: [{name: ndots, value: \"2\"}, {name: rotate}]}")]
    [InlineData("s", "hostAliases: [{ip: 127.0.0.1, hostnames: [a, b.c]}, {ip: \"::1\"}]")]
    [InlineData("s", "securityContext: {runAsUser: 0, runAsNonRoot: false, supplementalGroups: [0, 2147483647], fsGroup: 10}")]
    [InlineData("s", "tolerations: [{operator: Exists}, {key: a, value: b, effect: NoExecute, tolerationSeconds: 5}]\nnodeSelector: {a: b}")]
    [InlineData("s", "volumes: [{name: a, hostPath: {path: /srv, type: DirectoryOrCreate}}, {name: b, emptyDir: {medium: Memory, sizeLimit: 64Mi}}]")]
    [InlineData("s", "hostname: web\nsubdomain: apps\nsetHostnameAsFQDN: true\nactiveDeadlineSeconds: 60\nterminationGracePeriodSeconds: 0")]
    [InlineData("s", "initContainers: [{name: a, image: i}, {name: b, image: i, restartPolicy: Never}, {name: c, image: i, restartPolicy: OnFailure}, {name: d, image: i, restartPolicy: Always}]")]
    [InlineData("s", "initContainers: [{name: a, image: i, restartPolicy: Always, resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]}]")]
    [InlineData("s", "initContainers: [{name: a, image: i, restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [3]}}]}]")]
    [InlineData("s", "os: {name: linux}\ninitContainers: [{name: a, image: i, restartPolicy: Always, lifecycle: {stopSignal: SIGINT}}]")]
    [InlineData("s", "hostNetwork: true\ninitContainers: [{name: a, image: i, ports: [{containerPort: 80}]}, {name: b, image: i, ports: [{containerPort: 80}]}]")]
    [InlineData("c", "ports: [{containerPort: 80, name: http}, {containerPort: 53, protocol: UDP, name: dns}, {containerPort: 80}]")]
    [InlineData("c", "env: [{name: a.b-c, value: x}, {name: A, value: \"\"}, {name: A}, {name: P, valueFrom: {fieldRef: {fieldPath: \"metadata.annotations['a/b']\"}}}]")]
    [InlineData("c", "env: [{name: M, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}, {name: C, valueFrom: {resourceFieldRef: {containerName: main, resource: requests.cpu, divisor: 1m}}}]")]
    [InlineData("c", "resources: {limits: {cpu: 1500m, memory: 1.5Gi}, requests: {cpu: 0.1}}")]
    [InlineData("c", "securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, procMount: Default}")]
    [InlineData("c", "restartPolicy: Never\nrestartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [42, 43]}}, {action: RestartAllContainers, exitCodes: {operator: NotIn, values: [0]}}]")]
    public void Sound(string where, string lines)
    {
        ManifestFile file = Manifest.Parse(where switch
        {
            "m" => Manifest.WithMetadata(lines),
            "s" => Manifest.WithSpec(lines),
            _ => Manifest.WithContainer(lines),
        });
        Assert.Empty(file.Errors);
        Assert.Single(file.Pods);
    }

    [Fact(DisplayName = "A stop signal goes with os.name")]
    public void StopSignal() =>
        Assert.Empty(Manifest.Parse(Manifest.WithContainer("lifecycle: {stopSignal: SIGRTMIN+3}") + "  os: {name: linux}\n").Errors);

    [Theory(DisplayName = "A pod needs a name, a container, and each container a name and an image")]
    [InlineData("metadata: {}\nspec: {containers: [{name: a, image: i}]}", "metadata.name")]
    [InlineData("spec: {containers: [{name: a, image: i}]}", "metadata.name")]
    [InlineData("metadata: {name: a}", "spec.containers")]
    [InlineData("metadata: {name: a}\nspec: {containers: []}", "spec.containers")]
    [InlineData("metadata: {name: a}\nspec: {containers: [{image: i}]}", "spec.containers[0].name")]
    [InlineData("metadata: {name: a}\nspec: {containers: [{name: a}]}", "spec.containers[0].image")]
    public void Needed(string lines, string path)
    {
        ManifestError error = Assert.Single(Manifest.Parse("apiVersion: v1\nkind: Pod\n" + lines).Errors);
        Assert.Equal((path, ManifestReason.MissingField), (error.FieldPath, error.Reason));
    }

    [Theory(DisplayName = "Names are checked with what would be right")]
    [InlineData("Web_1", "write \"web-1\"")]
    [InlineData("web.", "expected at most 253 lower-case letters")]
    [InlineData("-web", "expected at most 253")]
    public void PodNames(string name, string message)
    {
        ManifestError error = Assert.Single(Manifest.Parse(Manifest.Web.Replace("name: web", $"name: {name}", StringComparison.Ordinal)).Errors);
        Assert.Equal((4, 9, "metadata.name"), (error.Line, error.Column, error.FieldPath));
        Assert.Contains(message, error.ToString(), StringComparison.Ordinal);
    }

    [Fact(DisplayName = "Host ports collide across containers, by protocol and address")]
    public void HostPorts()
    {
        string text = Manifest.WithContainer("ports: [{containerPort: 80}]") + "  - {name: b, image: i, ports: [{containerPort: 80, protocol: UDP}, {containerPort: 80}]}\n  hostNetwork: true\n";
        ManifestError error = Assert.Single(Manifest.Parse(text).Errors);
        Assert.Equal(("spec.containers[1].ports[1].containerPort", ManifestReason.DuplicateValue), (error.FieldPath, error.Reason));
        Assert.Contains("80/TCP of the host is taken", error.Message, StringComparison.Ordinal);
    }

    [Fact(DisplayName = "On the host's network a host port that differs from the container's is refused")]
    public void HostNetworkPort() => Assert.Contains(
        Manifest.Parse(Manifest.WithContainer("ports: [{containerPort: 80, hostPort: 81}]") + "  hostNetwork: true\n").Errors,
        e => e.FieldPath == "spec.containers[0].ports[0].hostPort" && e.Reason == ManifestReason.ExclusiveFields);

    [Theory(DisplayName = "A container that never restarts cannot ask for a restart when it is resized")]
    [InlineData("Never", "", false)]
    [InlineData("OnFailure", "", true)]
    [InlineData("Never", ", restartPolicy: OnFailure", true)]
    public void ResizeRestarts(string podPolicy, string own, bool valid)
    {
        string text = Manifest.Web + $"  - {{name: b, image: i{own}, resizePolicy: [{{resourceName: memory, restartPolicy: RestartContainer}}]}}\n  restartPolicy: {podPolicy}\n";
        ManifestError? error = Manifest.Parse(text).Errors.SingleOrDefault();
        Assert.Equal(valid ? null : "spec.containers[1].resizePolicy[0].restartPolicy", error?.FieldPath);
    }

    [Fact(DisplayName = "Annotations may come to 256 KiB and not more")]
    public void AnnotationSize()
    {
        string text(int size) => Manifest.WithMetadata($"annotations: {{a: \"{LongText(size)}\"}}");
        Assert.Empty(Manifest.Parse(text((256 * 1024) - 1)).Errors);
        Assert.Equal(ManifestReason.TooLong, Assert.Single(Manifest.Parse(text(256 * 1024)).Errors).Reason);
    }

    [Fact(DisplayName = "All faults of a pod are reported together, in the order of the file")]
    public void AllAtOnce()
    {
        ManifestFile file = Manifest.Parse(Manifest.WithContainer("envFrom: [{configMapRef: {name: c}}]\nimagePullPolicy: x") + "  restartPolicy: z\n");
        Assert.Equal([9, 10, 11], file.Errors.Select(e => e.Line));
    }

    private static string LongText(int length) => new('a', length);
}
