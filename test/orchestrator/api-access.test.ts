import { stat } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { apiOfFile } from "./api-server.ts";
import { pods } from "./api-objects.ts";

const server = apiOfFile();

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
