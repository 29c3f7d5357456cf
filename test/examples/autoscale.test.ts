/** examples/autoscale as its README tells it. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { freePort } from "../support/free-port.ts";
import { projectRoot } from "../support/root.ts";

const FOLDER = join(projectRoot, "examples/autoscale");
const LOAD_SECONDS = 30;
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(
    async (root) => {
      await strataOutput(root, "base", "create", "local/node", "--bin", "sh,node", "--user", "app:1000");
      await strataOutput(root, "build", "-t", "autoscale:v1", FOLDER);
    },
    ["--horizontal-pod-autoscaler-sync-period", "2s", "--metric-resolution", "2s"],
  );
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

describe("autoscale", { timeout: 300_000 }, () => {
  test("load raises the replicas, and its end lowers them", async () => {
    const port = await freePort();
    await cluster.apply(readFileSync(join(FOLDER, "autoscale.yaml"), "utf8").replace("port: 8086", `port: ${port}`));
    await cluster.kubectl("rollout", "status", "deployment/autoscale", "--timeout=180s");
    await eventually(async () => expect(await cluster.kubectl("get", "hpa", "autoscale", "--no-headers")).toMatch(/cpu: \d+%\/50%\s+1\s+4\s+1\s/));

    const load = promisify(execFile)(process.execPath, [join(FOLDER, "load.mjs"), `http://127.0.0.1:${port}`, "15", String(LOAD_SECONDS)]);
    await eventually(async () => expect((await cluster.get("deployment", "autoscale")).status.readyReplicas).toBe(4), 120_000);
    const { stdout } = await load;
    const told = await eventually(async () => {
      const text = await cluster.kubectl("describe", "hpa", "autoscale");
      expect(text).toMatch(/SuccessfulRescale\s.*New size: 4; reason: cpu resource utilization \(percentage of request\) above target/);
      return text;
    });
    expect(told).toMatch(/ScalingActive\s+True\s+ValidMetricFound/);
    expect(stdout, "every request was served").toMatch(/^0\tfailed$/m);
    expect(stdout.match(/served by autoscale-/g)?.length, "by more than one pod").toBeGreaterThan(1);

    await eventually(async () => expect((await cluster.get("deployment", "autoscale")).status.replicas).toBe(1), 150_000);
    await eventually(async () => expect(await cluster.kubectl("events", "--for=hpa/autoscale")).toContain("New size: 1; reason: All metrics below target"));
  });
});
