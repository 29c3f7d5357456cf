/** Small manifests of every kind, valid as they are, and how to spoil them. */
import type { Draft } from "../../orchestrator/cluster.ts";

const container = { name: "c", image: "x" };
const template = { metadata: { labels: { app: "a" } }, spec: { containers: [container] } };
const selector = { matchLabels: { app: "a" } };

const GROUP = "rbac.authorization.k8s.io";

const rows: readonly (readonly [kind: string, apiVersion: string, rest: object])[] = [
  ["Pod", "v1", { spec: { containers: [container] } }],
  ["ConfigMap", "v1", { data: { a: "b" } }],
  ["Secret", "v1", { data: { a: "Yg==" } }],
  ["Service", "v1", { spec: { selector: { app: "a" }, ports: [{ port: 80 }] } }],
  ["Endpoints", "v1", { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80, protocol: "TCP" }] }] }],
  ["ServiceAccount", "v1", {}],
  ["PersistentVolumeClaim", "v1", { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } }],
  ["PersistentVolume", "v1", { spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } } }],
  ["PodTemplate", "v1", { template }],
  ["ReplicationController", "v1", { spec: { replicas: 0, selector: { app: "a" }, template } }],
  ["LimitRange", "v1", { spec: { limits: [{ type: "PersistentVolumeClaim", max: { storage: "10Ti" } }] } }],
  ["ResourceQuota", "v1", { spec: { hard: { pods: "10" } } }],
  [
    "Event",
    "v1",
    {
      involvedObject: { kind: "Pod", name: "p", namespace: "default" },
      reason: "Tested",
      message: "m",
      type: "Normal",
      reportingComponent: "test",
      reportingInstance: "one",
    },
  ],
  ["Namespace", "v1", {}],
  ["Node", "v1", {}],
  ["Deployment", "apps/v1", { spec: { replicas: 0, selector, template } }],
  ["ReplicaSet", "apps/v1", { spec: { replicas: 0, selector, template } }],
  ["StatefulSet", "apps/v1", { spec: { replicas: 0, serviceName: "s", selector, template } }],
  ["DaemonSet", "apps/v1", { spec: { selector, template } }],
  ["ControllerRevision", "apps/v1", { revision: 1, data: { spec: {} } }],
  ["Job", "batch/v1", { spec: { suspend: true, template: { spec: { ...template.spec, restartPolicy: "Never" } } } }],
  [
    "CronJob",
    "batch/v1",
    { spec: { suspend: true, schedule: "0 3 * * *", jobTemplate: { spec: { template: { spec: { ...template.spec, restartPolicy: "OnFailure" } } } } } },
  ],
  [
    "HorizontalPodAutoscaler",
    "autoscaling/v2",
    {
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
        maxReplicas: 3,
        metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
      },
    },
  ],
  ["PodDisruptionBudget", "policy/v1", { spec: { minAvailable: 1, selector } }],
  [
    "Ingress",
    "networking.k8s.io/v1",
    {
      spec: { rules: [{ host: "a.example", http: { paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } }] } }] },
    },
  ],
  ["IngressClass", "networking.k8s.io/v1", { spec: { controller: "example.com/ingress" } }],
  [
    "NetworkPolicy",
    "networking.k8s.io/v1",
    { spec: { podSelector: {}, ingress: [{ from: [{ podSelector: selector }], ports: [{ port: 80, protocol: "TCP" }] }] } },
  ],
  ["Role", "rbac.authorization.k8s.io/v1", { rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }] }],
  [
    "RoleBinding",
    "rbac.authorization.k8s.io/v1",
    { roleRef: { apiGroup: GROUP, kind: "Role", name: "r" }, subjects: [{ apiGroup: GROUP, kind: "User", name: "u" }] },
  ],
  ["ClusterRole", "rbac.authorization.k8s.io/v1", { rules: [{ nonResourceURLs: ["/version"], verbs: ["get"] }] }],
  [
    "ClusterRoleBinding",
    "rbac.authorization.k8s.io/v1",
    { roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: "r" }, subjects: [{ apiGroup: GROUP, kind: "Group", name: "g" }] },
  ],
  ["StorageClass", "storage.k8s.io/v1", { provisioner: "example.com/disk" }],
  [
    "EndpointSlice",
    "discovery.k8s.io/v1",
    { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"] }], ports: [{ name: "http", port: 80, protocol: "TCP" }] },
  ],
  ["Lease", "coordination.k8s.io/v1", { spec: { holderIdentity: "me", leaseDurationSeconds: 10 } }],
  ["PriorityClass", "scheduling.k8s.io/v1", { value: 10 }],
];

/** Every kind by its name, called `name`. */
export function manifest(kind: string, name: string): Draft & { metadata: { name: string } } {
  const row = rows.find(([one]) => one === kind);
  if (row === undefined) throw new Error(`no manifest of kind ${kind}`);
  const [, apiVersion, rest] = row;
  return { apiVersion, kind, metadata: { name }, ...structuredClone(rest) };
}

export const kinds: readonly string[] = rows.map(([kind]) => kind);

/** Sets `spec.template.spec.containers[0].image` and the like; undefined takes the field away, what is missing on the way is made. */
export function spoil<T extends object>(object: T, changes: Readonly<Record<string, unknown>>): T {
  const copy: any = structuredClone(object);
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(/\.|\[(\d+)\]/).filter((part) => part !== undefined && part !== "");
    const last = names.pop()!;
    const owner = names.reduce((part, name, index) => (part[name] ??= /^\d+$/.test(names[index + 1] ?? last) ? [] : {}), copy);
    if (value === undefined) delete owner[last];
    else owner[last] = value;
  }
  return copy;
}
