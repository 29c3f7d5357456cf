/** Volumes and environment of pods: what containers read of ConfigMaps, Secrets, their own pod and the host, and how it follows changes. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { endProgram, eventsOf, IDLE, pod, podCluster, sh, untilPhase, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await podCluster();
}, 300_000);
afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

const config = (name: string, data: object): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data });
const secret = (name: string, stringData: object): object => ({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData });
const mount = (name: string, mountPath: string, more: object = {}): object => ({ name, mountPath, ...more });
const exec = async (name: string, script: string): Promise<string> => await cluster.kubectl("exec", name, "--", "sh", "-c", script);

async function said(name: string, script: string, container: object, spec: object = {}, metadata: object = {}): Promise<string> {
  await cluster.apply(pod(name, { restartPolicy: "Never", ...spec, containers: [sh("c", script, container)] }, metadata));
  await untilPhase(cluster, name, "Succeeded");
  return await cluster.kubectl("logs", name);
}

describe("an environment", { timeout: 300_000 }, () => {
  test("comes from values, maps, keys, the pod itself and its limits", async () => {
    await cluster.apply(config("env", { GREETING: "hello", level: "3" }), secret("env", { TOKEN: "hush" }));
    const from = (source: object): object => ({ valueFrom: source });
    const env = [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)-$(CONF_GREETING)-$$(A)-$(NONE)" },
      { name: "KEY", ...from({ secretKeyRef: { name: "env", key: "TOKEN" } }) },
      { name: "LEVEL", ...from({ configMapKeyRef: { name: "env", key: "level" } }) },
      { name: "GONE", ...from({ configMapKeyRef: { name: "nowhere", key: "x", optional: true } }) },
      { name: "POD", ...from({ fieldRef: { fieldPath: "metadata.name" } }) },
      { name: "NS", ...from({ fieldRef: { fieldPath: "metadata.namespace" } }) },
      { name: "APP", ...from({ fieldRef: { fieldPath: "metadata.labels['app']" } }) },
      { name: "NODE", ...from({ fieldRef: { fieldPath: "spec.nodeName" } }) },
      { name: "ACCOUNT", ...from({ fieldRef: { fieldPath: "spec.serviceAccountName" } }) },
      { name: "IP", ...from({ fieldRef: { fieldPath: "status.podIP" } }) },
      { name: "HOST", ...from({ fieldRef: { fieldPath: "status.hostIP" } }) },
      { name: "MEMORY", ...from({ resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } }) },
      { name: "CPU", ...from({ resourceFieldRef: { resource: "requests.cpu", divisor: "1m" } }) },
    ];
    const container = {
      env,
      envFrom: [{ prefix: "CONF_", configMapRef: { name: "env" } }, { secretRef: { name: "env" } }, { secretRef: { name: "nowhere", optional: true } }],
      resources: { limits: { memory: "64Mi" }, requests: { cpu: "20m" } },
      args: ["$(A)"],
    };
    const text = await said("environment", "env; echo arg=$0", container, {}, { labels: { app: "shop" } });
    const { status } = await cluster.get("pod", "environment");
    const seen = Object.fromEntries(text.split("\n").map((line) => line.split(/=(.*)/s)));
    expect(seen).toMatchObject({
      A: "1",
      B: "1-hello-$(A)-$(NONE)",
      KEY: "hush",
      LEVEL: "3",
      POD: "environment",
      NS: "default",
      APP: "shop",
      NODE: "here",
      ACCOUNT: "default",
      IP: status.podIP,
      HOST: status.hostIP,
      MEMORY: "64",
      CPU: "20",
      CONF_GREETING: "hello",
      CONF_level: "3",
      TOKEN: "hush",
      arg: "1",
    });
    expect(seen).not.toHaveProperty("GONE");
  });

  test("that lacks its source waits, says so, and goes on when it comes", async () => {
    await cluster.apply(pod("lacking", { containers: [sh("c", IDLE, { envFrom: [{ configMapRef: { name: "later" } }] })] }));
    const waits = ({ status }: any): boolean => status.containerStatuses?.[0].state.waiting?.reason === "CreateContainerConfigError";
    const found = await untilPod(cluster, "lacking", waits);
    expect(found.status.containerStatuses[0].state.waiting.message).toBe('configmap "later" not found');
    await eventually(async () => expect((await eventsOf(cluster, "lacking")).join("\n")).toContain('Warning Failed: Error: configmap "later" not found'));
    await cluster.apply(config("later", { WORD: "came" }));
    await untilReady(cluster, "lacking");
    expect(await exec("lacking", "echo $WORD")).toBe("came");
  });
});

describe("a ConfigMap or Secret as a volume", { timeout: 300_000 }, () => {
  test("shows keys as files: all or some, with modes; follows changes at once as a whole; a subPath does not", async () => {
    await cluster.apply(config("conf", { "app.conf": "v1", other: "x" }), secret("keys", { token: "hush", cert: "c" }));
    const volumes = [
      { name: "conf", configMap: { name: "conf" } },
      { name: "some", configMap: { name: "conf", items: [{ key: "app.conf", path: "deep/renamed", mode: 0o600 }] } },
      { name: "keys", secret: { secretName: "keys", defaultMode: 0o400 } },
      { name: "none", secret: { secretName: "nowhere", optional: true } },
      { name: "all", projected: { sources: [{ configMap: { name: "conf", items: [{ key: "other", path: "other" }] } }, { secret: { name: "keys" } }] } },
    ];
    const mounts = [...volumes.map(({ name }) => mount(name, `/${name}`)), mount("conf", "/single", { subPath: "app.conf" })];
    await cluster.apply(pod("reader", { volumes, containers: [sh("c", IDLE, { volumeMounts: mounts })] }));
    await untilReady(cluster, "reader");
    expect(await exec("reader", "cat /conf/app.conf /conf/other /some/deep/renamed /keys/token /all/other /all/token /single; ls /none | wc -l")).toBe(
      "v1xv1hushxhushv10",
    );
    expect(await exec("reader", "stat -L -c %a /conf/app.conf /some/deep/renamed /keys/token; readlink /conf/app.conf")).toBe("644\n600\n400\n..data/app.conf");
    expect(await exec("reader", "touch /conf/new 2>&1 || true")).toContain("Read-only file system");
    const before = await exec("reader", "readlink /conf/..data");
    await cluster.apply(config("conf", { "app.conf": "v2", other: "x", added: "new" }), secret("keys", { token: "changed", cert: "c" }));
    await eventually(async () =>
      expect(await exec("reader", "cat /conf/app.conf /conf/added /some/deep/renamed /keys/token /all/token; ls /conf")).toBe(
        "v2newv2changedchangedadded\napp.conf\nother",
      ),
    );
    expect(await exec("reader", "readlink /conf/..data")).not.toBe(before);
    expect(await exec("reader", "cat /single")).toBe("v1");
  });

  test("that is not there keeps the pod waiting, and it starts when it comes", async () => {
    await cluster.apply(
      pod("waiting", { volumes: [{ name: "v", secret: { secretName: "soon" } }], containers: [sh("c", IDLE, { volumeMounts: [mount("v", "/v")] })] }),
    );
    await eventually(async () =>
      expect((await eventsOf(cluster, "waiting")).join("\n")).toContain(
        'Warning FailedMount: MountVolume.SetUp failed for volume "v" : secret "soon" not found',
      ),
    );
    expect(await cluster.kubectl("get", "pod", "waiting", "--no-headers")).toMatch(/0\/1\s+ContainerCreating/);
    await cluster.apply(secret("soon", { a: "b" }));
    await untilReady(cluster, "waiting");
  });
});

describe("a pod's own facts as a volume", { timeout: 300_000 }, () => {
  test("follow its labels and annotations", async () => {
    const items = [
      { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
      { path: "one", fieldRef: { fieldPath: "metadata.annotations['team']" } },
      { path: "memory", resourceFieldRef: { containerName: "c", resource: "limits.memory", divisor: "1Ki" } },
    ];
    const container = sh("c", IDLE, { volumeMounts: [mount("info", "/info")], resources: { limits: { memory: "32Mi" } } });
    await cluster.apply(
      pod("facts", { volumes: [{ name: "info", downwardAPI: { items } }], containers: [container] }, { labels: { app: "a" }, annotations: { team: "x" } }),
    );
    await untilReady(cluster, "facts");
    expect(await exec("facts", "cat /info/labels; echo; cat /info/one; echo; cat /info/memory")).toBe('app="a"\nx\n32768');
    await cluster.kubectl("label", "pod", "facts", "tier=web");
    await cluster.kubectl("annotate", "pod", "facts", "team=y", "--overwrite");
    await eventually(async () => expect(await exec("facts", "cat /info/labels; echo; cat /info/one")).toBe('app="a"\ntier="web"\ny'));
  });
});

describe("a service account", { timeout: 300_000 }, () => {
  const PLACE = "/var/run/secrets/kubernetes.io/serviceaccount";
  /** What the API says to whoever holds this token. */
  const asks = async (token: string, ...args: readonly string[]): Promise<string> =>
    await cluster.kubectl("--token", token, "--kubeconfig", await tokenConfig(), ...args);

  /** A kubeconfig that knows the server and nobody. */
  async function tokenConfig(): Promise<string> {
    const path = join(cluster.root.root, "../nobody");
    const view = JSON.parse(await cluster.kubectl("config", "view", "--raw", "-o", "json"));
    writeFileSync(path, JSON.stringify({ ...view, users: [], contexts: [{ name: "c", context: { cluster: view.clusters[0].name } }], "current-context": "c" }));
    return path;
  }

  test("is in every pod: namespace, authority, and a token that the API knows", async () => {
    await cluster.kubectl("create", "serviceaccount", "robot");
    await cluster.apply(pod("robot", { serviceAccountName: "robot", containers: [sh("c", IDLE)] }));
    const { spec } = await untilReady(cluster, "robot");
    expect(spec.containers[0].volumeMounts).toEqual([{ name: expect.stringMatching(/^kube-api-access-\w{5}$/), readOnly: true, mountPath: PLACE }]);
    expect(await exec("robot", `cat ${PLACE}/namespace; echo; head -n 1 ${PLACE}/ca.crt`)).toBe("default\n-----BEGIN CERTIFICATE-----");
    const token = await exec("robot", `cat ${PLACE}/token`);
    expect(await asks(token, "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")).toBe("system:serviceaccount:default:robot");
    await expect(asks(token, "get", "pods")).rejects.toThrow(
      'User "system:serviceaccount:default:robot" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    await cluster.kubectl("create", "role", "look", "--verb=get,list", "--resource=pods");
    await cluster.kubectl("create", "rolebinding", "look", "--role=look", "--serviceaccount=default:robot");
    expect(await asks(token, "get", "pods", "-o", "name")).toContain("pod/robot");
    await cluster.kubectl("delete", "pod", "robot");
    await expect(asks(token, "get", "pods")).rejects.toThrow(/Unauthorized|logged in/);
  });

  test("can be kept out of a pod, and projected as the pod likes", async () => {
    expect(await said("without", `ls ${PLACE} 2>&1 || true`, {}, { automountServiceAccountToken: false })).toContain("No such file");
    const sources = [{ serviceAccountToken: { path: "vault-token", audience: "vault", expirationSeconds: 600 } }];
    const spec = { volumes: [{ name: "token", projected: { sources } }], securityContext: { runAsUser: 1000, fsGroup: 1000 } };
    const text = await said("audience", "stat -L -c '%u %a' /token/vault-token; cat /token/vault-token", { volumeMounts: [mount("token", "/token")] }, spec);
    const [owner, token = ""] = text.split("\n");
    expect(owner).toBe("1000 640");
    expect(JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString())).toMatchObject({
      aud: ["vault"],
      sub: "system:serviceaccount:default:default",
    });
    await expect(asks(token, "get", "pods")).rejects.toThrow(/Unauthorized|logged in/);
  });
});

