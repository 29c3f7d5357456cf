/** Requests that are wrong before their object is looked at: bodies, addresses, options; and kubectl's words for all of it. */
import { describe, expect, test } from "vitest";
import { apiOfFile } from "./api-server.ts";
import { manifest, spoil } from "./manifests.ts";
import { collection, merge, printed, refusals } from "./refusal.ts";

const server = apiOfFile();
const refused = refusals(server);

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

  test("one that nests as deep as no stack goes, in every form", async () => {
    const deep = (levels: number): string =>
      `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"x":${'{"a":'.repeat(levels)}1${"}".repeat(levels)}}`;
    const map = `${collection("ConfigMap")}/kube-root-ca.crt`;
    const type = (name: string): Record<string, string> => ({ "content-type": name });
    const aliases = Array.from({ length: 3000 }, (_, level) => `a${level + 1}: &a${level + 1} { x: *a${level} }`);
    const refusing = [
      await refused("POST", collection("ConfigMap"), deep(200_000)),
      await refused("POST", collection("ConfigMap"), deep(300), yaml),
      await refused("POST", collection("ConfigMap"), "[ ".repeat(200_000), yaml),
      await refused("POST", collection("ConfigMap"), "- ".repeat(200_000), yaml),
      await refused("POST", collection("ConfigMap"), ["a0: &a0 {}", ...aliases].join("\n"), yaml),
      await refused("PATCH", `${map}?fieldManager=deep`, deep(200_000), type("application/apply-patch+yaml")),
      await refused("PATCH", map, deep(200_000), type("application/merge-patch+json")),
      await refused("PATCH", map, deep(200_000), type("application/strategic-merge-patch+json")),
      await refused("PATCH", map, `[{"op":"test","path":"/data","value":${deep(200_000)}}]`, type("application/json-patch+json")),
    ];
    expect(refusing.map(({ status, body }) => [status, /exceeded max depth|Excessive alias/.test(body.message)])).toEqual(refusing.map(() => [400, true]));
    const dry = async (headers: Record<string, string>): Promise<number> =>
      (await server.call("POST", `${collection("ConfigMap")}?dryRun=All`, { body: deep(200), headers })).status;
    expect([await dry({}), await dry(yaml)]).toEqual([201, 201]);
  });

  test("a patch that goes deeper and deeper, each step from where the last one ended", async () => {
    const value = JSON.parse(`${'{"a":'.repeat(200)}{}${"}".repeat(200)}`) as unknown;
    const steps = Array.from({ length: 50 }, (_, step) => ({ op: "add", path: `/metadata/annotations/x${"/a".repeat(200 * step)}`, value }));
    const patch = [{ op: "add", path: "/metadata/annotations", value: {} }, ...steps];
    const answer = await refused("PATCH", `${collection("ConfigMap")}/kube-root-ca.crt`, patch, { "content-type": "application/json-patch+json" });
    expect([answer.status, answer.body.message]).toEqual([400, "the object nests deeper than 256 levels: exceeded max depth"]);
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

test("kubectl tells each in its own words, ends with 1, and applies what is right beside them", { timeout: 300_000 }, async () => {
  const pod = (name: string, changes: Readonly<Record<string, unknown>>): object => spoil(manifest("Pod", name), changes);
  const web = (name: string, changes: Readonly<Record<string, unknown>>): object => spoil(manifest("Deployment", name), changes);
  const invalid = (kind: string, name: string, says: string): string =>
    `Error from server (Invalid): error when creating "STDIN": ${printed(kind)} "${name}" is invalid: ${says}`;
  const unread = (says: string): string => `Error from server (BadRequest): error when creating "STDIN": ${says}`;
  const rows: readonly (readonly [object, string])[] = [
    [web("image", { "spec.template.spec.containers[0].image": "" }), invalid("Deployment", "image", "spec.template.spec.containers[0].image: Required value")],
    [web("count", { "spec.replicas": -1 }), invalid("Deployment", "count", "spec.replicas: Invalid value: -1: must be greater than or equal to 0")],
    [
      web("labels", { "spec.template.metadata.labels": { app: "b" } }),
      invalid("Deployment", "labels", 'spec.template.metadata.labels: Invalid value: {"app":"b"}: `selector` does not match template `labels`'),
    ],
    [
      web("unknown", { "spec.replicaz": 3 }),
      unread('Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.replicaz"'),
    ],
    [
      web("typed", { "spec.replicas": "three" }),
      unread(
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
      ),
    ],
    [
      pod("number", { "spec.containers[0].env": [{ name: "PORT", value: 80 }] }),
      unread(
        'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string',
      ),
    ],
    [
      pod("probe", { "spec.containers[0].readinessProbe": { periodSeconds: 1 } }),
      invalid("Pod", "probe", "spec.containers[0].readinessProbe: Required value: must specify a handler type"),
    ],
    [
      pod("mount", { "spec.containers[0].volumeMounts": [{ name: "v", mountPath: "/v" }] }),
      invalid("Pod", "mount", 'spec.containers[0].volumeMounts[0].name: Not found: "v"'),
    ],
    [
      pod("account", { "spec.serviceAccountName": "ghost" }),
      'Error from server (Forbidden): error when creating "STDIN": pods "account" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
    ],
    [
      spoil(manifest("Service", "port"), { "spec.ports[0]": { port: 70_000, targetPort: 80 } }),
      invalid("Service", "port", "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"),
    ],
    [
      spoil(manifest("ConfigMap", "space"), { "metadata.namespace": "nowhere" }),
      'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found',
    ],
    [
      spoil(manifest("Role", "verbs"), { "rules[0].verbs": [] }),
      invalid("Role", "verbs", "rules[0].verbs: Required value: verbs must contain at least one value"),
    ],
  ];
  const input = [...rows.map(([object]) => object), manifest("ConfigMap", "right")].map((object) => JSON.stringify(object)).join("\n---\n");
  const { code, stdout, stderr } = await server.kubectl(undefined, ["apply", "-f", "-"], input);
  expect(stderr.trim().split("\n")).toEqual(rows.map(([, says]) => says));
  expect([code, stdout.trim()]).toEqual([1, "configmap/right created"]);
  const alone = await server.kubectl(undefined, ["apply", "-f", "-"], JSON.stringify(rows[0]![0]));
  expect([alone.code, alone.stderr.trim()]).toEqual([1, 'The Deployment "image" is invalid: spec.template.spec.containers[0].image: Required value']);
});
