/** Pods, and what the API server says of them. Every row is one mistake in a pod that is right otherwise. */
export type Row = readonly [name: string, changes: Readonly<Record<string, unknown>>, says: string];

export const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
export const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
export const KEY =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
export const NAME_PART =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
export const VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
export const ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

const c = "spec.containers[0]";
const v = "spec.volumes[0]";
const named = (source: object): object[] => [{ name: "v", ...source }];
const env = (valueFrom: object): object[] => [{ name: "A", valueFrom }];

export const podSpecRows: readonly Row[] = [
  ["no containers", { "spec.containers": [] }, "spec.containers: Required value"],
  [
    "an unknown restart policy",
    { "spec.restartPolicy": "Sometimes" },
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "an unknown DNS policy",
    { "spec.dnsPolicy": "Mine" },
    'spec.dnsPolicy: Unsupported value: "Mine": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
  ],
  ["no DNS of its own", { "spec.dnsPolicy": "None" }, "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
  [
    "no name server of its own",
    { "spec.dnsPolicy": "None", "spec.dnsConfig": { searches: ["a.b"] } },
    "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
  ],
  ["a name server that is no address", { "spec.dnsConfig.nameservers": ["here"] }, `spec.dnsConfig.nameservers[0]: Invalid value: "here": ${ADDRESS}`],
  ["a deadline of nothing", { "spec.activeDeadlineSeconds": 0 }, "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
  ["a host name with dots", { "spec.hostname": "a.b" }, 'spec.hostname: Invalid value: "a.b": must not contain dots'],
  ["a subdomain in capitals", { "spec.subdomain": "Sub" }, `spec.subdomain: Invalid value: "Sub": ${LABEL}`],
  ["a node that is no name", { "spec.nodeName": "Node_1" }, `spec.nodeName: Invalid value: "Node_1": ${SUBDOMAIN}`],
  ["a node selector that is no label", { "spec.nodeSelector": { disk: "a b" } }, `spec.nodeSelector: Invalid value: "a b": ${VALUE}`],
  ["an alias that is no address", { "spec.hostAliases": [{ ip: "1.2.3", hostnames: ["a"] }] }, `spec.hostAliases[0].ip: Invalid value: "1.2.3": ${ADDRESS}`],
  [
    "a toleration of everything that equals",
    { "spec.tolerations": [{ operator: "Equal", value: "x" }] },
    'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    "a toleration that exists with a value",
    { "spec.tolerations": [{ key: "k", operator: "Exists", value: "x" }] },
    "spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
  ],
  [
    "a toleration for a time of what does not evict",
    { "spec.tolerations": [{ key: "k", operator: "Exists", effect: "NoSchedule", tolerationSeconds: 5 }] },
    "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
  ],
  [
    "an unknown effect",
    { "spec.tolerations": [{ key: "k", operator: "Exists", effect: "Never" }] },
    'spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ],
  [
    "an affinity without a topology",
    { "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution": [{ labelSelector: { matchLabels: { a: "b" } }, topologyKey: "" }] },
    "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
  ],
  [
    "a weight out of range",
    {
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution": [
        { weight: 101, preference: { matchExpressions: [{ key: "a", operator: "Exists" }] } },
      ],
    },
    "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100",
  ],
  [
    "a node affinity without values",
    { "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms": [{ matchExpressions: [{ key: "a", operator: "In" }] }] },
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ],
  [
    "a spread of nothing",
    { "spec.topologySpreadConstraints": [{ maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }] },
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
  ],
  [
    "an unknown way to spread",
    { "spec.topologySpreadConstraints": [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "Maybe" }] },
    'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
  ],
  ["the same gate twice", { "spec.schedulingGates": [{ name: "a.b/c" }, { name: "a.b/c" }] }, 'spec.schedulingGates[1]: Duplicate value: "a.b/c"'],
  [
    "a user below zero",
    { "spec.securityContext.runAsUser": -1 },
    "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
  ],
  [
    "a group below zero",
    { "spec.securityContext.supplementalGroups": [5, -5] },
    "spec.securityContext.supplementalGroups[1]: Invalid value: -5: must be between 0 and 2147483647, inclusive",
  ],
];

export const containerRows: readonly Row[] = [
  ["no name", { [`${c}.name`]: "" }, `${c}.name: Required value`],
  ["a name in capitals", { [`${c}.name`]: "Web" }, `${c}.name: Invalid value: "Web": ${LABEL}`],
  ["a name of 64 characters", { [`${c}.name`]: "x".repeat(64) }, `${c}.name: Invalid value: "${"x".repeat(64)}": must be no more than 63 characters`],
  ["no image", { [`${c}.image`]: undefined }, `${c}.image: Required value`],
  ["the name of another", { "spec.containers[1]": { name: "c", image: "y" } }, 'spec.containers[1].name: Duplicate value: "c"'],
  ["the name of an init container", { "spec.initContainers": [{ name: "c", image: "y" }] }, 'spec.initContainers[0].name: Duplicate value: "c"'],
  [
    "an unknown pull policy",
    { [`${c}.imagePullPolicy`]: "Often" },
    `${c}.imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"`,
  ],
  [
    "an unknown message policy",
    { [`${c}.terminationMessagePolicy`]: "None" },
    `${c}.terminationMessagePolicy: Unsupported value: "None": supported values: "File", "FallbackToLogsOnError"`,
  ],
  ["a restart policy of its own", { [`${c}.restartPolicy`]: "Always" }, `${c}.restartPolicy: Forbidden: may not be set for non-init containers`],
  [
    "a probe of what ends",
    { "spec.initContainers": [{ name: "i", image: "x", livenessProbe: { exec: { command: ["a"] } } }] },
    "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
  ],
  ["no port number", { [`${c}.ports`]: [{ name: "web" }] }, `${c}.ports[0].containerPort: Required value`],
  [
    "a port out of range",
    { [`${c}.ports`]: [{ containerPort: 70_000 }] },
    `${c}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
  ],
  [
    "a port with a long name",
    { [`${c}.ports`]: [{ containerPort: 80, name: "administration-web" }] },
    `${c}.ports[0].name: Invalid value: "administration-web": must be no more than 15 characters`,
  ],
  [
    "a port with a number for a name",
    { [`${c}.ports`]: [{ containerPort: 80, name: "80" }] },
    `${c}.ports[0].name: Invalid value: "80": must contain at least one letter (a-z)`,
  ],
  [
    "a port in capitals",
    { [`${c}.ports`]: [{ containerPort: 80, name: "HTTP" }] },
    `${c}.ports[0].name: Invalid value: "HTTP": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
  ],
  ["two ports of one name", { [`${c}.ports`]: [1, 2].map((containerPort) => ({ containerPort, name: "a" })) }, `${c}.ports[1].name: Duplicate value: "a"`],
  [
    "an unknown protocol",
    { [`${c}.ports`]: [{ containerPort: 80, protocol: "HTTP" }] },
    `${c}.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"`,
  ],
  [
    "one port of the host twice",
    { [`${c}.ports`]: [80, 81].map((containerPort) => ({ containerPort, hostPort: 8080 })) },
    `${c}.ports[1].hostPort: Duplicate value: "TCP//8080"`,
  ],
  [
    "another port on the host's own network",
    { "spec.hostNetwork": true, [`${c}.ports`]: [{ containerPort: 80, hostPort: 81 }] },
    `${c}.ports[0].hostPort: Invalid value: 81: must match \`containerPort\` when \`hostNetwork\` is true`,
  ],
  ["a variable without a name", { [`${c}.env`]: [{ name: "", value: "x" }] }, `${c}.env[0].name: Required value`],
  [
    "a variable whose name has an equals sign",
    { [`${c}.env`]: [{ name: "A=B" }] },
    `${c}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
  ],
  [
    "a variable with two values",
    { [`${c}.env`]: [{ name: "A", value: "x", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }] },
    `${c}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
  ],
  [
    "a variable from nowhere",
    { [`${c}.env`]: env({}) },
    `${c}.env[0].valueFrom: Invalid value: "": must specify one of: \`fieldRef\`, \`resourceFieldRef\`, \`configMapKeyRef\` or \`secretKeyRef\``,
  ],
  [
    "a variable from two places",
    { [`${c}.env`]: env({ configMapKeyRef: { name: "a", key: "b" }, secretKeyRef: { name: "a", key: "b" } }) },
    `${c}.env[0].valueFrom: Invalid value: "": may not have more than one field specified at a time`,
  ],
  ["a variable from no key", { [`${c}.env`]: env({ secretKeyRef: { name: "a", key: "" } }) }, `${c}.env[0].valueFrom.secretKeyRef.key: Required value`],
  [
    "a variable from a field that pods do not have",
    { [`${c}.env`]: env({ fieldRef: { fieldPath: "spec.nope" } }) },
    `${c}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.nope": error converting fieldPath: field label not supported: spec.nope`,
  ],
  [
    "a variable from all labels",
    { [`${c}.env`]: env({ fieldRef: { fieldPath: "metadata.labels" } }) },
    `${c}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
  ],
  [
    "a variable from a resource that is not counted",
    { [`${c}.env`]: env({ resourceFieldRef: { resource: "limits.disk" } }) },
    `${c}.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.disk": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"`,
  ],
  [
    "variables from nowhere",
    { [`${c}.envFrom`]: [{ prefix: "A_" }] },
    `${c}.envFrom[0]: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``,
  ],
  ["variables of no name", { [`${c}.envFrom`]: [{ configMapRef: { name: "" } }] }, `${c}.envFrom[0].configMapRef.name: Required value`],
  ["a mount of no volume", { [`${c}.volumeMounts`]: [{ name: "v", mountPath: "/v" }] }, `${c}.volumeMounts[0].name: Not found: "v"`],
  [
    "a mount on no path",
    { "spec.volumes": named({}), [`${c}.volumeMounts`]: [{ name: "v", mountPath: "" }] },
    `${c}.volumeMounts[0].mountPath: Required value`,
  ],
  [
    "two mounts on one path",
    { "spec.volumes": named({}), [`${c}.volumeMounts`]: [1, 2].map(() => ({ name: "v", mountPath: "/v" })) },
    `${c}.volumeMounts[1].mountPath: Invalid value: "/v": must be unique`,
  ],
  [
    "a mount of two parts",
    { "spec.volumes": named({}), [`${c}.volumeMounts`]: [{ name: "v", mountPath: "/v", subPath: "a", subPathExpr: "b" }] },
    `${c}.volumeMounts[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`,
  ],
  [
    "less than nothing",
    { [`${c}.resources.requests`]: { cpu: "-1" } },
    `${c}.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0`,
  ],
  [
    "more than it may have",
    { [`${c}.resources`]: { requests: { memory: "2Gi" }, limits: { memory: "1Gi" } } },
    `${c}.resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi`,
  ],
  [
    "a resource that nobody knows",
    { [`${c}.resources.requests`]: { gpus: "1" } },
    `[${c}.resources.requests[gpus]: Invalid value: "gpus": must be a standard resource type or fully qualified, ${c}.resources.requests[gpus]: Invalid value: "gpus": must be a standard resource for containers]`,
  ],
  [
    "no privilege and all of it",
    { [`${c}.securityContext`]: { privileged: true, allowPrivilegeEscalation: false } },
    `${c}.securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set \`allowPrivilegeEscalation\` to false and \`privileged\` to true`,
  ],
  [
    "a user out of range",
    { [`${c}.securityContext.runAsUser`]: -7 },
    `${c}.securityContext.runAsUser: Invalid value: -7: must be between 0 and 2147483647, inclusive`,
  ],
  [
    "a profile without its file",
    { [`${c}.securityContext.seccompProfile`]: { type: "Localhost" } },
    `${c}.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost`,
  ],
];

export const probeRows: readonly Row[] = [
  ["no handler", { [`${c}.livenessProbe`]: { periodSeconds: 5 } }, `${c}.livenessProbe: Required value: must specify a handler type`],
  [
    "two handlers",
    { [`${c}.livenessProbe`]: { exec: { command: ["a"] }, tcpSocket: { port: 80 } } },
    `${c}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type`,
  ],
  ["no command", { [`${c}.readinessProbe`]: { exec: {} } }, `${c}.readinessProbe.exec.command: Required value`],
  [
    "no port",
    { [`${c}.readinessProbe`]: { tcpSocket: { port: 0 } } },
    `${c}.readinessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive`,
  ],
  [
    "an unknown scheme",
    { [`${c}.readinessProbe`]: { httpGet: { port: 80, scheme: "FTP" } } },
    `${c}.readinessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`,
  ],
  [
    "a header that is none",
    { [`${c}.readinessProbe`]: { httpGet: { port: 80, httpHeaders: [{ name: "a b", value: "c" }] } } },
    `${c}.readinessProbe.httpGet.httpHeaders[0].name: Invalid value: "a b": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
  ],
  [
    "several successes of a life",
    { [`${c}.livenessProbe`]: { exec: { command: ["a"] }, successThreshold: 2 } },
    `${c}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
  ],
  [
    "a time below zero",
    { [`${c}.startupProbe`]: { exec: { command: ["a"] }, periodSeconds: -1 } },
    `${c}.startupProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0`,
  ],
  [
    "a grace for what is not stopped",
    { [`${c}.readinessProbe`]: { exec: { command: ["a"] }, terminationGracePeriodSeconds: 5 } },
    `${c}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes`,
  ],
  ["a hook that does nothing", { [`${c}.lifecycle.preStop`]: {} }, `${c}.lifecycle.preStop: Required value: must specify a handler type`],
  [
    "a hook that sleeps past the grace",
    { "spec.terminationGracePeriodSeconds": 5, [`${c}.lifecycle.preStop`]: { sleep: { seconds: 6 } } },
    `${c}.lifecycle.preStop.sleep: Invalid value: 6: must be non-negative and less than terminationGracePeriodSeconds (5)`,
  ],
];

export const volumeRows: readonly Row[] = [
  ["no name", { "spec.volumes": [{ emptyDir: {} }] }, `${v}.name: Required value`],
  ["a name in capitals", { "spec.volumes": [{ name: "Data" }] }, `${v}.name: Invalid value: "Data": ${LABEL}`],
  ["the name of another", { "spec.volumes": [{ name: "a" }, { name: "a" }] }, 'spec.volumes[1].name: Duplicate value: "a"'],
  ["two sources", { "spec.volumes": named({ emptyDir: {}, hostPath: { path: "/a" } }) }, `${v}.hostPath: Forbidden: may not specify more than 1 volume type`],
  ["no path on the host", { "spec.volumes": named({ hostPath: { path: "" } }) }, `${v}.hostPath.path: Required value`],
  ["a path that climbs", { "spec.volumes": named({ hostPath: { path: "/a/../b" } }) }, `${v}.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
  [
    "an unknown type of path",
    { "spec.volumes": named({ hostPath: { path: "/a", type: "Disk" } }) },
    `${v}.hostPath.type: Unsupported value: "Disk": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"`,
  ],
  ["a config map without a name", { "spec.volumes": named({ configMap: {} }) }, `${v}.configMap.name: Required value`],
  ["a secret without a name", { "spec.volumes": named({ secret: {} }) }, `${v}.secret.secretName: Required value`],
  ["a claim without a name", { "spec.volumes": named({ persistentVolumeClaim: {} }) }, `${v}.persistentVolumeClaim.claimName: Required value`],
  [
    "a mode that is none",
    { "spec.volumes": named({ configMap: { name: "a", defaultMode: 1000 } }) },
    `${v}.configMap.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive`,
  ],
  [
    "a key's path that is absolute",
    { "spec.volumes": named({ secret: { secretName: "a", items: [{ key: "k", path: "/etc/passwd" }] } }) },
    `${v}.secret.items[0].path: Invalid value: "/etc/passwd": must be a relative path`,
  ],
  [
    "a size below zero",
    { "spec.volumes": named({ emptyDir: { sizeLimit: "-1Gi" } }) },
    `${v}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`,
  ],
  [
    "a field that volumes do not have",
    { "spec.volumes": named({ downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "status.podIP" } }] } }) },
    `${v}.downwardAPI.items[0].fieldRef.fieldPath: Unsupported value: "status.podIP": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"`,
  ],
  [
    "a token for a moment",
    { "spec.volumes": named({ projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 60 } }] } }) },
    `${v}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes`,
  ],
];
