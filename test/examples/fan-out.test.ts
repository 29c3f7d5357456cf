/** examples/fan-out as its README tells it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { projectRoot } from "../support/root.ts";

const FOLDER = join(projectRoot, "examples/fan-out");
let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "base", "create", "local/node", "--bin", "sh,node", "--user", "app:1000");
    await strataOutput(root, "build", "-t", "fan-out:v1", FOLDER);
  });
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

describe("fan-out", { timeout: 300_000 }, () => {
  test("a Job fans out over an index, three pods at a time", async () => {
    await cluster.apply(readFileSync(join(FOLDER, "fan-out.yaml"), "utf8"));
    const three = cluster.kubectl("wait", "--for=jsonpath={.status.active}=3", "--timeout=180s", "job/count"); // watches: it misses no state
    const [most] = await Promise.all([mostAtOnce(), three]);
    await cluster.kubectl("wait", "--for=condition=complete", "--timeout=180s", "job/count");
    expect(await cluster.kubectl("get", "job", "count", "-o", "jsonpath={.status.completedIndexes} {.status.succeeded}")).toBe("0-7 8");
    expect(most).toBeLessThanOrEqual(3);
    const logs = (await cluster.kubectl("logs", "-l", "job-name=count", "--tail=-1")).split("\n").toSorted();
    expect(logs).toHaveLength(8);
    expect(logs[3]).toBe("count-3: 9634 primes in [375000, 500000)");
  });

  test("a CronJob reports, here by hand", async () => {
    expect(await cluster.kubectl("get", "cronjob", "report", "--no-headers")).toMatch(/^report\s+0 9-17 \* \* mon-fri\s+Europe\/Berlin\s+False\s/);
    await cluster.kubectl("create", "job", "now", "--from=cronjob/report");
    await cluster.kubectl("wait", "--for=condition=complete", "--timeout=180s", "job/now");
    const report = await cluster.kubectl("logs", "job/now");
    expect(report.split("\n").at(-1)).toBe("8 of 8 slices: 78498 primes below 1000000");
    expect(report).toMatch(/slice 7\t\[875000, 1000000\)\t\d+\tby count-7/);
  });

  test("a slice whose pod is lost is tried again, and only that one", async () => {
    await cluster.kubectl("delete", "job", "count");
    const slow = '["-e", "setTimeout(() => import(\'/srv/fan-out/count.mjs\'), 60000)"]';
    const manifest = readFileSync(join(FOLDER, "fan-out.yaml"), "utf8")
      .replace("[count.mjs]", slow)
      .replace("parallelism: 3", "parallelism: 1")
      .replace("restartPolicy: Never", "restartPolicy: Never\n      terminationGracePeriodSeconds: 1");
    await cluster.apply(manifest);
    const [victim] = await eventually(async () => {
      const running = (await cluster.pods("job-name=count")).filter(({ status }) => status.phase === "Running");
      expect(running).toHaveLength(1);
      return running;
    });
    await cluster.kubectl("delete", "pod", victim.metadata.name, "--grace-period=1");
    await eventually(async () => expect((await cluster.get("job", "count")).status).toMatchObject({ failed: 1, failedIndexes: "" }));
    await eventually(async () => {
      const again = (await cluster.pods("job-name=count")).find(({ metadata }) => metadata.labels["batch.kubernetes.io/job-completion-index"] === "0");
      expect(again.metadata.annotations["batch.kubernetes.io/job-index-failure-count"]).toBe("1");
    }, 180_000);
    await cluster.kubectl("delete", "job", "count");
  });
});

/** Pods of the Job that were seen active at one moment; looks until all have succeeded. */
async function mostAtOnce(): Promise<number> {
  let most = 0;
  await eventually(async () => {
    const { status = {} } = await cluster.get("job", "count");
    most = Math.max(most, status.active ?? 0);
    expect(status.succeeded).toBe(8);
  }, 180_000);
  return most;
}
