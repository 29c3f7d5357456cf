/** Verbs that take files of manifests, and what a new user meets first, held against a real kubectl on the same cluster. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Outcome, runStrata, strataOutput } from "../support/cli.ts";
import { TestCluster } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import type { TemporaryRoot } from "../support/root.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

let cluster: TestCluster;
let folder: string;

const configMap = (name: string): string => JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "b" } });

async function exposing(root: TemporaryRoot, name: string, ports: string): Promise<void> {
  const context = join(root.root, "..", name);
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), `FROM local/box\nEXPOSE ${ports}\nCMD ["sleep", "1000"]\n`);
  await strataOutput(root, "build", "-q", "-t", name, context);
}

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "base", "create", "local/box", "--bin", "sh,sleep,false");
    await exposing(root, "elsewhere", "8080");
    await exposing(root, "several", "80 81 53/udp");
  });
  folder = join(cluster.root.root, "../manifests");
  mkdirSync(join(folder, "inner"), { recursive: true });
  writeFileSync(join(folder, "one.yaml"), configMap("one"));
  writeFileSync(join(folder, "inner/two.json"), configMap("two"));
  writeFileSync(join(folder, "notes.txt"), "no manifest");
});
afterAll(async () => await cluster[Symbol.asyncDispose]());

interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const still = ({ status, stdout, stderr }: Said): Said => ({ status, stdout, stderr: stderr.replace(/^(?:strata|error): /gm, "") });
const ours = async (args: readonly string[], input = ""): Promise<Outcome> => await runStrata(cluster.root, args, { input });

/** kubectl first, on what `before` makes for each. */
async function alike(args: readonly string[], before: () => Promise<unknown> = async () => {}, input = ""): Promise<Said> {
  await before();
  const theirs = still(await cluster.feed(input, ...args));
  await before();
  expect(still(await ours(args, input))).toEqual(theirs);
  return theirs;
}

const present = async (): Promise<unknown> => await cluster.kubectl("apply", "-R", "-f", folder);
const absent = async (): Promise<unknown> => await cluster.kubectl("delete", "configmap", "one", "two", "--ignore-not-found");

test.each(["client", "server"])("apply --dry-run=%s makes nothing", async (how) => {
  const { stdout } = await alike(["apply", `--dry-run=${how}`, "-R", "-f", folder], absent);
  expect(stdout).toContain("configmap/two created (");
  expect((await ours(["get", "configmap", "one"])).status).toBe(1);
});

test("what is there counts as changed without asking the server", async () => {
  const { stdout } = await alike(["apply", "--dry-run=client", "-f", join(folder, "one.yaml")], present);
  expect(stdout).toBe("configmap/one configured (dry run)\n");
});

test("apply takes a folder, folders in it with -R, and standard input", async () => {
  expect((await alike(["apply", "-f", folder], absent)).stdout).toBe("configmap/one created\n");
  expect((await alike(["apply", "-R", "-f", folder], absent)).stdout.split("\n").toSorted()).toEqual(["", "configmap/one created", "configmap/two created"]);
  expect((await alike(["apply", "-f", "-"], absent, `${configMap("two")}\n---\n${configMap("one")}`)).stdout).toContain("configmap/two created\n");
});

test.each([[["-f", "FOLDER"]], [["-R", "-f", "FOLDER"]]])("delete %s", async (words) => {
  const args = ["delete", ...words.map((word) => word.replace("FOLDER", folder))];
  expect((await alike(args, present)).status).toBe(0);
  const missing = await alike(args, absent);
  expect([missing.status, missing.stderr]).toEqual([
    1,
    expect.stringContaining(`error when deleting "${join(folder, "one.yaml")}": configmaps "one" not found`),
  ]);
  expect(await alike([...args, "--ignore-not-found"], absent)).toMatchObject({ status: 0, stderr: "" });
});

test("delete goes on to the others after one that is not there", async () => {
  const { status, stdout } = await alike(["delete", "configmap", "nobody", "one"], present);
  expect([status, stdout.includes("one")]).toEqual([1, true]);
});

