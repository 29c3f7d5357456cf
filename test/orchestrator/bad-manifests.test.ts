/** Bad manifests get the API server's usual 4xx with the field path, and change nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { resources } from "../../orchestrator/schema/resources.ts";
import { testApi, type TestApi } from "./api-server.ts";
import { metadataRows, objectRows } from "./bad-objects.ts";
import { containerRows, podSpecRows, probeRows, volumeRows, type Row } from "./bad-pods.ts";
import { kinds, manifest, spoil } from "./manifests.ts";

let server: TestApi;

beforeAll(async () => {
  server = await testApi();
});

afterAll(async () => {
  expect(server.bugs).toEqual([]);
  await server[Symbol.asyncDispose]();
});

/** Where objects of a kind are, in the namespace `default` when they have one. */
function collection(kind: string, namespace = "default"): string {
  const { group, version, namespaced, resource } = resources.find((one) => one.kind === kind)!;
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? `/namespaces/${namespace}` : ""}/${resource}`;
}

/** Of the newest change that anyone made. */
async function revision(): Promise<string> {
  return (await server.call("GET", "/api/v1/namespaces?limit=1")).body.metadata.resourceVersion;
}

async function refused(method: string, path: string, body: unknown, headers?: Record<string, string>): Promise<{ status: number; body: any }> {
  const before = await revision();
  const answer = await server.call(method, path, { body, ...(headers && { headers }) });
  expect(await revision(), "nothing changed").toBe(before);
  expect([answer.body.kind, answer.body.status, answer.body.code]).toEqual(["Status", "Failure", answer.status]);
  return answer;
}

function printed(kind: string): string {
  const { group } = resources.find((one) => one.kind === kind)!;
  return group === "" ? kind : `${kind}.${group}`;
}

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

const merge = { "content-type": "application/merge-patch+json" };
const yaml = { "content-type": "application/yaml" };

describe("a body that cannot be read:", () => {
  const deployment = (more: object): string => JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "bad" }, ...more });
  const asDeployment = 'Deployment in version "v1" cannot be handled as a Deployment: ';
  const withContainer = (more: object): string => deployment({ spec: { template: { spec: { containers: [{ name: "c", ...more }] } } } });
  const rows = [
    [
      "text for a number",
      deployment({ spec: { replicas: "three" } }),
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      "a fraction for a whole number",
      deployment({ spec: { replicas: 1.5 } }),
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      "a number for text, deep inside",
      withContainer({ env: [{ name: "PORT", value: 80 }] }),
      "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
    ],
    [
      "a number for a label",
      deployment({ metadata: { name: "bad", labels: { a: 1 } } }),
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    [
      "an object for a list",
      deployment({ spec: { template: { spec: { containers: {} } } } }),
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    ["text for a truth", deployment({ spec: { paused: "yes" } }), "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool"],
    ["a list for an object", deployment({ spec: [] }), "json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec"],
    [
      "an amount that is none",
      withContainer({ resources: { limits: { memory: "lots" } } }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  ] as const;
  test.each(rows)("%s", async (_, body, says) => {
    const answer = await refused("POST", collection("Deployment"), body);
    expect([answer.status, answer.body.reason, answer.body.message]).toEqual([400, "BadRequest", `${asDeployment}${says}`]);
  });

  test("data that is no base64", async () => {
    const { status, body } = await refused("POST", collection("Secret"), { metadata: { name: "bad" }, data: { a: "%%" } });
    expect([status, body.message]).toEqual([400, 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0']);
  });

  test("fields that nobody knows and fields given twice, when asked to be strict", async () => {
    const body = '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"bad"},"spec":{"replicaz":3,"replicas":1,"replicas":2}}';
    const { status, body: said } = await refused("POST", `${collection("Deployment")}?fieldValidation=Strict`, body);
    expect([status, said.message]).toEqual([400, `${asDeployment}strict decoding error: unknown field "spec.replicaz", duplicate field "spec.replicas"`]);
  });

  test("broken JSON and broken YAML", async () => {
    expect((await refused("POST", collection("ConfigMap"), '{"metadata":')).body.message).toMatch(/^couldn't get version\/kind; json parse error: /);
    expect((await refused("POST", collection("ConfigMap"), "a: [", yaml)).body.message).toMatch(/^error converting YAML to JSON: /);
    expect((await refused("POST", collection("ConfigMap"), "")).body.message).toBe("no object was sent in the body of the request");
    expect((await refused("POST", collection("ConfigMap"), "[]")).status).toBe(400);
  });

  test("more than 3 MiB of it", async () => {
    const { status, body } = await refused("POST", collection("ConfigMap"), { metadata: { name: "bad" }, data: { a: "x".repeat(3 * 2 ** 20) } });
    expect([status, body.reason, body.message]).toEqual([413, "RequestEntityTooLarge", "Request entity too large: limit is 3145728"]);
  });

  test("a form that nobody speaks", async () => {
    const { status, body } = await refused("POST", collection("ConfigMap"), "x", { "content-type": "text/plain" });
    expect([status, body.reason]).toEqual([415, "UnsupportedMediaType"]);
    expect((await refused("PATCH", `${collection("ConfigMap")}/kube-root-ca.crt`, {}, { "content-type": "application/json" })).status).toBe(415);
  });
});

describe("a request that does not fit its address:", () => {
  const map = (metadata: object): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata });
  const rows = [
    ["another kind", "POST", collection("ConfigMap"), manifest("Pod", "p"), 400, 'Pod in version "v1" cannot be handled as a ConfigMap'],
    [
      "another version",
      "POST",
      collection("Deployment"),
      { ...manifest("Deployment", "d"), apiVersion: "apps/v1beta1" },
      400,
      "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)",
    ],
    ["a version that is not served", "POST", "/apis/apps/v1beta1/namespaces/default/deployments", {}, 404, "the server could not find the requested resource"],
    [
      "another name",
      "PUT",
      `${collection("ConfigMap")}/kube-root-ca.crt`,
      map({ name: "other" }),
      400,
      "the name of the object (other) does not match the name on the URL (kube-root-ca.crt)",
    ],
    [
      "another namespace",
      "POST",
      collection("ConfigMap"),
      map({ name: "a", namespace: "kube-system" }),
      400,
      "the namespace of the provided object does not match the namespace sent on the request",
    ],
    ["a namespace that is not there", "POST", collection("ConfigMap", "nowhere"), map({ name: "a" }), 404, 'namespaces "nowhere" not found'],
    ["no namespace", "POST", "/api/v1/configmaps", map({ name: "a" }), 400, "an empty namespace may not be set during creation"],
    ["a name that is taken", "POST", collection("ConfigMap"), map({ name: "kube-root-ca.crt" }), 409, 'configmaps "kube-root-ca.crt" already exists'],
    ["an object that is not there", "PUT", `${collection("ConfigMap")}/none`, map({ name: "none" }), 404, 'configmaps "none" not found'],
    [
      "a pod of an account that is not there",
      "POST",
      collection("Pod"),
      spoil(manifest("Pod", "p"), { "spec.serviceAccountName": "ghost" }),
      403,
      'pods "p" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
    ],
    [
      "a pod of a priority that is not there",
      "POST",
      collection("Pod"),
      spoil(manifest("Pod", "p"), { "spec.priorityClassName": "ghost" }),
      403,
      'pods "p" is forbidden: no PriorityClass with name ghost was found',
    ],
  ] as const;
  test.each(rows)("%s", async (_, method, path, body, status, message) => {
    const answer = await refused(method, path, body);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });
});

describe("options that nobody knows:", () => {
  const maps = collection("ConfigMap");
  const one = `${maps}/kube-root-ca.crt`;
  const body = { metadata: { name: "bad" } };
  const rows = [
    ["dryRun", "POST", `${maps}?dryRun=Some`, body, 'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"'],
    [
      "fieldValidation",
      "POST",
      `${maps}?fieldValidation=Loose`,
      body,
      'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Loose": supported values: "", "Ignore", "Strict", "Warn"',
    ],
    [
      "fieldManager",
      "POST",
      `${maps}?fieldManager=${"m".repeat(129)}`,
      body,
      'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      "force without applying",
      "PATCH",
      `${one}?force=true`,
      {},
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
    ],
    [
      "propagationPolicy",
      "DELETE",
      one,
      { propagationPolicy: "Sideways" },
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
    ],
    [
      "two propagation policies",
      "DELETE",
      one,
      { propagationPolicy: "Orphan", orphanDependents: true },
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ],
  ] as const;
  test.each(rows)("%s", async (_, method, path, given, message) => {
    const answer = await refused(method, path, given, method === "PATCH" ? merge : undefined);
    expect([answer.status, answer.body.message]).toEqual([422, message]);
  });

  test("an apply without a manager", async () => {
    const answer = await refused("PATCH", one, "{}", { "content-type": "application/apply-patch+yaml" });
    expect([answer.status, answer.body.message]).toEqual([
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ]);
  });
});