describe("an emptyDir", { timeout: 300_000 }, () => {
  const volume = (more: object): object => ({ volumes: [{ name: "v", emptyDir: more }] });
  const container = { volumeMounts: [{ name: "v", mountPath: "/v" }] };

  test("lives as long as its pod, over restarts of containers", async () => {
    await cluster.apply(pod("lasting", { ...volume({}), containers: [sh("c", `echo run >> /v/runs; ${IDLE}`, container)] }));
    const { metadata } = await untilReady(cluster, "lasting");
    await endProgram(cluster, "lasting");
    await untilPod(cluster, "lasting", ({ status }) => status.containerStatuses[0].restartCount === 1 && status.containerStatuses[0].ready);
    await eventually(async () => expect(await exec("lasting", "cat /v/runs")).toBe("run\nrun"));
    const folder = join(cluster.root.root, "cluster/pods", metadata.uid);
    expect(statSync(folder).isDirectory()).toBe(true);
    await cluster.kubectl("delete", "pod", "lasting");
    await eventually(async () => expect(() => statSync(folder)).toThrow("ENOENT"));
  });

  test("can be in memory, of a size, and shared", async () => {
    const memory = volume({ medium: "Memory", sizeLimit: "2Mi" });
    await cluster.apply(pod("memory", { ...memory, containers: [sh("a", IDLE, container), sh("b", IDLE, container)] }));
    await untilReady(cluster, "memory");
    expect(await exec("memory", "grep ' /v ' /proc/mounts | cut -d' ' -f3; echo word > /v/file")).toBe("tmpfs");
    expect(await cluster.kubectl("exec", "memory", "-c", "b", "--", "cat", "/v/file")).toBe("word");
    expect(await exec("memory", "head -c 4000000 /dev/zero 2>&1 > /v/big || true")).toContain("No space left on device");
    await cluster.kubectl("delete", "pod", "memory");
    await eventually(async () => expect(readFileSync("/proc/mounts", "utf8")).not.toContain(`${cluster.root.root}/cluster/pods/`));
  });

  test("that outgrows its limit has its pod evicted", async () => {
    await cluster.apply(pod("large", { ...volume({ sizeLimit: "1Mi" }), containers: [sh("c", `head -c 3000000 /dev/zero > /v/big; ${IDLE}`, container)] }));
    const { status } = await untilPhase(cluster, "large", "Failed");
    expect(status).toMatchObject({ reason: "Evicted", message: 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ' });
    expect(status.conditions.find(({ type }: any) => type === "DisruptionTarget")).toMatchObject({ status: "True", reason: "TerminationByKubelet" });
    await untilPod(cluster, "large", (found) => found.status.containerStatuses[0].state.terminated !== undefined);
    await eventually(async () => expect((await eventsOf(cluster, "large")).join("\n")).toContain("Warning Evicted: Usage of EmptyDir volume"));
  });
});

describe("a hostPath", { timeout: 300_000 }, () => {
  const rows = [
    { type: "Directory", path: "there", ok: true },
    { type: "File", path: "file", ok: true },
    { type: "DirectoryOrCreate", path: "made", ok: true },
    { type: "FileOrCreate", path: "made-file", ok: true },
    { type: "Directory", path: "file", ok: false, says: "is not a directory" },
    { type: "File", path: "nowhere", ok: false, says: "is not a file" },
    { type: "Socket", path: "file", ok: false, says: "is not a socket" },
    { type: "CharDevice", path: "file", ok: false, says: "is not a character device" },
  ];

  test("is checked, or made, as its type says", async () => {
    const place = join(cluster.root.root, "../host");
    mkdirSync(join(place, "there"), { recursive: true });
    writeFileSync(join(place, "file"), "");
    const name = (index: number): string => `host-${index}`;
    const manifest = ({ type, path }: (typeof rows)[number], index: number): object => {
      const volumes = [{ name: "v", hostPath: { path: join(place, path), type } }];
      return pod(name(index), { restartPolicy: "Never", volumes, containers: [sh("c", "stat -c %F /v", { volumeMounts: [mount("v", "/v")] })] });
    };
    await cluster.apply(...rows.map(manifest));
    for (const [index, { ok, type, says = "" }] of rows.entries()) {
      if (ok) await untilPhase(cluster, name(index), "Succeeded");
      else
        await eventually(async () =>
          expect((await eventsOf(cluster, name(index))).join("\n")).toMatch(new RegExp(`Warning FailedMount: .*hostPath type check failed: .*${says}`)),
        );
      if (ok) expect(await cluster.kubectl("logs", name(index))).toBe(type.startsWith("Directory") ? "directory" : "regular empty file");
    }
  });
});

describe("a part of a volume", { timeout: 300_000 }, () => {
  test("is a subPath, or one that the environment names", async () => {
    const volumeMounts = [mount("v", "/plain", { subPath: "a/b" }), mount("v", "/named", { subPathExpr: "logs/$(POD)" }), mount("v", "/all")];
    const env = [{ name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }];
    const script = "touch /plain/x /named/y; ls /all/a/b /all/logs/parts";
    expect(await said("parts", script, { volumeMounts, env }, { volumes: [{ name: "v", emptyDir: {} }] })).toBe("/all/a/b:\nx\n\n/all/logs/parts:\ny");
  });
});
