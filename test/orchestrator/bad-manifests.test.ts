/** Bad manifests get the API server's usual 4xx with the field path, and change nothing. */
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { change } from "../../orchestrator/objects/change.ts";
import { resourceNamed } from "../../orchestrator/schema/resources.ts";
import { apiOfFile } from "./api-server.ts";
import { metadataRows, objectRows } from "./bad-objects.ts";
import { containerRows, podSpecRows, probeRows, volumeRows, type Row } from "./bad-pods.ts";
import { kinds, manifest, spoil } from "./manifests.ts";
import { collection, merge, printed, refusals } from "./refusal.ts";

const server = apiOfFile();
const refused = refusals(server);

async function refusedAsInvalid(kind: string, [, changes, says]: Row): Promise<void> {
  const object = spoil(manifest(kind, "bad"), changes);
  const { status, body } = await refused("POST", collection(kind), object);
  expect([status, body.reason, body.message]).toEqual([422, "Invalid", `${printed(kind)} "${object.metadata.name ?? ""}" is invalid: ${says}`]);
  const [cause] = body.details.causes;
  expect(says.replace(/^\[(?!\])/, "").startsWith(`${cause.field}: ${cause.message}`)).toBe(true);
}

describe("every manifest that is spoiled here is right without it", () => {
  test.each(kinds)("%s", async (kind) => {
    const { status, body } = await server.call("POST", `${collection(kind)}?dryRun=All&fieldValidation=Strict`, { body: manifest(kind, "good") });
    expect([status, body.message]).toEqual([201, kind === "Event" ? "m" : undefined]);
  });
});

describe.each([
  ["a Pod with", podSpecRows],
  ["a container with", containerRows],
  ["a probe or hook with", probeRows],
  ["a volume with", volumeRows],
])("%s", (_, rows) => {
  test.each(rows)("%s is refused", async (...row) => await refusedAsInvalid("Pod", row));
});

test("what is wrong in a pod is wrong in every template of pods, under its own path", async () => {
  const templates = {
    Deployment: "spec.template",
    ReplicaSet: "spec.template",
    StatefulSet: "spec.template",
    DaemonSet: "spec.template",
    Job: "spec.template",
    CronJob: "spec.jobTemplate.spec.template",
    ReplicationController: "spec.template",
    PodTemplate: "template",
  };
  for (const [kind, path] of Object.entries(templates)) {
    const at = `${path}.spec.containers[0].imagePullPolicy`;
    await refusedAsInvalid(kind, ["", { [at]: "Often" }, `${at}: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"`]);
  }
});

