import { chmodSync, mkdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { writeAtomically } from "../../orchestrator/kubelet/volumes/atomic-folder.ts";
import { limitsOf } from "../../orchestrator/kubelet/container-options.ts";
import { environmentOf, expand } from "../../orchestrator/kubelet/environment/environment.ts";
import { Gate } from "../../orchestrator/kubelet/gate.ts";
import { namesRegistry } from "../../orchestrator/kubelet/images.ts";
import { oomScore } from "../../orchestrator/kubelet/oom-score.ts";
import { PodFolders } from "../../orchestrator/kubelet/pod-folder.ts";
import type { ContainerSpec } from "../../orchestrator/kubelet/pod-spec.ts";
import { pullLogins } from "../../orchestrator/kubelet/pull-secrets.ts";
import { isFresh } from "../../orchestrator/kubelet/service-account-token.ts";
import { checkedSubPath } from "../../orchestrator/kubelet/volumes/sub-path.ts";
import { volumeFiles } from "../../orchestrator/kubelet/volumes/volume-files.ts";
import { shows } from "../../orchestrator/kubelet/volumes/volumes.ts";
import { temporaryFolder } from "../support/root.ts";
import { meta, pod as podOf } from "./objects.ts";

const expansions = [
  { text: "$(A)-$(B)", want: "1-2" },
  { text: "$$(A)", want: "$(A)" },
  { text: "$(NONE) stays", want: "$(NONE) stays" },
  { text: "costs $5", want: "costs $5" },
  { text: "$(A", want: "$(A" },
];
test.each(expansions)("expands $text", ({ text, want }) => {
  expect(
    expand(
      text,
      new Map([
        ["A", "1"],
        ["B", "2"],
      ]),
    ),
  ).toBe(want);
});

const config: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: meta("conf"), data: { mode: "fast", level: "3" } };
const secret: KubeObject = { apiVersion: "v1", kind: "Secret", metadata: meta("keys"), data: { token: Buffer.from("hush").toString("base64") } };
const lookup = (resource: string, name: string): KubeObject | undefined =>
  [config, secret].find((object) => object.metadata.name === name && resource === (object.kind === "Secret" ? "secrets" : "configmaps"));
const pod: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: meta("p", { labels: { app: "web" } }),
  spec: { containers: [], nodeName: "n1" },
  status: { podIP: "10.0.0.2" },
};

test("an environment is built of values, references and whole maps, later entries seeing earlier ones", () => {
  const container: ContainerSpec = {
    name: "c",
    image: "i",
    resources: { limits: { memory: "64Mi", cpu: "1500m" } },
    envFrom: [{ prefix: "CONF_", configMapRef: { name: "conf" } }, { secretRef: { name: "absent", optional: true } }],
    env: [
      { name: "A", value: "1" },
      { name: "B", value: "$(A)$(CONF_mode)" },
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "keys", key: "token" } } },
      { name: "NONE", valueFrom: { configMapKeyRef: { name: "conf", key: "none", optional: true } } },
      { name: "ME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "APP", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
      { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
    ],
  };
  expect(Object.fromEntries(environmentOf(pod, container, lookup))).toEqual({
    CONF_mode: "fast",
    CONF_level: "3",
    A: "1",
    B: "1fast",
    TOKEN: "hush",
    ME: "p",
    APP: "web",
    IP: "10.0.0.2",
    MEMORY: "64",
    CPU: "2",
  });
});

test("a missing key is told by its name", () => {
  const container: ContainerSpec = { name: "c", image: "i", env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "conf", key: "none" } } }] };
  expect(() => environmentOf(pod, container, lookup)).toThrow("couldn't find key none in ConfigMap default/conf");
});

const limits = [
  { name: "nothing asked", needs: {}, qos: "BestEffort", want: { cpuShares: 2, oomScoreAdj: 1000 } },
  {
    name: "half a cpu and memory",
    needs: { limits: { cpu: "500m", memory: "128Mi" }, requests: { cpu: "500m", memory: "128Mi" } },
    qos: "Guaranteed",
    want: { cpuPeriod: 100_000, cpuQuota: 50_000, cpuShares: 512, memory: 2 ** 27, memorySwap: 2 ** 27, oomScoreAdj: -997 },
  },
  { name: "only requests", needs: { requests: { cpu: "250m", memory: "1Gi" } }, qos: "Burstable", want: { cpuShares: 256, oomScoreAdj: 750 } },
];
test.each(limits)("limits of a container with $name", ({ needs, qos, want }) => {
  expect(limitsOf(needs, qos, { memory: 4 * 2 ** 30, leastScore: -1000 })).toEqual(want);
});

test.each([
  ["hello:v1", false],
  ["team/hello", false],
  ["localhost/hello", true],
  ["127.0.0.1:5000/hello", true],
  ["registry.example/team/hello", true],
])("%s names a registry: %s", (reference, want) => {
  expect(namesRegistry(reference)).toBe(want);
});

test("a projected folder changes at one moment, and drops names that are gone", async () => {
  const folder = temporaryFolder();
  try {
    const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text), mode: 0o640 });
    expect(await writeAtomically(folder, [file("a", "1"), file("sub/b", "2")], "v1")).toBe(true);
    expect(await writeAtomically(folder, [file("a", "1"), file("sub/b", "2")], "v2"), "nothing new").toBe(false);
    expect(readFileSync(join(folder, "sub/b"), "utf8")).toBe("2");
    expect(await writeAtomically(folder, [file("a", "3")], "v3")).toBe(true);
    expect(readFileSync(join(folder, "a"), "utf8")).toBe("3");
    expect(readlinkSync(join(folder, "..data"))).toBe("..v3");
    expect(() => readlinkSync(join(folder, "sub"))).toThrow("ENOENT");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a gate lets only so many through at once", async () => {
  const gate = new Gate(2);
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 6 }, async () =>
      gate.run(async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      }),
    ),
  );
  expect(most).toBe(2);
});