test("what is not done is refused by its name", async () => {
  for (const { status, stderr } of [await cluster.feed("", "apply", "-f", folder, "--dry-run=some"), await ours(["apply", "-f", folder, "--dry-run=some"])])
    expect([status === 0, stderr]).toEqual([false, expect.stringContaining('Invalid dry-run value (some). Must be "none", "server", or "client".')]);
  expect(await ours(["apply", "-k", folder])).toMatchObject({ status: 2, stderr: expect.stringContaining(`kubectl kustomize ${folder} | strata apply -f -`) });
});

test("a program's status comes through exec, and docker's verbs point to the cluster's", async () => {
  const spec = { terminationGracePeriodSeconds: 1, containers: [{ name: "c", image: "local/box", command: ["sleep", "1000"], imagePullPolicy: "Never" }] };
  await cluster.apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "shop" }, spec });
  await cluster.kubectl("wait", "--for=condition=Ready", "pod/shop", "--timeout=60s");
  expect(await cluster.feed("", "exec", "shop", "--", "false")).toEqual({ status: 1, stdout: "", stderr: "command terminated with exit code 1\n" });
  expect(await ours(["exec", "pod/shop", "--", "false"])).toMatchObject({ status: 1, stdout: "" });
  for (const verb of [["stop"], ["rm"], ["kill"], ["logs"]]) {
    const { status, stderr } = await ours([...verb, "shop"]);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/No such container: shop\nshop is the cluster's: 'strata delete pod\/shop' removes it, /)]);
  }
  expect((await ours(["exec", "shop", "true"])).stderr).toContain("'strata exec pod/shop -- COMMAND'");
  expect((await ours(["stop", "deploy/shop"])).stderr).toContain("'strata delete deploy/shop'");
  expect((await ours(["stop", "nobody"])).stderr).toBe("strata: No such container: nobody\n");
  await cluster.kubectl("delete", "pod", "shop");
});

test("deploy takes the one port that the image EXPOSEs, and writes YAML without anchors", async () => {
  const { stdout } = await ours(["deploy", "elsewhere", "--replicas", "2", "--dry-run"]);
  expect(stdout).toMatch(/kind: Service[^]*port: 8080\n +targetPort: 8080/);
  expect(stdout).not.toMatch(/[&*]a\d/);
  expect((await cluster.feed(stdout, "apply", "--dry-run=server", "-f", "-")).stdout).toContain("service/elsewhere created (server dry run)");
  expect((await ours(["deploy", "several", "--dry-run"])).stdout).not.toContain("kind: Service");
});

test("deploy does not wait for a port at which nobody listens: the image says another", async () => {
  const port = await freePort();
  const { status, stderr } = await ours(["deploy", "elsewhere", "--port", `${port}:81`, "--timeout", "80s"]);
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/pod elsewhere-\S+ runs but is not ready: Readiness probe failed: .*81.*refused\nelsewhere EXPOSEs 8080: try --port/),
  ]);
  await cluster.kubectl("delete", "deployment,service", "elsewhere");
});

test("a manifest that is applied over what deploy made takes its place, another kind of probe too", async () => {
  expect((await ours(["deploy", "elsewhere", "--name", "probed", "--replicas", "0", "--no-wait"])).status).toBe(0);
  const labels = { app: "probed" };
  const containers = [{ name: "probed", image: "elsewhere", readinessProbe: { httpGet: { path: "/", port: 8080 } } }];
  const spec = { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
  const manifest = JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "probed" }, spec });
  expect(await ours(["apply", "-f", "-"], manifest)).toMatchObject({ status: 0, stdout: "deployment.apps/probed configured\n" });
  const probe = await strataOutput(cluster.root, "get", "deploy", "probed", "-o", "jsonpath={.spec.template.spec.containers[0].readinessProbe}");
  expect(JSON.parse(probe)).not.toHaveProperty("tcpSocket");
  await cluster.kubectl("delete", "deployment,service", "probed");
});
