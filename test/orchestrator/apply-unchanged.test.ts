/** Defaults are stable: what was applied once is unchanged the second time, for every kind, by either way of applying, and diff sees nothing. */
import { expect, test } from "vitest";
import { resources } from "../../orchestrator/schema/resources.ts";
import { apiOfFile } from "./api-server.ts";
import { kinds, manifest, spoil } from "./manifests.ts";

const server = apiOfFile();

/** A pod that has something of every part that is defaulted. */
const everything = {
  initContainers: [{ name: "init", image: "x:1", command: ["true"], restartPolicy: "Always", startupProbe: { tcpSocket: { port: "web" } } }],
  containers: [
    {
      name: "main",
      image: "x",
      ports: [
        { name: "web", containerPort: 80, hostPort: 80 },
        { containerPort: 53, protocol: "UDP" },
      ],
      env: [
        { name: "EMPTY" },
        { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "KEY", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: true } } },
      ],
      envFrom: [{ prefix: "A_", configMapRef: { name: "m" } }],
      resources: { limits: { cpu: "500m", memory: "1Gi" }, requests: { cpu: "100m" } },
      livenessProbe: { httpGet: { port: "web" }, terminationGracePeriodSeconds: 5 },
      readinessProbe: { exec: { command: ["true"] } },
      startupProbe: { grpc: { port: 80 } },
      lifecycle: { preStop: { httpGet: { port: 80 } }, postStart: { exec: { command: ["true"] } } },
      securityContext: { runAsNonRoot: true, capabilities: { drop: ["ALL"] }, seccompProfile: { type: "RuntimeDefault" } },
      volumeMounts: [{ name: "empty", mountPath: "/e", subPath: "s" }],
    },
    { name: "second", image: "y:2", imagePullPolicy: "Never", terminationMessagePolicy: "FallbackToLogsOnError" },
  ],
  volumes: [
    { name: "empty", emptyDir: {} },
    { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "64Mi" } },
    { name: "host", hostPath: { path: "/tmp" } },
    { name: "map", configMap: { name: "m", items: [{ key: "a", path: "b" }] } },
    { name: "secret", secret: { secretName: "s" } },
    { name: "claim", persistentVolumeClaim: { claimName: "c" } },
    { name: "down", downwardAPI: { items: [{ path: "labels", fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels" } }] } },
    {
      name: "all",
      projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }, { secret: { name: "s" } }, { configMap: { name: "m" } }] },
    },
  ],
  affinity: {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: "a/b", labelSelector: {} } }] },
  },
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "a/b", whenUnsatisfiable: "ScheduleAnyway", labelSelector: { matchLabels: { app: "a" } } }],
  hostAliases: [{ ip: "10.0.0.9", hostnames: ["nine"] }],
  dnsConfig: { options: [{ name: "ndots", value: "2" }] },
};

const templated: Readonly<Record<string, string>> = {
  Pod: "spec",
  Deployment: "spec.template.spec",
  ReplicaSet: "spec.template.spec",
  StatefulSet: "spec.template.spec",
  DaemonSet: "spec.template.spec",
  Job: "spec.template.spec",
  CronJob: "spec.jobTemplate.spec.template.spec",
  ReplicationController: "spec.template.spec",
  PodTemplate: "template.spec",
};
const restartPolicies: Readonly<Record<string, string>> = { Job: "Never", CronJob: "OnFailure" };

/** Other forms of some kinds, which are defaulted otherwise. */
const forms: readonly object[] = [
  spoil(manifest("Service", "node-port"), { "spec.type": "NodePort", "spec.sessionAffinity": "ClientIP" }),
  spoil(manifest("Service", "headless"), { "spec.clusterIP": "None", "spec.ports[0].targetPort": "web", "spec.ports[0].name": "web" }),
  spoil(manifest("Service", "outside"), { "spec.type": "ExternalName", "spec.externalName": "a.example", "spec.ports": undefined, "spec.selector": undefined }),
  spoil(manifest("Service", "balanced"), { "spec.type": "LoadBalancer" }),
  spoil(manifest("Deployment", "recreated"), { "spec.strategy.type": "Recreate" }),
  spoil(manifest("Deployment", "surging"), { "spec.strategy.rollingUpdate": { maxSurge: 1 }, "spec.progressDeadlineSeconds": 60 }),
  spoil(manifest("DaemonSet", "replaced"), { "spec.updateStrategy.type": "OnDelete" }),
  spoil(manifest("Job", "indexed"), { "spec.completionMode": "Indexed", "spec.completions": 3, "spec.parallelism": 3 }),
];

/**
 * Defaults inside of lists that kubectl replaces as a whole, lists that the cluster adds to, and what is kept in another form than it is written in:
 * kubectl says "configured" every time, as it does elsewhere, but nothing changes.
 */