test("a sub-path follows links inside its volume only", () => {
  const folder = temporaryFolder();
  const volume = join(folder, "volume");
  mkdirSync(join(volume, "deep"), { recursive: true });
  for (const [name, target] of [
    ["in", "deep"],
    ["out", "/etc"],
    ["up", "../.."],
    ["gone", "/nowhere/at/all"],
  ] as const)
    symlinkSync(target, join(volume, name));
  try {
    expect(["", "./", "in/new", "deep//a/b"].map((path) => checkedSubPath(volume, path))).toEqual([undefined, undefined, "in/new", "deep/a/b"]);
    for (const path of ["out", "out/ssh", "up", "gone", "..", "/etc"]) expect(() => checkedSubPath(volume, path), path).toThrow();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a projected file above its volume is refused on the node too", () => {
  const climbing = { name: "v", configMap: { name: "conf", items: [{ key: "mode", path: "../../evil" }] } };
  expect(() => volumeFiles(pod, climbing, lookup, () => "token")).toThrow("must not contain '..'");
});

describe("pull secrets", () => {
  const entry = (username: string): object => ({ auth: Buffer.from(`${username}:pass`).toString("base64") });
  const docker = (name: string, auths: object): KubeObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: meta(name),
    data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
  });
  const secrets = [
    docker("hosts", { "registry.example": entry("host"), "registry.example/team": entry("team"), "https://index.docker.io/v1/": entry("hub") }),
    docker("wild", { "*.cloud.example": entry("wild"), "127.0.0.1:5000": { username: "plain", password: "pass" } }),
  ];
  const find = (_: string, name: string): KubeObject | undefined => secrets.find(({ metadata }) => metadata.name === name);
  const user = (image: string): readonly string[] => {
    const imagePullSecrets = [{ name: "hosts" }, { name: "wild" }];
    return pullLogins({ ...pod, spec: { ...pod.spec, imagePullSecrets } }, image, find).logins.map(({ username }) => username);
  };
  const rows = [
    { image: "registry.example/x:v1", want: ["host"] },
    { image: "registry.example/team/x:v1", want: ["team", "host"] },
    { image: "registry.example/teams/x:v1", want: ["host"] },
    { image: "nginx", want: ["hub"] },
    { image: "eu.cloud.example/x", want: ["wild"] },
    { image: "a.eu.cloud.example/x", want: [] },
    { image: "127.0.0.1:5000/x", want: ["plain"] },
    { image: "other.example/x", want: [] },
    { image: "UPPER//x", want: [] },
  ];
  test.each(rows)("of $image are $want", ({ image, want }) => expect(user(image)).toEqual(want));
  test("that are not there are named", () => {
    const asking = { ...pod, spec: { ...pod.spec, imagePullSecrets: [{ name: "nowhere" }] } };
    expect(pullLogins(asking, "registry.example/x", find)).toEqual({ missing: ["nowhere"], logins: [] });
  });
});

describe("a token", () => {
  const token = (claims: object): string => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`;
  const rows = [
    { name: "young", token: token({ iat: 0, exp: 1000 }), now: 700_000, want: true },
    { name: "old", token: token({ iat: 0, exp: 1000 }), now: 800_000, want: false },
    { name: "absent", token: "", now: 0, want: false },
    { name: "unreadable", token: "a.b.c", now: 0, want: false },
  ];
  test.each(rows)("that is $name: fresh $want", ({ token: text, now, want }) => expect(isFresh(text, now)).toBe(want));
});

test("where the kernel allows no less, a score is raised to what it allows", () => {
  expect(oomScore("Guaranteed", 0, { memory: 2 ** 30, leastScore: -100 })).toBe(-100);
  expect(oomScore("Burstable", 2 ** 28, { memory: 2 ** 30, leastScore: -100 })).toBe(750);
});

const sources = [
  { name: "a ConfigMap of its own", volume: { configMap: { name: "site" } }, kind: "ConfigMap", shown: true },
  { name: "a Secret of its own", volume: { secret: { secretName: "site" } }, kind: "Secret", shown: true },
  {
    name: "a ConfigMap among others",
    volume: { projected: { sources: [{ serviceAccountToken: {} }, { configMap: { name: "site" } }] } },
    kind: "ConfigMap",
    shown: true,
  },
  { name: "a Secret among others", volume: { projected: { sources: [{ secret: { name: "site" } }] } }, kind: "Secret", shown: true },
  { name: "a Secret of a ConfigMap's name", volume: { configMap: { name: "site" } }, kind: "Secret", shown: false },
  { name: "a claim", volume: { persistentVolumeClaim: { claimName: "site" } }, kind: "PersistentVolumeClaim", shown: false },
  {
    name: "another ConfigMap, with a file of that name",
    volume: { configMap: { name: "other", items: [{ key: "site", path: "site" }] } },
    kind: "ConfigMap",
    shown: false,
  },
];
test.each(sources)("a volume shows $name: $shown", ({ volume, kind, shown }) => {
  expect(shows(podOf("web", { spec: { volumes: [{ name: "v", ...volume }] } }), { apiVersion: "v1", kind, metadata: meta("site") })).toBe(shown);
});

test("only root looks into the folders of pods, also where an older one was open", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "pods"));
  chmodSync(join(folder, "pods"), 0o755);
  await new PodFolders(folder).prepare("uid");
  expect([join(folder, "pods"), join(folder, "pods/uid")].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o755]);
  rmSync(folder, { recursive: true });
});
