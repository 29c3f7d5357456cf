import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { formatAmounts } from "../../orchestrator/objects/quota/amounts.ts";
import { checkQuotas } from "../../orchestrator/objects/quota/check.ts";
import { countedResource, usedOf } from "../../orchestrator/objects/quota/quota.ts";
import { usageOf } from "../../orchestrator/objects/quota/usage.ts";
import { limitPod } from "../../orchestrator/objects/limit-ranges.ts";
import type { WriteRequest } from "../../orchestrator/objects/request.ts";
import { applyDefaults } from "../../orchestrator/schema/defaults.ts";
import { resourceNamed } from "../../orchestrator/schema/resources.ts";
import { meta, pod } from "./objects.ts";

const container = (name: string, resources: object = {}, more: object = {}): object => ({ name, image: "web:v1", resources, ...more });
const asking = (name: string, resources: object, spec: object = {}, phase = "Running"): KubeObject =>
  pod(name, { phase, spec: { containers: [container("main", resources)], ...spec } });
const small = { requests: { cpu: "100m", memory: "64Mi" }, limits: { cpu: "200m", memory: "128Mi" } };

function object(kind: string, spec: object): KubeObject {
  return { apiVersion: "v1", kind, metadata: meta(kind.toLowerCase()), spec };
}

const usages = [
  {
    name: "a pod by what it requests and may use",
    resource: "pods",
    object: asking("a", small),
    want: {
      pods: "1",
      "count/pods": "1",
      cpu: "100m",
      memory: "64Mi",
      "requests.cpu": "100m",
      "requests.memory": "64Mi",
      "limits.cpu": "200m",
      "limits.memory": "128Mi",
    },
  },
  {
    name: "a pod by its peak: the largest init container or all others together",
    resource: "pods",
    object: pod("a", {
      spec: {
        initContainers: [container("init", { requests: { cpu: "1" } })],
        containers: [container("a", { requests: { cpu: "300m" } }), container("b", { requests: { cpu: "400m" } })],
      },
    }),
    want: { pods: "1", "count/pods": "1", cpu: "1", "requests.cpu": "1" },
  },
  { name: "a pod that has ended as an object only", resource: "pods", object: asking("a", small, {}, "Succeeded"), want: { "count/pods": "1" } },
  {
    name: "a claim by its storage, in all and of its class",
    resource: "persistentvolumeclaims",
    object: object("PersistentVolumeClaim", { storageClassName: "gold", resources: { requests: { storage: "2Gi" } } }),
    want: {
      persistentvolumeclaims: "1",
      "count/persistentvolumeclaims": "1",
      "requests.storage": "2Gi",
      "gold.storageclass.storage.k8s.io/requests.storage": "2Gi",
      "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
    },
  },
  {
    name: "a balanced service with its node ports",
    resource: "services",
    object: object("Service", {
      type: "LoadBalancer",
      ports: [
        { port: 1, nodePort: 30_001 },
        { port: 2, nodePort: 30_002 },
      ],
    }),
    want: { services: "1", "count/services": "1", "services.loadbalancers": "1", "services.nodeports": "2" },
  },
  { name: "any kind by its full name", resource: "deployments.apps", object: object("Deployment", {}), want: { "count/deployments.apps": "1" } },
];
test.each(usages)("a quota counts $name", ({ resource, object: one, want }) => expect(formatAmounts(usageOf(resource, one))).toEqual(want));

test.each([
  ["requests.cpu", "pods"],
  ["limits.ephemeral-storage", "pods"],
  ["requests.storage", "persistentvolumeclaims"],
  ["gold.storageclass.storage.k8s.io/persistentvolumeclaims", "persistentvolumeclaims"],
  ["services.nodeports", "services"],
  ["secrets", "secrets"],
  ["count/jobs.batch", "jobs.batch"],
])("%s is of %s", (name, want) => expect(countedResource(name)).toBe(want));

const quota = (hard: object, more: object = {}): KubeObject => object("ResourceQuota", { hard, ...more });

const scopes = [
  { name: "BestEffort counts pods that request nothing", spec: { scopes: ["BestEffort"] }, want: "1" },
  { name: "NotBestEffort counts the others", spec: { scopes: ["NotBestEffort"] }, want: "2" },
  { name: "Terminating counts pods with a deadline", spec: { scopes: ["Terminating"] }, want: "1" },
  {
    name: "PriorityClass counts by class",
    spec: { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } },
    want: "1",
  },
  { name: "several scopes count what is in all of them", spec: { scopes: ["NotBestEffort", "Terminating"] }, want: "0" },
];
test.each(scopes)("a quota with the scope $name", ({ spec, want }) => {
  const pods = [asking("a", {}, { activeDeadlineSeconds: 5 }), asking("b", small), asking("c", small, { priorityClassName: "high" })];
  expect(formatAmounts(usedOf(quota({ pods: "10" }, spec), () => pods))).toEqual({ pods: want });
});

