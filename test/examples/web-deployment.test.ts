/** examples/web-deployment as its README tells it. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { projectRoot } from "../support/root.ts";

const MANIFEST = join(projectRoot, "examples/web-deployment/web.yaml");
const HELLO = join(projectRoot, "examples/hello");
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "base", "create", "local/node", "--bin", "sh,ls,cat,mkdir,node", "--user", "app:1000");
    for (const version of ["v1", "v2"]) await strataOutput(root, "build", "-q", "-t", `hello:${version}`, "--build-arg", `VERSION=${version}`, HELLO);
  });
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);

/** What the Service says, asked from inside of a pod by its name. */
async function answer(): Promise<string> {
  const ask = "fetch('http://web/').then((response) => response.text()).then((text) => process.stdout.write(text))";
  return await kubectl("exec", "deployment/web", "--", "node", "-e", ask);
}

/** Pods and what they run. */
async function running(): Promise<readonly string[]> {
  return (await cluster.pods("app=web")).map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0].image}`);
}

describe("web-deployment", { timeout: 300_000 }, () => {
  test("two replicas come up behind one name", async () => {
    expect(await kubectl("apply", "-f", MANIFEST)).toBe("deployment.apps/web created\nservice/web created");
    expect(await kubectl("rollout", "status", "deployment/web", "--timeout=180s")).toContain('deployment "web" successfully rolled out');
    expect(await kubectl("get", "deployment", "web", "--no-headers")).toMatch(/^web\s+2\/2\s+2\s+2\s/);
    await eventually(async () => expect(await answer()).toMatch(/^hello v1 from web-/));
    expect(await kubectl("apply", "-f", MANIFEST)).toBe("deployment.apps/web unchanged\nservice/web unchanged");
  });

  test("another image rolls one by one, never with fewer than two", async () => {
    await kubectl("set", "image", "deployment/web", "web=hello:v2");
    await kubectl("annotate", "deployment/web", "kubernetes.io/change-cause=second version", "--overwrite");
    await kubectl("rollout", "status", "deployment/web", "--timeout=180s");
    expect((await running()).map((line) => line.split(" ")[1])).toEqual(["hello:v2", "hello:v2"]);
    await eventually(async () => expect(await answer()).toMatch(/^hello v2 from web-/));
    const told = async (): Promise<readonly string[]> =>
      [...(await kubectl("describe", "deployment", "web")).matchAll(/Scaled (up|down) replica set (web-\w+) to (\d)(?: from (\d))?$/gm)].map(
        ([, direction, , to, from = "0"]) => `${direction} ${from}→${to}`,
      );
    await eventually(async () => expect(await told()).toEqual(["up 0→2", "up 0→1", "down 2→1", "up 1→2", "down 1→0"]));
  });

  test("its history has both causes, and undo brings the first back", async () => {
    await eventually(async () => {
      const history = (await kubectl("rollout", "history", "deployment/web")).split("\n").slice(1);
      expect(history.map((line) => line.replace(/\s+/g, " ").trim())).toEqual(["REVISION CHANGE-CAUSE", "1 first version", "2 second version"]);
    });
    const before = await running();
    expect(await kubectl("rollout", "undo", "deployment/web")).toBe("deployment.apps/web rolled back");
    await kubectl("rollout", "status", "deployment/web", "--timeout=180s");
    const after = await running();
    expect(after.map((line) => line.split(" ")[1])).toEqual(["hello:v1", "hello:v1"]);
    expect(after.filter((line) => before.includes(line))).toEqual([]);
    await eventually(async () => expect(await answer()).toMatch(/^hello v1 from web-/));
  });

  test("deleting the manifest leaves nothing", async () => {
    expect(await kubectl("delete", "-f", MANIFEST)).toContain('deployment.apps "web" deleted');
    await eventually(async () => {
      expect(await kubectl("get", "replicasets,pods,endpointslices", "-l", "app=web", "-o", "name")).toBe("");
      expect(await strataOutput(cluster.root, "ps", "-aq")).toBe("");
    });
  });
});