const retold: readonly object[] = [
  spoil(manifest("Secret", "plain"), { data: undefined, stringData: { a: "b" } }),
  spoil(manifest("StatefulSet", "kept"), {
    "spec.volumeClaimTemplates": [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } }],
    "spec.persistentVolumeClaimRetentionPolicy": { whenDeleted: "Delete" },
  }),
  spoil(manifest("Deployment", "amounts"), { "spec.template.spec.containers[0].resources": { limits: { cpu: 0.5, memory: "1024Mi" } } }),
  spoil(manifest("NetworkPolicy", "outward"), { "spec.egress": [{ to: [{ ipBlock: { cidr: "10.0.0.0/8" } }], ports: [{ port: 53 }] }] }),
  spoil(manifest("Pod", "tolerant"), { "spec.tolerations": [{ key: "k", operator: "Exists" }] }),
  spoil(manifest("Pod", "told"), { "spec.volumes": [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] }),
  spoil(manifest("Deployment", "volume"), { "spec.template.spec.volumes": [{ name: "v" }] }),
  spoil(manifest("Endpoints", "bare"), { "subsets[0].ports[0].protocol": undefined }),
  spoil(manifest("EndpointSlice", "bare"), { "ports[0].protocol": undefined }),
];

const whole = (kind: string): object => {
  const [path, object] = [templated[kind], manifest(kind, `one-${kind.toLowerCase()}`)];
  if (path === undefined) return object;
  const { initContainers, ...rest } = everything;
  const spec = kind === "Job" || kind === "CronJob" ? { ...rest, restartPolicy: restartPolicies[kind] } : { ...rest, initContainers };
  return spoil(object, { [path]: spec });
};

const list = (objects: readonly object[]): string => objects.map((object) => JSON.stringify(object)).join("\n---\n");

async function versions(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { group, version, resource, verbs, conversion } of resources) {
    if (!verbs.includes("create") || !verbs.includes("list") || conversion !== undefined) continue;
    const { body } = await server.call("GET", `${group === "" ? "/api" : `/apis/${group}`}/${version}/${resource}`);
    for (const { metadata } of body.items) found.set(`${resource}/${metadata.name}`, metadata.resourceVersion);
  }
  return found;
}

const TIMEOUT = 60_000;

test.each([
  ["of every kind, as small as it can be", (): readonly object[] => kinds.map((kind) => manifest(kind, `small-${kind.toLowerCase()}`))],
  ["with templates that have everything", (): readonly object[] => Object.keys(templated).slice(1).map(whole)],
  ["of other forms", (): readonly object[] => forms],
])("kubectl apply of manifests %s is unchanged the second time, and diff is empty", { timeout: TIMEOUT }, async (_, make) => {
  const input = list(make());
  const first = await server.kubectl(undefined, ["apply", "-f", "-"], input);
  expect([first.code, first.stderr]).toEqual([0, ""]);
  const lines = first.stdout.trim().split("\n");
  expect(lines.filter((line) => !line.endsWith(" created"))).toEqual([]);
  expect(lines).toHaveLength(make().length);
  const before = await versions();
  const second = await server.kubectl(undefined, ["apply", "-f", "-"], input);
  expect([second.code, second.stderr]).toEqual([0, ""]);
  expect(
    second.stdout
      .trim()
      .split("\n")
      .filter((line) => !line.endsWith(" unchanged")),
  ).toEqual([]);
  expect(await versions()).toEqual(before);
  const diff = await server.kubectl(undefined, ["diff", "-f", "-"], input);
  expect([diff.code, diff.stdout, diff.stderr]).toEqual([0, "", ""]);
});

test("kubectl apply of what it cannot compare changes nothing the second time, and diff is empty", { timeout: TIMEOUT }, async () => {
  const input = list([...retold, whole("Pod")]);
  const first = await server.kubectl(undefined, ["apply", "-f", "-"], input);
  expect([first.code, first.stderr]).toEqual([0, ""]);
  const before = await versions();
  const second = await server.kubectl(undefined, ["apply", "-f", "-"], input);
  expect([second.code, second.stderr]).toEqual([0, ""]);
  expect(await versions()).toEqual(before);
  const diff = await server.kubectl(undefined, ["diff", "-f", "-"], input);
  expect([diff.code, diff.stdout, diff.stderr]).toEqual([0, "", ""]);
});

test("server-side apply of every kind changes nothing the second time, and diff is empty", { timeout: TIMEOUT }, async () => {
  const input = list([
    ...kinds.map((kind) => manifest(kind, `served-${kind.toLowerCase()}`)),
    ...Object.keys(templated).map((kind) => spoil(whole(kind), { "metadata.name": `whole-${kind.toLowerCase()}` })),
  ]);
  const apply = ["apply", "--server-side", "--field-manager=tester", "-f", "-"];
  const first = await server.kubectl(undefined, apply, input);
  expect([first.code, first.stderr]).toEqual([0, ""]);
  const before = await versions();
  const second = await server.kubectl(undefined, apply, input);
  expect([second.code, second.stderr]).toEqual([0, ""]);
  expect(await versions()).toEqual(before);
  const diff = await server.kubectl(undefined, ["diff", "--server-side", "--field-manager=tester", "-f", "-"], input);
  expect([diff.code, diff.stdout]).toEqual([0, ""]);
});