function requesting(there: Readonly<Record<string, readonly KubeObject[]>>): WriteRequest {
  const transaction = { list: (resource: string) => there[resource] ?? [], get: () => undefined };
  return {
    resource: resourceNamed("pods"),
    namespace: "default",
    name: "next",
    transaction,
    writer: { manager: "test", dryRun: false, internal: false },
  } as unknown as WriteRequest;
}

describe("a quota refuses", () => {
  const refusals = [
    {
      name: "a pod too many",
      hard: { pods: "2" },
      next: small,
      want: 'pods "next" is forbidden: exceeded quota: resourcequota, requested: pods=1, used: pods=2, limited: pods=2',
    },
    {
      name: "more than is left, and tells only of that",
      hard: { pods: "9", "requests.cpu": "250m", "limits.memory": "300Mi" },
      next: small,
      want: 'pods "next" is forbidden: exceeded quota: resourcequota, requested: limits.memory=128Mi,requests.cpu=100m, used: limits.memory=256Mi,requests.cpu=200m, limited: limits.memory=300Mi,requests.cpu=250m',
    },
    {
      name: "a container that does not say what it needs",
      hard: { "requests.cpu": "4", "limits.memory": "4Gi" },
      next: {},
      want: 'pods "next" is forbidden: failed quota: resourcequota: must specify limits.memory for: main; requests.cpu for: main',
    },
  ];
  test.each(refusals)("$name", ({ hard, next, want }) => {
    const request = requesting({ pods: [asking("a", small), asking("b", small)], resourcequotas: [quota(hard)] });
    expect(() => checkQuotas(request, asking("next", next))).toThrow(want);
  });

  test("nothing that fits exactly", () => {
    const request = requesting({ pods: [asking("a", small)], resourcequotas: [quota({ pods: "2", cpu: "200m" })] });
    expect(() => checkQuotas(request, asking("next", small))).not.toThrow();
  });
});

describe("a limit range", () => {
  const range = (item: object): KubeObject => {
    const made = object("LimitRange", { limits: [{ type: "Container", ...item }] });
    applyDefaults("core/v1.LimitRange", made);
    return made;
  };
  const limited = (item: object, resources: object): any => {
    const next = structuredClone(asking("next", resources));
    limitPod(requesting({ limitranges: [range(item)] }), next);
    return next;
  };

  test("gives containers what they do not say, and notes it", () => {
    const given = limited(
      { default: { cpu: "500m", memory: "256Mi" }, defaultRequest: { cpu: "100m" } },
      { limits: { memory: "64Mi" }, requests: { memory: "64Mi" } },
    );
    expect(given.spec.containers[0].resources).toEqual({ limits: { cpu: "500m", memory: "64Mi" }, requests: { cpu: "100m", memory: "64Mi" } });
    expect(given.metadata.annotations).toEqual({
      "kubernetes.io/limit-ranger": "LimitRanger plugin set: cpu request for container main; cpu limit for container main",
    });
  });

  test("takes its maximum for the default limit, and that for the default request", () => {
    expect(limited({ max: { cpu: "1" } }, {}).spec.containers[0].resources).toEqual({ limits: { cpu: "1" }, requests: { cpu: "1" } });
  });

  const refusals = [
    {
      name: "less than its minimum",
      item: { min: { cpu: "100m" } },
      resources: { requests: { cpu: "50m" } },
      want: "minimum cpu usage per Container is 100m, but request is 50m",
    },
    {
      name: "more than its maximum",
      item: { max: { memory: "1Gi" } },
      resources: { limits: { memory: "2Gi" }, requests: { memory: "1Gi" } },
      want: "maximum memory usage per Container is 1Gi, but limit is 2Gi",
    },
    {
      name: "no limit where the whole pod has a maximum",
      item: { type: "Pod", max: { cpu: "1" } },
      resources: { requests: { cpu: "1" } },
      want: "maximum cpu usage per Pod is 1.  No limit is specified",
    },
    {
      name: "a limit too far above the request",
      item: { maxLimitRequestRatio: { cpu: "2" } },
      resources: { requests: { cpu: "100m" }, limits: { cpu: "500m" } },
      want: "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000",
    },
    {
      name: "and tells of everything at once",
      item: { min: { cpu: "100m" }, max: { memory: "1Gi" } },
      resources: { requests: { cpu: "50m", memory: "2Gi" }, limits: { memory: "2Gi" } },
      want: 'pods "next" is forbidden: [minimum cpu usage per Container is 100m, but request is 50m, maximum memory usage per Container is 1Gi, but limit is 2Gi, maximum memory usage per Container is 1Gi, but request is 2Gi]',
    },
  ];
  test.each(refusals)("refuses $name", ({ item, resources, want }) => expect(() => limited(item, resources)).toThrow(want));
});
