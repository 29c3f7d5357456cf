/** Objects of the other kinds, and what the API server says of them. */
import { workloadRows } from "./bad-workloads.ts";
import { ADDRESS, KEY, LABEL, NAME_PART, SUBDOMAIN, VALUE, type Row } from "./bad-pods.ts";

const notNegative = "must be greater than or equal to 0";

export const metadataRows: readonly Row[] = [
  ["no name", { "metadata.name": undefined }, "metadata.name: Required value: name or generateName is required"],
  ["a name in capitals", { "metadata.name": "Bad" }, `metadata.name: Invalid value: "Bad": ${SUBDOMAIN}`],
  ["a name with an underscore", { "metadata.name": "my_map" }, `metadata.name: Invalid value: "my_map": ${SUBDOMAIN}`],
  ["a name that is too long", { "metadata.name": "x".repeat(254) }, `metadata.name: Invalid value: "${"x".repeat(254)}": must be no more than 253 characters`],
  ["a label with a space", { "metadata.labels": { a: "b c" } }, `metadata.labels: Invalid value: "b c": ${VALUE}`],
  [
    "a label that is too long",
    { "metadata.labels": { a: "x".repeat(64) } },
    `metadata.labels: Invalid value: "${"x".repeat(64)}": must be no more than 63 characters`,
  ],
  ["a label whose key is none", { "metadata.labels": { "-a": "b" } }, `metadata.labels: Invalid value: "-a": ${NAME_PART}`],
  ["a label with an empty prefix", { "metadata.labels": { "/a": "b" } }, 'metadata.labels: Invalid value: "/a": prefix part must be non-empty'],
  ["an annotation whose key is none", { "metadata.annotations": { "a b": "c" } }, `metadata.annotations: Invalid value: "a b": ${NAME_PART}`],
  [
    "annotations above 256 KiB",
    { "metadata.annotations": { a: "x".repeat(2 ** 17), b: "x".repeat(2 ** 17) } },
    "metadata.annotations: Too long: may not be more than 262144 bytes",
  ],
  [
    "a finalizer without a domain",
    { "metadata.finalizers": ["mine"] },
    'metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ],
  [
    "two finalizers that exclude each other",
    { "metadata.finalizers": ["orphan", "foregroundDeletion"] },
    'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
  ],
  [
    "an owner without an identity",
    { "metadata.ownerReferences": [{ apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "" }] },
    'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
  ],
  [
    "two controllers",
    { "metadata.ownerReferences": ["a", "b"].map((name) => ({ apiVersion: "v1", kind: "Pod", name, uid: name, controller: true })) },
    'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"a","uid":"a","controller":true},{"apiVersion":"v1","kind":"Pod","name":"b","uid":"b","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b',
  ],
];

const ports = (...list: readonly object[]): Readonly<Record<string, unknown>> => ({ "spec.ports": list });

export const objectRows: Readonly<Record<string, readonly Row[]>> = {
  ...workloadRows,
  Service: [
    ["no ports", { "spec.ports": [] }, "spec.ports: Required value"],
    ["a port out of range", ports({ port: 0, targetPort: 80 }), "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ["an unknown protocol", ports({ port: 80, protocol: "HTTP" }), 'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ["several ports without names", ports({ name: "a", port: 1 }, { port: 2 }), "spec.ports[1].name: Required value"],
    ["two ports of one name", ports({ name: "a", port: 1 }, { name: "a", port: 2 }), 'spec.ports[1].name: Duplicate value: "a"'],
    [
      "one port twice",
      ports({ name: "a", port: 1 }, { name: "b", port: 1 }),
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":1,"TargetPort":0,"NodePort":0}',
    ],
    ["a port's name in capitals", ports({ name: "HTTP", port: 80 }), `spec.ports[0].name: Invalid value: "HTTP": ${LABEL}`],
    [
      "a target that is no port's name",
      ports({ port: 80, targetPort: "no_port" }),
      'spec.ports[0].targetPort: Invalid value: "no_port": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
    ],
    ["a node port where there is none", ports({ port: 80, nodePort: 30_080 }), "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    [
      "a node port out of range",
      { "spec.type": "NodePort", ...ports({ port: 80, nodePort: 80 }) },
      "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
    ],
    [
      "an unknown type",
      { "spec.type": "Public" },
      'spec.type: Unsupported value: "Public": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
    ["an unknown affinity", { "spec.sessionAffinity": "Cookie" }, 'spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
    [
      "an affinity for ever",
      { "spec.sessionAffinity": "ClientIP", "spec.sessionAffinityConfig.clientIP.timeoutSeconds": 86_401 },
      "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
    ],
    ["no external name", { "spec.type": "ExternalName", "spec.ports": undefined }, "spec.externalName: Required value"],
    ["an address that is none", { "spec.clusterIP": "here" }, `spec.clusterIPs[0]: Invalid value: "here": ${ADDRESS}`],
    [
      "an address of another range",
      { "spec.clusterIP": "192.168.0.1" },
      'spec.clusterIPs: Invalid value: ["192.168.0.1"]: failed to allocate IP 192.168.0.1: the provided IP is not in the valid range 10.96.0.0/16',
    ],
    [
      "an address that is taken",
      { "spec.clusterIP": "10.96.0.1" },
      'spec.clusterIPs: Invalid value: ["10.96.0.1"]: failed to allocate IP 10.96.0.1: provided IP is already allocated',
    ],
    [
      "no address and a node port",
      { "spec.clusterIP": "None", "spec.type": "NodePort" },
      `spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`,
    ],
    [
      "an external policy without an outside",
      { "spec.externalTrafficPolicy": "Local" },
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ],
    ["a selector that is no label", { "spec.selector": { app: "a b" } }, `spec.selector: Invalid value: "a b": ${VALUE}`],
    [
      "a name that begins with a digit",
      { "metadata.name": "1st" },
      `metadata.name: Invalid value: "1st": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  Endpoints: [
    ["no addresses", { "subsets[0].addresses": [] }, "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
    ["an address that is none", { "subsets[0].addresses[0].ip": "here" }, `subsets[0].addresses[0].ip: Invalid value: "here": ${ADDRESS}`],
  ],
  EndpointSlice: [
    ["no type", { addressType: "" }, "addressType: Required value"],
    ["an unknown type", { addressType: "IPX" }, 'addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"'],
    ["no addresses", { "endpoints[0].addresses": [] }, "endpoints[0].addresses: Required value: must contain at least 1 address"],
  ],
  ConfigMap: [
    ["a key that is no file name", { data: { "a/b": "c" } }, `data[a/b]: Invalid value: "a/b": ${KEY}`],
    ["a key that climbs", { data: { "..": "c" } }, `data[..]: Invalid value: "..": must not be '..'`],
    ["one key twice", { binaryData: { a: "Yg==" } }, 'data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ["more than a mebibyte", { data: { a: "x".repeat(2 ** 20 + 1) } }, "[]: Too long: may not be more than 1048576 bytes"],
  ],
  Secret: [
    ["a key that is no file name", { data: { "a b": "Yg==" } }, `data[a b]: Invalid value: "a b": ${KEY}`],
    ["no certificate", { type: "kubernetes.io/tls", data: { "tls.key": "Yg==" } }, "data[tls.crt]: Required value"],
    ["no configuration", { type: "kubernetes.io/dockerconfigjson", data: {} }, "data[.dockerconfigjson]: Required value"],
    ["no account", { type: "kubernetes.io/service-account-token" }, "metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  ],
  PersistentVolumeClaim: [
    ["no access modes", { "spec.accessModes": [] }, "spec.accessModes: Required value: at least 1 access mode is required"],
    [
      "an unknown access mode",
      { "spec.accessModes": ["Sometimes"] },
      'spec.accessModes: Unsupported value: "Sometimes": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ],
    ["no size", { "spec.resources": {} }, "spec.resources[storage]: Required value"],
    ["a size of nothing", { "spec.resources.requests.storage": "0" }, 'spec.resources[storage]: Invalid value: "0": must be greater than zero'],
    ["an unknown mode", { "spec.volumeMode": "Tape" }, 'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
  ],
  PersistentVolume: [
    ["no size", { "spec.capacity": undefined }, "spec.capacity: Required value"],
    ["no source", { "spec.hostPath": undefined }, "spec: Required value: must specify a volume type"],
    ["two sources", { "spec.nfs": { server: "s", path: "/p" } }, "spec.nfs: Forbidden: may not specify more than 1 volume type"],
    [
      "an unknown end",
      { "spec.persistentVolumeReclaimPolicy": "Burn" },
      'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"',
    ],
  ],
  ServiceAccount: [["a name in capitals", { "metadata.name": "Robot" }, `metadata.name: Invalid value: "Robot": ${SUBDOMAIN}`]],
  Namespace: [
    ["a name with dots", { "metadata.name": "a.b" }, 'metadata.name: Invalid value: "a.b": must not contain dots'],
    ["a name in capitals", { "metadata.name": "Team" }, `metadata.name: Invalid value: "Team": ${LABEL}`],
  ],
  Node: [
    [
      "one taint twice",
      { "spec.taints": ["a", "b"].map((value) => ({ key: "k", value, effect: "NoSchedule" })) },
      'spec.taints[1]: Duplicate value: {"key":"k","value":"b","effect":"NoSchedule"}: taints must be unique by key and effect pair',
    ],
    [
      "an unknown effect",
      { "spec.taints": [{ key: "k", effect: "Explode" }] },
      'spec.taints[0].effect: Unsupported value: "Explode": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  Role: [
    ["no verbs", { "rules[0].verbs": [] }, "rules[0].verbs: Required value: verbs must contain at least one value"],
    ["no resources", { "rules[0].resources": [] }, "rules[0].resources: Required value: resource rules must supply at least one resource"],
    ["no groups", { "rules[0].apiGroups": [] }, "rules[0].apiGroups: Required value: resource rules must supply at least one api group"],
    [
      "addresses that are no resources",
      { "rules[0]": { nonResourceURLs: ["/x"], verbs: ["get"] } },
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ],
    ["a name with a slash", { "metadata.name": "a/b" }, `metadata.name: Invalid value: "a/b": may not contain '/'`],
  ],
  RoleBinding: [
    ["no role", { "roleRef.name": "" }, "roleRef.name: Required value"],
    ["a role that is none", { "roleRef.kind": "Group" }, 'roleRef.kind: Unsupported value: "Group": supported values: "Role", "ClusterRole"'],
    [
      "an unknown subject",
      { "subjects[0].kind": "Robot" },
      'subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
    ],
    ["an account of no namespace", { "subjects[0]": { kind: "ServiceAccount", name: "a" } }, "subjects[0].namespace: Required value"],
  ],
  ClusterRoleBinding: [["a role of one namespace", { "roleRef.kind": "Role" }, 'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"']],
  LimitRange: [
    [
      "a type that is not limited",
      { "spec.limits[0].type": "Disk" },
      'spec.limits[0].type: Invalid value: "Disk": must be a standard limit type or fully qualified',
    ],
    [
      "a least above the most",
      { "spec.limits[0].min": { storage: "20Ti" } },
      'spec.limits[0].min[storage]: Invalid value: "20Ti": min value 20Ti is greater than max value 10Ti',
    ],
    [
      "a default above the most",
      {
        "spec.limits[0].type": "Container",
        "spec.limits[0].max": { cpu: "1" },
        "spec.limits[0].default": { cpu: "2" },
        "spec.limits[0].defaultRequest": { cpu: "1" },
      },
      'spec.limits[0].default[cpu]: Invalid value: "2": default value 2 is greater than max value 1',
    ],
  ],
  ResourceQuota: [
    ["less than nothing", { "spec.hard": { pods: "-1" } }, `spec.hard[pods]: Invalid value: "-1": ${notNegative}`],
    ["an unknown scope", { "spec.scopes": ["Everything"] }, 'spec.scopes: Invalid value: ["Everything"]: unsupported scope'],
  ],
  PriorityClass: [
    ["more than users may have", { value: 2_000_000_000 }, "value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    [
      "a name of the system's",
      { "metadata.name": "system-mine" },
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ],
  ],
  Lease: [["no duration", { "spec.leaseDurationSeconds": 0 }, "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"]],
  StorageClass: [
    ["no provisioner", { provisioner: "" }, "provisioner: Required value"],
    [
      "an unknown binding",
      { volumeBindingMode: "Later" },
      'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
    ],
  ],
  HorizontalPodAutoscaler: [
    [
      "a most below the least",
      { "spec.minReplicas": 5, "spec.maxReplicas": 3 },
      "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
    ],
    ["no most", { "spec.maxReplicas": 0 }, "spec.maxReplicas: Invalid value: 0: must be greater than 0"],
    ["nothing to scale", { "spec.scaleTargetRef.name": "" }, "spec.scaleTargetRef.name: Required value"],
  ],
  PodDisruptionBudget: [
    [
      "two budgets",
      { "spec.maxUnavailable": 1 },
      'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
    ],
    ["a budget below zero", { "spec.minAvailable": -1 }, `spec.minAvailable: Invalid value: -1: ${notNegative}`],
  ],
  Ingress: [
    ["nowhere to go", { spec: {} }, "spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
    ["an address for a host", { "spec.rules[0].host": "1.2.3.4" }, 'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    ["a host in capitals", { "spec.rules[0].host": "A.example" }, `spec.rules[0].host: Invalid value: "A.example": ${SUBDOMAIN}`],
    [
      "a path that is not absolute",
      { "spec.rules[0].http.paths[0].path": "shop" },
      'spec.rules[0].http.paths[0].path: Invalid value: "shop": must be an absolute path',
    ],
    [
      "no type of path",
      { "spec.rules[0].http.paths[0].pathType": undefined },
      "spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
    ],
    ["no paths", { "spec.rules[0].http.paths": [] }, "spec.rules[0].http.paths: Required value"],
    [
      "no backend",
      { "spec.rules[0].http.paths[0].backend": {} },
      "spec.rules[0].http.paths[0].backend: Required value: resource or service backend is required",
    ],
    [
      "a backend without a port",
      { "spec.rules[0].http.paths[0].backend.service.port": {} },
      "spec.rules[0].http.paths[0].backend.service.port: Required value: port name or number is required",
    ],
  ],
  IngressClass: [["no controller", { "spec.controller": "" }, "spec.controller: Required value"]],
  NetworkPolicy: [
    ["an empty peer", { "spec.ingress[0].from": [{}] }, "spec.ingress[0].from[0]: Required value: must specify a peer"],
    [
      "two peers in one",
      { "spec.ingress[0].from": [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] },
      "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
    ],
    [
      "a range that is none",
      { "spec.ingress[0].from": [{ ipBlock: { cidr: "10.0.0.0" } }] },
      'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
    ],
    ["an unknown direction", { "spec.policyTypes": ["Sideways"] }, 'spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Egress", "Ingress"'],
    [
      "a range of ports that ends before it begins",
      { "spec.ingress[0].ports": [{ port: 80, endPort: 70 }] },
      "spec.ingress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`",
    ],
  ],
};
