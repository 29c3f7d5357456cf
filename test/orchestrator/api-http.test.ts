import { describe, expect, test } from "vitest";
import { apiOfFile } from "./api-server.ts";
import { configMap, configMaps, pod, pods } from "./api-objects.ts";

const server = apiOfFile();

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
