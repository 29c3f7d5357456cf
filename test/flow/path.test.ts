/** The whole path, Dockerfile to replicas, with the clients that users have: skopeo, docker and kubectl. */
import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runStrata, serveStrata, strataOutput, type Server } from "../support/cli.ts";
import { eventually, settled } from "../support/cluster.ts";
import { startDockerd } from "../support/dockerd.ts";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { leftovers } from "../support/leftovers.ts";
import { projectRoot, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const run = promisify(execFile);
const HELLO = join(projectRoot, "examples/hello");

let root: TemporaryRoot;
let registry: Server;
let name: string;

beforeAll(async () => {
  root = temporaryRoot();
  await strataOutput(root, "base", "create", "local/node", "--bin", "sh,ls,cat,echo,sleep,ps,id,env,touch,mkdir,node", "--user", "app:1000");
  await strataOutput(root, "build", "-q", "-t", "hello:v1", "--build-arg", "VERSION=v1", HELLO);
  await strataOutput(root, "build", "-q", "-t", "hello:v2", "--build-arg", "VERSION=v2", HELLO);
  registry = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0"], /127\.0\.0\.1:\d+/);
  name = `${registry.match[0]}/hello:v1`;
  await strataOutput(root, "tag", "hello:v1", name);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  const found = await settled(() => leftovers(root));
  root[Symbol.dispose]();
  expect(found).toEqual([]);
});

async function imageID(reference: string): Promise<string> {
  return await strataOutput(root, "image", "inspect", "--format", "{{.Id}}", reference);
}

describe("an image on its way", () => {
  test("pushed, removed and pulled, it is the same image", async () => {
    const built = await imageID("hello:v1");
    await strataOutput(root, "push", name);
    await strataOutput(root, "rmi", name);
    await strataOutput(root, "pull", name);
    expect(await imageID(name)).toBe(built);
  });

  test("skopeo copies it out and in with its digests", async () => {
    await strataOutput(root, "push", name);
    const layout = join(root.root, "..", "layout");
    mkdirSync(layout);
    await run("skopeo", ["copy", "--src-tls-verify=false", `docker://${name}`, `oci:${layout}:v1`]);
    const copy = name.replace("hello:v1", "copy:v1");
    await run("skopeo", ["copy", "--dest-tls-verify=false", `oci:${layout}:v1`, `docker://${copy}`]);
    const digest = async (reference: string): Promise<string> =>
      (await run("skopeo", ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", `docker://${reference}`])).stdout.trim();
    expect(await digest(copy)).toBe(await digest(name));
    await strataOutput(root, "pull", copy);
    expect(await imageID(copy)).toBe(await imageID("hello:v1"));
  });

  test("docker pulls it, runs it, and pushes it back", async () => {
    await using engine = await startDockerd();
    await strataOutput(root, "push", name);
    await engine.docker("pull", name);
    expect(await engine.docker("image", "inspect", "--format", "{{.Id}}", name)).toBe(await imageID("hello:v1"));
    const user = await engine.docker("run", "--rm", "--network", "none", "--entrypoint", "id", name, "-u");
    expect(user).toBe("1000");
    const back = name.replace("hello:v1", "from-docker:v1");
    await engine.docker("tag", name, back);
    await engine.docker("push", back);
    await strataOutput(root, "pull", back);
    expect(await imageID(back)).toBe(await imageID("hello:v1"));
  });
});

describe("replicas of it", () => {
  let cluster: Server;
  let home: string;

  beforeAll(async () => {
    cluster = await serveStrata(root, ["up", "--listen", "127.0.0.1:0"], /ready/i);
    home = join(root.root, "..", "home");
    mkdirSync(home);
  });

  afterAll(async () => {
    await strataOutput(root, "down");
    await cluster[Symbol.asyncDispose]();
  });

  async function kubectl(...args: readonly string[]): Promise<string> {
    const kubeconfig = await strataOutput(root, "kubeconfig", "--path");
    const { stdout } = await run(await findKubectl(), args, { env: { ...process.env, HOME: home, KUBECONFIG: kubeconfig } });
    return stdout.trim();
  }

  test("deploy, lose one, roll to v2 and back", { timeout: 300_000 }, async () => {
    await strataOutput(root, "deploy", "hello:v1", "--name", "hello", "--replicas", "3");
    expect(await kubectl("rollout", "status", "deployment/hello", "--timeout=180s")).toContain("successfully rolled out");
    const [lost = ""] = (await kubectl("get", "pods", "-o", "name")).split("\n");
    await kubectl("delete", lost, "--wait=true");
    await eventually(async () => {
      const names = (await kubectl("get", "pods", "-o", "name")).split("\n");
      expect(names).toHaveLength(3);
      expect(names).not.toContain(lost);
    });
    await kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s");
    await kubectl("set", "image", "deployment/hello", "*=hello:v2");
    await kubectl("rollout", "status", "deployment/hello", "--timeout=180s");
    expect(await kubectl("get", "deployment", "hello", "-o", "jsonpath={.spec.template.spec.containers[0].image}")).toBe("hello:v2");
    await kubectl("rollout", "undo", "deployment/hello");
    await kubectl("rollout", "status", "deployment/hello", "--timeout=180s");
    await eventually(async () => expect(await kubectl("rollout", "history", "deployment/hello")).toMatch(/^3\s/m));
    expect(await kubectl("get", "deployment", "hello", "-o", "jsonpath={.spec.template.spec.containers[0].image}")).toBe("hello:v1");
    await kubectl("delete", "deployment", "hello");
  });
});

test("an image that does not exist is refused by name", async () => {
  const { status, stderr } = await runStrata(root, ["run", "--rm", "--pull", "never", "no-such-image"]);
  expect(status).toBe(125);
  expect(stderr).toContain("no-such-image");
});
