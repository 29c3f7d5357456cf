import { stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openApi } from "../../orchestrator/open-api.ts";
import { temporaryRoot } from "../support/root.ts";
import { testApi, type TestApi } from "./api-server.ts";

let server: TestApi;

beforeAll(async () => {
  server = await testApi();
});

afterAll(async () => {
  expect(server.bugs).toEqual([]);
  await server[Symbol.asyncDispose]();
});

const configMaps = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string, more: object = {}): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...more } });
const pods = "/api/v1/namespaces/default/pods";
const pod = (name: string, spec: object = {}, labels: object = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [{ name: "c", image: "x" }], ...spec },
});

async function take(events: AsyncGenerator<any>, count: number): Promise<any[]> {
  const taken: any[] = [];
  for await (const event of events) if (taken.push(event) === count) break;
  return taken;
}

describe("who may come in", () => {
  test("nobody without a certificate or a token", async () => {
    const { status, body } = await server.call("GET", "/api", { credentials: false });
    expect([status, body]).toEqual([
      401,
      { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: "Unauthorized", reason: "Unauthorized", code: 401 },
    ]);
  });

  test("anyone may ask for health", async () => expect((await server.call("GET", "/readyz", { credentials: false })).body).toBe("ok"));

  test("keys and the database are for their owner only", async () => {
    for (const path of ["pki/ca.key", "pki/admin.key", "pki/tokens.key"]) expect((await stat(`${server.root}/cluster/${path}`)).mode & 0o077, path).toBe(0);
    expect((await stat(`${server.root}/cluster/log`)).mode & 0o077).toBe(0);
  });

  test("a service account may do what roles say, as long as it lives", async () => {
    await server.call("POST", "/api/v1/namespaces/default/serviceaccounts", { body: { metadata: { name: "robot" } } });
    const { body } = await server.call("POST", "/api/v1/namespaces/default/serviceaccounts/robot/token", { body: { spec: { expirationSeconds: 600 } } });
    const ask = async (): Promise<number> =>
      (await server.call("GET", pods, { credentials: false, headers: { authorization: `Bearer ${body.status.token}` } })).status;
    expect(await ask()).toBe(403);
    await server.call("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", {
      body: { metadata: { name: "reader" }, rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list"] }] },
    });
    await server.call("POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", {
      body: {
        metadata: { name: "reads" },
        roleRef: { kind: "Role", name: "reader" },
        subjects: [{ kind: "ServiceAccount", name: "robot", namespace: "default" }],
      },
    });
    expect(await ask()).toBe(200);
    await server.call("DELETE", "/api/v1/namespaces/default/serviceaccounts/robot");
    expect(await ask()).toBe(401);
  });

  describe("one who may write roles and bindings", () => {
    const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    const rule = (resources: readonly string[], verbs: readonly string[], more: object = {}): object => ({ apiGroups: [""], resources, verbs, ...more });
    const subjects = [{ kind: "User", name: "clerk" }];
    const as = (name: string): Record<string, string> => ({ "impersonate-user": name });
    const write = async (resource: string, body: object): Promise<string> => {
      const answer = await server.call("POST", `${rbac}/${resource}`, { body, headers: as("clerk") });
      return answer.status === 201 ? "made" : `${answer.status} ${answer.body.message}`;
    };
    const role = async (name: string, ...rules: readonly object[]): Promise<string> => await write("roles", { metadata: { name }, rules });
    const binding = async (name: string, kind: string, target: string): Promise<string> =>
      await write("rolebindings", { metadata: { name }, roleRef: { apiGroup: "rbac.authorization.k8s.io", kind, name: target }, subjects });

    beforeAll(async () => {
      const rules = [
        { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"], verbs: ["create", "patch", "update"] },
        { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles"], verbs: ["bind"], resourceNames: ["mighty"] },
        rule(["pods", "pods/log"], ["get", "list"]),
        rule(["secrets"], ["get"], { resourceNames: ["mine"] }),
      ];
      await server.call("POST", `${rbac}/roles`, { body: { metadata: { name: "clerk" }, rules } });
      await server.call("POST", `${rbac}/roles`, { body: { metadata: { name: "mighty" }, rules: [rule(["*"], ["*"])] } });
      await server.call("POST", `${rbac}/roles`, { body: { metadata: { name: "mightier" }, rules: [rule(["*"], ["*"])] } });
      await server.call("POST", `${rbac}/rolebindings`, { body: { metadata: { name: "clerk" }, roleRef: { kind: "Role", name: "clerk" }, subjects } });
    });

    const attempting = 'user "clerk" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:';
    const refusing = (kind: string, name: string, held: string): string =>
      `403 ${kind}.rbac.authorization.k8s.io "${name}" is forbidden: ${attempting}\n${held}`;

    test("gives what they have", async () => {
      expect(await role("less", rule(["pods"], ["get"]), rule(["secrets"], ["get"], { resourceNames: ["mine"] }))).toBe("made");
      expect(await binding("less", "Role", "less")).toBe("made");
    });

    const rows = [
      ["all", rule(["*"], ["*"]), '{APIGroups:[""], Resources:["*"], Verbs:["*"]}'],
      ["another verb", rule(["pods"], ["get", "delete"]), '{APIGroups:[""], Resources:["pods"], Verbs:["get","delete"]}'],
      ["another part", rule(["pods/exec"], ["get"]), '{APIGroups:[""], Resources:["pods/exec"], Verbs:["get"]}'],
      ["all names", rule(["secrets"], ["get"]), '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'],
      [
        "another name",
        rule(["secrets"], ["get"], { resourceNames: ["theirs"] }),
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["theirs"], Verbs:["get"]}',
      ],
    ] as const;
    test.each(rows)("does not give %s", async (_, given, held) => {
      expect(await role("more", rule(["pods"], ["get"]), given)).toBe(refusing("roles", "more", held));
    });

    test("does not widen the role they have", async () => {
      const headers = { ...as("clerk"), "content-type": "application/merge-patch+json" };
      const { status, body } = await server.call("PATCH", `${rbac}/roles/clerk`, { body: { rules: [rule(["*"], ["*"])] }, headers });
      expect([status, body.message]).toEqual([403, refusing("roles", "clerk", '{APIGroups:[""], Resources:["*"], Verbs:["*"]}').slice(4)]);
    });

    test("binds to what they have, to what they may bind to, and to nothing that is not there yet", async () => {
      expect(await binding("b1", "Role", "mightier")).toBe(refusing("rolebindings", "b1", '{APIGroups:[""], Resources:["*"], Verbs:["*"]}'));
      expect(await binding("b2", "Role", "mighty")).toBe("made");
      expect(await binding("b3", "ClusterRole", "later")).toBe('404 clusterroles.rbac.authorization.k8s.io "later" not found');
    });
  });

  test("asks only about oneself what one may do", async () => {
    const ask = async (group: string, kind: string, spec: object): Promise<number> => {
      const path = `/apis/${group}/v1/${kind.toLowerCase()}s`;
      return (await server.call("POST", path, { body: { apiVersion: `${group}/v1`, kind, spec }, headers: { "impersonate-user": "nobody" } })).status;
    };
    const resourceAttributes = { verb: "get", resource: "pods" };
    expect([
      await ask("authorization.k8s.io", "SelfSubjectAccessReview", { resourceAttributes }),
      await ask("authentication.k8s.io", "SelfSubjectReview", {}),
      await ask("authorization.k8s.io", "SubjectAccessReview", { resourceAttributes, user: "kubernetes-admin" }),
      await ask("authentication.k8s.io", "TokenReview", { token: "x" }),
    ]).toEqual([201, 201, 403, 403]);
  });

  test.each(["", "x.y.z", "a.b", "eyJhbGciOiJub25lIn0.e30."])("the token %j is nobody's", async (token) => {
    expect((await server.call("GET", "/api", { credentials: false, headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  });
});

describe("errors", () => {
  const cases = [
    { name: "an object that is not there", call: ["GET", `${pods}/none`], status: 404, message: 'pods "none" not found' },
    {
      name: "an object of a group that is not there",
      call: ["GET", "/apis/apps/v1/namespaces/default/deployments/none"],
      status: 404,
      message: 'deployments.apps "none" not found',
    },
    {
      name: "a resource that is not there",
      call: ["GET", "/api/v1/namespaces/default/things"],
      status: 404,
      message: "the server could not find the requested resource",
    },
    {
      name: "a namespace that is not there",
      call: ["POST", "/api/v1/namespaces/none/configmaps", configMap("a")],
      status: 404,
      message: 'namespaces "none" not found',
    },
    { name: "another kind", call: ["POST", configMaps, pod("a")], status: 400, message: 'Pod in version "v1" cannot be handled as a ConfigMap' },
    {
      name: "another version",
      call: ["POST", configMaps, { apiVersion: "v2", kind: "ConfigMap", metadata: { name: "a" } }],
      status: 400,
      message: "the API version in the data (v2) does not match the expected API version (v1)",
    },
    {
      name: "another namespace",
      call: ["POST", configMaps, configMap("a", { namespace: "x" })],
      status: 400,
      message: "the namespace of the provided object does not match the namespace sent on the request",
    },
    {
      name: "a resource version on a new object",
      call: ["POST", configMaps, configMap("a", { resourceVersion: "1" })],
      status: 400,
      message: "resourceVersion should not be set on objects to be created",
    },
    {
      name: "a field label that is not known",
      call: ["GET", `${pods}?fieldSelector=spec.nope%3Dx`],
      status: 400,
      message: 'Unable to find "v1, Resource=pods" that match label selector "", field selector "spec.nope=x": field label not supported: spec.nope',
    },
    { name: "a label selector that is none", call: ["GET", `${pods}?labelSelector=a%3D%3D%3Db`], status: 400, message: "unable to parse requirement: a===b" },
    { name: "a verb that is not offered", call: ["PUT", pods], status: 405, message: "the server does not allow this method on the requested resource" },
    { name: "no JSON", call: ["POST", configMaps, "{"], status: 400 },
    { name: "a broken continue token", call: ["GET", `${pods}?limit=1&continue=x`], status: 400, message: "continue key is not valid" },
    {
      name: "the namespaces that the cluster needs",
      call: ["DELETE", "/api/v1/namespaces/kube-system"],
      status: 403,
      message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    },
  ];
  test.each(cases)("of $name", async ({ call: [method, path, body], status, message }) => {
    const answer = await server.call(method as string, path as string, { body });
    expect([answer.status, answer.body.code, answer.body.kind]).toEqual([status, status, "Status"]);
    if (message !== undefined) expect(answer.body.message).toBe(message);
  });

  test("of a body in a form that nobody speaks", async () => {
    expect((await server.call("POST", configMaps, { body: "x", headers: { "content-type": "text/plain" } })).status).toBe(415);
    expect((await server.call("PATCH", `${configMaps}/kube-root-ca.crt`, { body: "{}" })).status).toBe(415);
  });

  test("of a body that is too large", async () =>
    expect((await server.call("POST", configMaps, { body: `{"x":"${"y".repeat(4 * 2 ** 20)}"}` })).status).toBe(413));
});

describe("writes", () => {
  test("strict validation refuses unknown and repeated fields, warn tells, ignore does neither", async () => {
    const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strict"},"dat":{},"data":{"a":"1","a":"2"}}';
    const ask = async (mode: string): Promise<[number, string | undefined, string | undefined]> => {
      const { status, headers, body: said } = await server.call("POST", `${configMaps}?dryRun=All&fieldValidation=${mode}`, { body });
      return [status, headers["warning"], said.message];
    };
    expect(await ask("Strict")).toEqual([
      400,
      undefined,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dat", duplicate field "data.a"',
    ]);
    expect((await ask("Warn")).slice(0, 2)).toEqual([201, '299 - "unknown field \\"dat\\"", 299 - "duplicate field \\"data.a\\""']);
    expect((await ask("Ignore")).slice(0, 2)).toEqual([201, undefined]);
  });

  test("a dry run changes nothing", async () => {
    expect((await server.call("POST", `${configMaps}?dryRun=All`, { body: configMap("dry") })).status).toBe(201);
    expect((await server.call("GET", `${configMaps}/dry`)).status).toBe(404);
  });

  test("a stale write is a conflict, one without a version is not, one that changes nothing keeps the version", async () => {
    const { body: first } = await server.call("POST", configMaps, { body: configMap("stale") });
    const { body: second } = await server.call("PUT", `${configMaps}/stale`, { body: { ...first, data: { a: "1" } } });
    const conflict = await server.call("PUT", `${configMaps}/stale`, { body: { ...first, data: { a: "2" } } });
    expect([conflict.status, conflict.body.message]).toEqual([
      409,
      'Operation cannot be fulfilled on configmaps "stale": the object has been modified; please apply your changes to the latest version and try again',
    ]);
    const { body: same } = await server.call("PUT", `${configMaps}/stale`, { body: second });
    expect(same.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
    expect((await server.call("PUT", `${configMaps}/stale`, { body: configMap("stale") })).status).toBe(200);
  });

  test("status and spec are written apart, and only spec counts as a generation", async () => {
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } };
    const { body: made } = await server.call("POST", path, {
      body: { metadata: { name: "parts" }, spec: { selector: { matchLabels: { a: "b" } }, template }, status: { replicas: 9 } },
    });
    expect([made.status, made.metadata.generation]).toEqual([undefined, 1]);
    const { body: told } = await server.call("PUT", `${path}/parts/status`, {
      body: { ...made, spec: { ...made.spec, replicas: 7 }, status: { replicas: 2 } },
    });
    expect([told.spec.replicas, told.status.replicas, told.metadata.generation]).toEqual([1, 2, 1]);
    const { body: scaled } = await server.call("PATCH", `${path}/parts/scale`, {
      body: { spec: { replicas: 3 } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    expect([scaled.kind, scaled.spec.replicas, scaled.status]).toEqual(["Scale", 3, { replicas: 2, selector: "a=b" }]);
    const { body: after } = await server.call("GET", `${path}/parts`);
    expect([after.metadata.generation, after.status.replicas]).toEqual([2, 2]);
    const immutable = await server.call("PATCH", `${path}/parts`, {
      body: { spec: { selector: { matchLabels: { c: "d" } }, template: { metadata: { labels: { c: "d" } } } } },
      headers: { "content-type": "application/merge-patch+json" },
    });
    expect([immutable.status, immutable.body.message]).toEqual([
      422,
      'Deployment.apps "parts" is invalid: spec.selector: Invalid value: {"matchLabels":{"a":"b","c":"d"}}: field is immutable',
    ]);
  });

  test("many at once on one object are all done", async () => {
    await server.call("POST", configMaps, { body: configMap("busy") });
    const answers = await Promise.all(
      Array.from(
        { length: 30 },
        async (_, index) =>
          await server.call("PATCH", `${configMaps}/busy`, {
            body: { data: { [`k${index}`]: "" } },
            headers: { "content-type": "application/merge-patch+json" },
          }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(Object.keys((await server.call("GET", `${configMaps}/busy`)).body.data)).toHaveLength(30);
  });

  test("a generated name is new each time", async () => {
    const made = await Promise.all([1, 2].map(async () => await server.call("POST", configMaps, { body: { metadata: { generateName: "made-" } } })));
    const names = made.map(({ body }) => body.metadata.name as string);
    expect(names.every((name) => /^made-[b-df-hj-np-tv-xz2-9]{5}$/.test(name)) && names[0] !== names[1]).toBe(true);
  });

  test("a subresource reaches no further than its part", async () => {
    await server.call("POST", pods, { body: pod("debugged") });
    const spec = { hostname: "h", ephemeralContainers: [{ name: "d", image: "x" }] };
    const { body } = await server.call("PATCH", `${pods}/debugged/ephemeralcontainers`, {
      body: { spec },
      headers: { "content-type": "application/strategic-merge-patch+json" },
    });
    expect([body.spec.hostname, body.spec.ephemeralContainers[0].name]).toEqual([undefined, "d"]);
  });

  test("a pod can change its image and nothing else of its spec", async () => {
    await server.call("POST", pods, { body: pod("fixed") });
    const patch = async (spec: object): Promise<number> =>
      (await server.call("PATCH", `${pods}/fixed`, { body: { spec }, headers: { "content-type": "application/strategic-merge-patch+json" } })).status;
    expect([await patch({ containers: [{ name: "c", image: "y" }] }), await patch({ hostname: "h" }), await patch({ nodeName: "n" })]).toEqual([200, 422, 422]);
  });
});

describe("deletion", () => {
  test("of a pod that has no node is at once; of one that has, waits for its node", async () => {
    await server.call("POST", pods, { body: pod("free") });
    expect((await server.call("DELETE", `${pods}/free`)).body).toMatchObject({ kind: "Status", status: "Success", details: { name: "free", kind: "pods" } });
    await server.call("POST", pods, { body: pod("bound", { nodeName: "n", terminationGracePeriodSeconds: 20 }) });
    const marked = (await server.call("DELETE", `${pods}/bound`)).body;
    expect([marked.kind, marked.metadata.deletionGracePeriodSeconds]).toEqual(["Pod", 20]);
    expect(Date.parse(marked.metadata.deletionTimestamp) - Date.now()).toBeGreaterThan(15_000);
    const again = (await server.call("DELETE", `${pods}/bound`, { body: { gracePeriodSeconds: 60 } })).body;
    expect(again.metadata.resourceVersion).toBe(marked.metadata.resourceVersion);
    expect((await server.call("DELETE", `${pods}/bound`, { body: { gracePeriodSeconds: 5 } })).body.metadata.deletionGracePeriodSeconds).toBe(5);
    await server.call("DELETE", `${pods}/bound`, { body: { gracePeriodSeconds: 0 } });
    expect((await server.call("GET", `${pods}/bound`)).status).toBe(404);
  });

  test("waits for finalizers, and takes no new ones", async () => {
    await server.call("POST", configMaps, { body: configMap("held", { finalizers: ["a.b/c"] }) });
    await server.call("DELETE", `${configMaps}/held`);
    const patch = async (finalizers: readonly string[]): Promise<number> =>
      (await server.call("PATCH", `${configMaps}/held`, { body: { metadata: { finalizers } }, headers: { "content-type": "application/merge-patch+json" } }))
        .status;
    expect([await patch(["a.b/c", "d.e/f"]), (await server.call("GET", `${configMaps}/held`)).status]).toEqual([422, 200]);
    expect([await patch([]), (await server.call("GET", `${configMaps}/held`)).status]).toEqual([200, 404]);
  });

  test("in the foreground or with orphans leaves the object to the collector", async () => {
    await server.call("POST", configMaps, { body: configMap("owner") });
    const foreground = await server.call("DELETE", `${configMaps}/owner`, { body: { propagationPolicy: "Foreground" } });
    expect(foreground.body.metadata.finalizers).toEqual(["foregroundDeletion"]);
  });

  test("can be bound to a uid", async () => {
    await server.call("POST", configMaps, { body: configMap("exact") });
    expect((await server.call("DELETE", `${configMaps}/exact`, { body: { preconditions: { uid: "other" } } })).status).toBe(409);
  });

  test("of a selection leaves the others", async () => {
    for (const name of ["x1", "x2", "y1"]) await server.call("POST", configMaps, { body: configMap(name, { labels: { group: name[0] } }) });
    await server.call("DELETE", `${configMaps}?labelSelector=group%3Dx`);
    const left = (await server.call("GET", `${configMaps}?labelSelector=group`)).body.items.map(({ metadata }: any) => metadata.name);
    expect(left).toEqual(["y1"]);
  });

  test("of a namespace stops all creation in it, until its content is gone", async () => {
    await server.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "going" } } });
    const furnished = (await server.call("GET", "/api/v1/namespaces/going/configmaps/kube-root-ca.crt")).body.data["ca.crt"];
    expect(furnished).toContain("BEGIN CERTIFICATE");
    expect((await server.call("GET", "/api/v1/namespaces/going/serviceaccounts/default")).status).toBe(200);
    expect((await server.call("DELETE", "/api/v1/namespaces/going")).body.status.phase).toBe("Terminating");
    const refused = await server.call("POST", "/api/v1/namespaces/going/configmaps", { body: configMap("late") });
    expect([refused.status, refused.body.details.causes[0].reason]).toEqual([403, "NamespaceTerminating"]);
    await server.call("PUT", "/api/v1/namespaces/going/finalize", { body: { kind: "Namespace", apiVersion: "v1", metadata: { name: "going" }, spec: {} } });
    expect((await server.call("GET", "/api/v1/namespaces/going")).status).toBe(404);
  });

  test("by eviction respects budgets", async () => {
    await server.call("POST", "/apis/policy/v1/namespaces/default/poddisruptionbudgets", {
      body: { metadata: { name: "few" }, spec: { minAvailable: 1, selector: { matchLabels: { app: "few" } } } },
    });
    await server.call("POST", pods, { body: pod("few", { nodeName: "n" }, { app: "few" }) });
    await server.call("PATCH", `${pods}/few/status`, { body: { status: { phase: "Running" } }, headers: { "content-type": "application/merge-patch+json" } });
    const refused = await server.call("POST", `${pods}/few/eviction`, { body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "few" } } });
    expect([refused.status, refused.body.details.causes[0].reason, refused.headers["retry-after"]]).toEqual([429, "DisruptionBudget", "10"]);
    const tell = async (status: object): Promise<unknown> =>
      await server.call("PATCH", "/apis/policy/v1/namespaces/default/poddisruptionbudgets/few/status", {
        body: { status },
        headers: { "content-type": "application/merge-patch+json" },
      });
    await tell({ disruptionsAllowed: 0, observedGeneration: 1 });
    const spent = await server.call("POST", `${pods}/few/eviction`, { body: {} });
    expect([spent.status, spent.headers["retry-after"]], "clients wait by themselves").toEqual([429, undefined]);
    await tell({ disruptionsAllowed: 1 });
    expect((await server.call("POST", `${pods}/few/eviction`, { body: {} })).status).toBe(201);
    expect((await server.call("GET", `${pods}/few`)).body.metadata.deletionTimestamp).toBeDefined();
  });
});

describe("lists", () => {
  test("come in pages that all show the first page's moment", async () => {
    await server.call("POST", "/api/v1/namespaces", { body: { metadata: { name: "paged" } } });
    const path = "/api/v1/namespaces/paged/secrets";
    for (const name of ["a", "b", "c", "d"]) await server.call("POST", path, { body: { metadata: { name } } });
    const first = (await server.call("GET", `${path}?limit=2`)).body;
    await server.call("DELETE", `${path}/c`);
    await server.call("POST", path, { body: { metadata: { name: "bb" } } });
    const second = (await server.call("GET", `${path}?limit=2&continue=${encodeURIComponent(first.metadata.continue)}`)).body;
    const names = ({ items }: any): string[] => items.map(({ metadata }: any) => metadata.name as string);
    expect([names(first), first.metadata.remainingItemCount, names(second), second.metadata.continue]).toEqual([["a", "b"], 2, ["c", "d"], undefined]);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    expect(names((await server.call("GET", path)).body)).toEqual(["a", "b", "bb", "d"]);
  });

  test("can be tables, or metadata alone", async () => {
    const table = (
      await server.call("GET", "/api/v1/namespaces?limit=1", { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" } })
    ).body;
    expect([table.kind, table.columnDefinitions.map(({ name }: any) => name), table.rows[0].cells.slice(0, 2), table.rows[0].object.kind]).toEqual([
      "Table",
      ["Name", "Status", "Age"],
      ["default", "Active"],
      "PartialObjectMetadata",
    ]);
    const partial = (
      await server.call("GET", "/api/v1/namespaces", { headers: { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" } })
    ).body;
    expect([partial.kind, Object.keys(partial.items[0])]).toEqual(["PartialObjectMetadataList", ["kind", "apiVersion", "metadata"]]);
  });

  test("take field selectors", async () => {
    const names = async (selector: string): Promise<string[]> =>
      (await server.call("GET", `/api/v1/namespaces?fieldSelector=${encodeURIComponent(selector)}`)).body.items.map(({ metadata }: any) => metadata.name);
    expect(await names("metadata.name=default")).toEqual(["default"]);
    expect(await names("metadata.name!=default,status.phase=Active")).toContain("kube-system");
  });
});

describe("watches", () => {
  test("tell what is there, then what changes, within the selection", async () => {
    const events = server.watch(`${configMaps}?watch=true&labelSelector=watched%3Dyes`);
    const taken = take(events, 4);
    const patch = async (labels: object): Promise<unknown> =>
      await server.call("PATCH", `${configMaps}/seen`, { body: { metadata: { labels } }, headers: { "content-type": "application/merge-patch+json" } });
    await server.call("POST", configMaps, { body: configMap("seen", { labels: { watched: "no" } }) });
    await patch({ watched: "yes" });
    await patch({ more: "x" });
    await patch({ watched: "no" });
    await patch({ watched: "yes" });
    expect((await taken).map(({ type, object }) => [type, object.metadata.labels.watched])).toEqual([
      ["ADDED", "yes"],
      ["MODIFIED", "yes"],
      ["DELETED", "no"],
      ["ADDED", "yes"],
    ]);
  });

  test("begin after a version without a gap", async () => {
    const { metadata } = (await server.call("GET", configMaps)).body;
    await server.call("POST", configMaps, { body: configMap("between") });
    const [event] = await take(server.watch(`${configMaps}?watch=1&resourceVersion=${metadata.resourceVersion}`), 1);
    expect([event.type, event.object.metadata.name]).toEqual(["ADDED", "between"]);
  });

  test("tell a deletion with the version of the deletion", async () => {
    const { body: made } = await server.call("POST", configMaps, { body: configMap("short") });
    await server.call("DELETE", `${configMaps}/short`);
    const [event] = await take(server.watch(`${configMaps}?watch=1&resourceVersion=${made.metadata.resourceVersion}`), 1);
    expect(event.type).toBe("DELETED");
    expect(Number(event.object.metadata.resourceVersion)).toBeGreaterThan(Number(made.metadata.resourceVersion));
  });

  test("mark the end of the initial events when asked", async () => {
    const count = (await server.call("GET", "/api/v1/namespaces")).body.items.length as number;
    const events = await take(
      server.watch("/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"),
      count + 1,
    );
    expect(events.slice(0, -1).every(({ type }) => type === "ADDED")).toBe(true);
    expect([events.at(-1).type, events.at(-1).object.metadata.annotations]).toEqual(["BOOKMARK", { "k8s.io/initial-events-end": "true" }]);
  });

  test("end when their time is up", async () => expect(await take(server.watch(`${pods}?watch=1&timeoutSeconds=1&labelSelector=no%3Done`), 1)).toEqual([]));

  test("take the longest time for a long time", async () => {
    const events = take(server.watch(`${configMaps}?watch=1&timeoutSeconds=99999999999&labelSelector=late`), 1);
    expect(await Promise.race([events, delay(200)])).toBeUndefined();
    await server.call("POST", configMaps, { body: configMap("late", { labels: { late: "" } }) });
    expect((await events)[0]?.type).toBe("ADDED");
  });

  test.each(["0x10", "1e3", "-1", " 5", "newest"])("of version %j are refused", async (version) => {
    const { status, body } = await server.call("GET", `${configMaps}?watch=1&resourceVersion=${encodeURIComponent(version)}`);
    expect([status, body.message]).toEqual([400, expect.stringContaining("strconv.ParseUint")]);
  });

  test("of versions long gone are told so", async () => {
    const version = (await server.call("GET", configMaps)).body.metadata.resourceVersion as string;
    for (let round = 0; round < 45; round++) {
      await Promise.all(
        Array.from(
          { length: 100 },
          async (_, index) =>
            await server.api.cluster.modify("configmaps", { namespace: "default", name: "busy" }, (current) => ({
              ...current,
              data: { k: `${round}-${index}` },
            })),
        ),
      );
    }
    const answer = await server.call("GET", `${configMaps}?watch=1&resourceVersion=${version}`);
    expect([answer.status, answer.body.reason]).toEqual([410, "Expired"]);
  });
});

describe("keys that every object has", () => {
  const type = (name: string): { headers: Record<string, string> } => ({ headers: { "content-type": `application/${name}-patch+json` } });
  const entries = async (name: string): Promise<unknown> =>
    Object.entries((await server.call("GET", `${configMaps}/${name}`)).body.data ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));

  test("are keys of a ConfigMap as others are, however they come", async () => {
    const text = '{"constructor":"a","toString":"b","__proto__":"c"}';
    const want = [
      ["__proto__", "c"],
      ["constructor", "a"],
      ["toString", "b"],
    ];
    const whole = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"own"},"data":${text}}`;
    expect((await server.call("POST", configMaps, { body: whole })).status).toBe(201);
    expect(await entries("own")).toEqual(want);
    for (const patch of ["merge", "strategic-merge"]) {
      await server.call("PUT", `${configMaps}/own`, { body: configMap("own") });
      expect((await server.call("PATCH", `${configMaps}/own`, { body: `{"data":${text}}`, ...type(patch) })).status).toBe(200);
      expect(await entries("own"), patch).toEqual(want);
    }
  });

  test("are seen as changes, and select only what has them", async () => {
    await server.call("POST", configMaps, { body: configMap("plain", { labels: { plain: "yes" } }) });
    const labels = { plain: "yes", constructor: "new" };
    await server.call("PUT", `${configMaps}/plain`, { body: configMap("plain", { labels }) });
    expect((await server.call("GET", `${configMaps}/plain`)).body.metadata.labels).toEqual(labels);
    const selected = async (selector: string): Promise<string[]> =>
      (await server.call("GET", `${configMaps}?labelSelector=${encodeURIComponent(selector)}`)).body.items.map(({ metadata }: any) => metadata.name);
    expect([await selected("plain,constructor"), await selected("plain,toString"), await selected("plain,!toString")]).toEqual([["plain"], [], ["plain"]]);
  });

  test("are types of a Secret", async () => {
    const body = { apiVersion: "v1", kind: "Secret", metadata: { name: "typed" }, type: "constructor", data: { a: "YQ==" } };
    expect((await server.call("POST", "/api/v1/namespaces/default/secrets", { body })).status).toBe(201);
  });
});

test("a restart finds everything again and keeps old watches going", async () => {
  await using first = await testApi();
  await first.call("POST", configMaps, { body: configMap("stays") });
  const version = (await first.call("GET", `${configMaps}/stays`)).body.metadata.resourceVersion as string;
  await first.call("POST", configMaps, { body: configMap("later") });
  await first.api.close();
  await using second = await testApi({ root: first.root });
  const [event] = await take(second.watch(`${configMaps}?watch=1&resourceVersion=${version}`), 1);
  expect(event.object.metadata.name).toBe("later");
  expect((await second.call("GET", `${configMaps}/stays`)).status).toBe(200);
});

test("a start that fails leaves the cluster free for the next", async () => {
  await using other = await testApi();
  const { port } = new URL(other.api.url);
  using place = temporaryRoot();
  await expect(openApi({ root: place.root, listen: { host: "127.0.0.1", port: Number(port) } })).rejects.toMatchObject({ code: "EADDRINUSE" });
  const second = await openApi({ root: place.root, listen: { host: "127.0.0.1", port: 0 } });
  await second.close();
});