describe("metadata with", () => {
  test.each(metadataRows)("%s is refused", async (...row) => await refusedAsInvalid("ConfigMap", row));

  test("a label that is none is refused on every kind", async () => {
    for (const kind of kinds) {
      const { status, body } = await refused("POST", collection(kind), spoil(manifest(kind, "bad"), { "metadata.labels": { a: "b c" } }));
      expect([kind, status, body.details.causes[0].field]).toEqual([kind, 422, "metadata.labels"]);
    }
  });

  test("generateName is completed, and refused when it cannot be", async () => {
    const { body } = await server.call("POST", collection("ConfigMap"), { body: { metadata: { generateName: "made-" } } });
    expect(body.metadata.name).toMatch(/^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    const bad = await refused("POST", collection("ConfigMap"), { metadata: { generateName: "Bad_" } });
    expect(bad.body.details.causes.map(({ field }: any) => field)).toEqual(["metadata.generateName", "metadata.name"]);
  });
});

describe.each(Object.entries(objectRows))("a %s with", (kind, rows) => {
  test.each(rows)("%s is refused", async (...row) => await refusedAsInvalid(kind, row));
});

const podSays =
  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

const statefulSetSays =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const claimSays = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

describe("a change of", () => {
  const changes: readonly (readonly [
    name: string,
    kind: string,
    changes: Readonly<Record<string, unknown>>,
    says: string,
    made: Readonly<Record<string, unknown>>,
  ])[] = [
    [
      "a Deployment's selector",
      "Deployment",
      { "spec.selector.matchLabels": { app: "z" }, "spec.template.metadata.labels": { app: "z" } },
      'spec.selector: Invalid value: {"matchLabels":{"app":"z"}}: field is immutable',
      {},
    ],
    [
      "a ReplicaSet's selector",
      "ReplicaSet",
      { "spec.selector.matchLabels": { app: "z" }, "spec.template.metadata.labels": { app: "z" } },
      'spec.selector: Invalid value: {"matchLabels":{"app":"z"}}: field is immutable',
      {},
    ],
    ["a Pod's command", "Pod", { "spec.containers[0].command": ["other"] }, podSays, {}],
    ["a Secret's type", "Secret", { type: "example.com/other" }, 'type: Invalid value: "example.com/other": field is immutable', {}],
    ["a ConfigMap that is frozen", "ConfigMap", { "data.a": "c" }, "data: Forbidden: field is immutable when `immutable` is set", { immutable: true }],
    ["a frozen ConfigMap back", "ConfigMap", { immutable: false }, "immutable: Forbidden: field is immutable when `immutable` is set", { immutable: true }],
    [
      "a binding's role",
      "RoleBinding",
      { "roleRef.name": "other" },
      'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"other"}: cannot change roleRef',
      {},
    ],
    ["a StatefulSet's service", "StatefulSet", { "spec.serviceName": "other" }, `spec: Forbidden: ${statefulSetSays}`, {}],
    ["a claim's class", "PersistentVolumeClaim", { "spec.storageClassName": "other" }, `spec: Forbidden: ${claimSays}`, { "spec.storageClassName": "one" }],
    ["a Service's address", "Service", { "spec.clusterIP": "10.96.9.9" }, 'spec.clusterIPs[0]: Invalid value: ["10.96.9.9"]: may not change once set', {}],
    ["a slice's type", "EndpointSlice", { addressType: "FQDN" }, 'addressType: Invalid value: "FQDN": field is immutable', {}],
    ["a priority's value", "PriorityClass", { value: 11 }, "value: Forbidden: may not be changed in an update.", {}],
    ["a class's provisioner", "StorageClass", { provisioner: "other" }, "provisioner: Forbidden: updates to provisioner are forbidden.", {}],
  ];
  test.each(changes)("%s is refused", async (name, kind, change, says, made) => {
    const called = name.toLowerCase().replaceAll(/[^a-z]+/g, "-");
    const first = await server.call("POST", collection(kind), { body: spoil(manifest(kind, called), made) });
    const { status, body } = await refused("PUT", `${collection(kind)}/${called}`, spoil(first.body, change));
    expect([status, body.message]).toEqual([422, `${printed(kind)} "${called}" is invalid: ${says}`]);
    const { body: after } = await server.call("GET", `${collection(kind)}/${called}`);
    expect(after).toEqual(first.body);
  });

  test("a Job's template is refused, and told", async () => {
    const { body: made } = await server.call("POST", collection("Job"), { body: spoil(manifest("Job", "begun"), { "spec.suspend": false }) });
    const { status, body } = await refused("PUT", `${collection("Job")}/begun`, spoil(made, { "spec.template.spec.containers[0].image": "y" }));
    expect([status, body.details.causes.map(({ field }: any) => field)]).toEqual([422, ["spec.template"]]);
    expect(body.message).toMatch(/^Job\.batch "begun" is invalid: spec\.template: Invalid value: \{.*\}: field is immutable$/);
  });

  test("the number of replicas to less than none is refused by /scale too", async () => {
    await server.call("POST", collection("Deployment"), { body: manifest("Deployment", "scaled") });
    const { status, body } = await refused("PATCH", `${collection("Deployment")}/scaled/scale`, { spec: { replicas: -1 } }, merge);
    expect([status, body.message]).toEqual([
      422,
      'Scale.autoscaling "scaled" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    ]);
  });

  test("a patch that leaves a bad object is refused like one that came whole", async () => {
    await server.call("POST", collection("Deployment"), { body: manifest("Deployment", "patched") });
    const path = `${collection("Deployment")}/patched`;
    const says = 'Deployment.apps "patched" is invalid: spec.template.spec.containers[0].image: Required value';
    const strategic = { spec: { template: { spec: { containers: [{ name: "c", image: "" }] } } } };
    expect((await refused("PATCH", path, strategic, { "content-type": "application/strategic-merge-patch+json" })).body.message).toBe(says);
    const json = [{ op: "remove", path: "/spec/template/spec/containers/0/image" }];
    expect((await refused("PATCH", path, json, { "content-type": "application/json-patch+json" })).body.message).toBe(says);
  });
});

test("who reports the status of an object is not refused for what was wrong in it before; who writes it is", () => {
  const metadata = { name: "old", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "2030-01-01T00:00:00Z" };
  const stored = { ...spoil(manifest("Deployment", "old"), { "spec.replicas": -1 }), metadata } as unknown as KubeObject;
  const request = {
    transaction: { get: () => stored, list: () => [], put: (_: unknown, object: KubeObject) => object, remove: () => {} },
    resource: resourceNamed("deployments.apps"),
    namespace: "default",
    name: "old",
    writer: { manager: "test", dryRun: false, internal: false },
    settings: { serviceCidr: "10.96.0.0/16", nodePorts: [30_000, 32_767], authority: "" },
    now: "2030-01-01T00:00:01Z",
  } as const;
  const told = change(request, (current) => ({ ...current, status: { replicas: 2 } }), { subresource: "status" });
  expect(told.status).toEqual({ replicas: 2 });
  expect(() => change(request, (current) => ({ ...current, metadata: { ...current.metadata, labels: { a: "b" } } }))).toThrow(
    "spec.replicas: Invalid value: -1",
  );
});
