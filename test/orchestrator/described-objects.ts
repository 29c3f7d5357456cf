/** Objects that have most of what descriptions show. */
const pod = (name: string, metadata: object, spec: object): object => ({ apiVersion: "v1", kind: "Pod", metadata: { name, ...metadata }, spec });
const service = (name: string, spec: object, metadata: object = {}): object => ({ apiVersion: "v1", kind: "Service", metadata: { name, ...metadata }, spec });
const image = "local/box";
const fieldRef = (fieldPath: string): object => ({ valueFrom: { fieldRef: { fieldPath } } });

const web = {
  name: "main",
  image,
  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
  ports: [{ containerPort: 80, name: "http" }],
  env: [
    { name: "PLAIN", value: "b" },
    { name: "POD", ...fieldRef("metadata.name") },
    { name: "WORD", valueFrom: { configMapKeyRef: { name: "words", key: "plain" } } },
  ],
  resources: { limits: { memory: "64Mi" }, requests: { cpu: "10m", memory: "64Mi" } },
  readinessProbe: { exec: { command: ["sh", "-c", ":"] }, periodSeconds: 5 },
  livenessProbe: { tcpSocket: { port: 80 }, initialDelaySeconds: 3600 },
  volumeMounts: [
    { name: "scratch", mountPath: "/tmp" },
    { name: "words", mountPath: "/words", readOnly: true },
  ],
};

/** No node has its labels, so that nothing of it is ever started. */
const rich = {
  nodeSelector: { nowhere: "1", also: "2" },
  tolerations: [
    { operator: "Exists" },
    { key: "a", value: "b", effect: "NoSchedule" },
    { key: "q", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 },
  ],
  securityContext: { seccompProfile: { type: "RuntimeDefault" } },
  readinessGates: [{ conditionType: "example.com/gate" }],
  initContainers: [{ name: "side", image, restartPolicy: "Always", command: ["sleep", "100"] }],
  containers: [
    {
      name: "one",
      image,
      command: ["sh", "-c", "echo a\necho b\n"],
      args: ["x"],
      ports: [{ containerPort: 80 }, { containerPort: 53, protocol: "UDP", hostPort: 5353 }],
      envFrom: [{ configMapRef: { name: "words" } }, { prefix: "P_", secretRef: { name: "hidden", optional: true } }],
      env: [
        { name: "LINES", value: "a\nb" },
        { name: "SECRET", valueFrom: { secretKeyRef: { name: "hidden", key: "a" } } },
        { name: "NODE", ...fieldRef("spec.nodeName") },
        { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
        { name: "BYTES", valueFrom: { resourceFieldRef: { resource: "requests.memory" } } },
        { name: "EMPTY" },
      ],
      resources: { limits: { cpu: "1500m", memory: "64Mi" } },
      livenessProbe: { httpGet: { path: "/x", port: 80 } },
      readinessProbe: { httpGet: { port: "http", scheme: "HTTPS", host: "h" } },
      startupProbe: { grpc: { port: 80 } },
      volumeMounts: [
        { name: "host", mountPath: "/host", subPath: "below" },
        { name: "told", mountPath: "/a/told" },
      ],
      securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "p.json" } },
    },
    { name: "two", image, resources: { requests: { memory: "1Gi", cpu: "1" } } },
  ],
  volumes: [
    { name: "host", hostPath: { path: "/tmp", type: "Directory" } },
    { name: "any", hostPath: { path: "/tmp" } },
    { name: "told", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } },
    { name: "hidden", secret: { secretName: "hidden", optional: true } },
    { name: "far", nfs: { server: "a", path: "/b" } },
    { name: "claimed", persistentVolumeClaim: { claimName: "claim" } },
    { name: "mixed", projected: { sources: [{ secret: { name: "hidden" } }, { configMap: { name: "words", optional: true } }] } },
    { name: "memory", emptyDir: { medium: "Memory" } },
  ],
};

const annotations = { long: "x".repeat(150), lines: "a\nb\n", short: "z" };
const toleratesAll = [{ operator: "Exists" }];

export const DESCRIBED: readonly object[] = [
  {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "words" },
    data: { plain: "v", lines: "a\nb\n", date: "2026-11-27", yes: "yes", colon: "a: b", empty: "", number: "12" },
  },
  { apiVersion: "v1", kind: "Secret", metadata: { name: "hidden" }, stringData: { a: "b" } },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", labels: { app: "web" }, annotations: { note: "hello" } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [web],
          volumes: [
            { name: "scratch", emptyDir: { sizeLimit: "10Mi" } },
            { name: "words", configMap: { name: "words" } },
          ],
        },
      },
    },
  },
  {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "none" },
    spec: {
      replicas: 0,
      strategy: { type: "Recreate" },
      selector: { matchLabels: { app: "none" }, matchExpressions: [{ key: "tier", operator: "NotIn", values: ["x", "w"] }] },
      template: {
        metadata: { labels: { app: "none" }, annotations: { k: "v" } },
        spec: { serviceAccountName: "default", containers: [{ name: "main", image }], tolerations: toleratesAll },
      },
    },
  },
  service("web", {
    selector: { app: "web" },
    type: "NodePort",
    ports: [
      { port: 80, targetPort: "http", name: "http" },
      { port: 81, protocol: "UDP", name: "more" },
    ],
  }),
  service("headless", { clusterIP: "None", selector: { app: "web" }, ports: [{ port: 80 }] }),
  service(
    "balanced",
    {
      type: "LoadBalancer",
      selector: { app: "web", tier: "x" },
      sessionAffinity: "ClientIP",
      loadBalancerSourceRanges: ["10.0.0.0/8"],
      ports: [{ port: 48_088 }],
    },
    { annotations: { a: "b" }, labels: { q: "r" } },
  ),
  service("outside", { type: "ExternalName", externalName: "example.com" }),
  pod(
    "ended",
    { labels: { a: "b", c: "d" } },
    {
      restartPolicy: "Never",
      initContainers: [{ name: "first", image, command: ["sh", "-c", ":"] }],
      containers: [{ name: "main", image, command: ["sh", "-c", "exit 3"], args: ["x"] }],
    },
  ),
  pod("absent", {}, { nodeSelector: { "kubernetes.io/os": "linux" }, containers: [{ name: "main", image: "local/nothing:1", imagePullPolicy: "Never" }] }),
  pod("rich", { labels: { b: "2", a: "1" }, annotations }, rich),
];
