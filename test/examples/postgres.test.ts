/** examples/postgres: a primary and two standbys found by their names, killed, scaled and updated; the rows are counted everywhere each time. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { projectRoot } from "../support/root.ts";

const run = promisify(execFile);
const EXAMPLE = join(projectRoot, "examples/postgres");
const PATIENCE = 180_000;
const ALL = ["postgres-0", "postgres-1", "postgres-2"];

let cluster: TestCluster;
let rows = 0;

beforeAll(async () => {
  const { stdout: tar } = await run(join(EXAMPLE, "base.sh"), [join(projectRoot, ".cache")]);
  cluster = await TestCluster.start(async (root) => {
    await strataOutput(root, "image", "import", tar.trim(), "local/debian-postgres");
    await strataOutput(root, "build", "--quiet", "--tag", "local/postgres:v1", EXAMPLE);
    await strataOutput(root, "tag", "local/postgres:v1", "local/postgres:v2");
  });
  await cluster.apply(readFileSync(join(EXAMPLE, "postgres.yaml"), "utf8"));
  await ready(3);
}, 300_000);

afterAll(async () => await cluster[Symbol.asyncDispose]());

async function ready(replicas: number): Promise<void> {
  await eventually(async () => {
    const { status, spec } = await cluster.get("statefulset", "postgres");
    expect(spec.replicas).toBe(replicas);
    expect(status).toMatchObject({ replicas, readyReplicas: replicas });
    for (let ordinal = 0; ordinal < replicas; ordinal++) expect(await isReady(`postgres-${ordinal}`)).toBe(true); // the set hears of it later
  }, PATIENCE);
}

async function isReady(pod: string): Promise<boolean> {
  return (await cluster.get("pod", pod)).status.containerStatuses[0].ready;
}

async function sql(pod: string, query: string): Promise<string> {
  return await cluster.kubectl("exec", pod, "--", "psql", "--no-align", "--tuples-only", "--quiet", "--command", query);
}

async function write(count: number): Promise<void> {
  await sql("postgres-0", `INSERT INTO ledger (amount) SELECT generate_series(1, ${count})`);
  rows += count;
}

/** Every row ever written is on every pod, none twice, and only the first pod takes writes. */
async function verify(pods: readonly string[]): Promise<void> {
  for (const pod of pods) {
    const question = "SELECT count(*), count(DISTINCT id), pg_is_in_recovery() FROM ledger";
    await eventually(async () => expect(await sql(pod, question)).toBe(`${rows}|${rows}|${pod === "postgres-0" ? "f" : "t"}`), PATIENCE);
  }
}

async function restarts(pod: string): Promise<number> {
  return (await cluster.get("pod", pod)).status.containerStatuses[0].restartCount;
}

/** kill -9 of the pod's PostgreSQL, from the host. */
async function kill(pod: string): Promise<void> {
  const before = await restarts(pod);
  const [id = ""] = (await strataOutput(cluster.root, "ps", "--quiet", "--no-trunc", "--filter", `name=k8s_postgres_${pod}_`)).split("\n");
  process.kill(Number(await strataOutput(cluster.root, "inspect", "--format", "{{.State.Pid}}", id)), "SIGKILL");
  await eventually(async () => expect(await restarts(pod)).toBe(before + 1), PATIENCE);
}

test("the standbys copy the primary and stream from it, found by its name", async () => {
  await sql("postgres-0", "CREATE TABLE ledger (id serial PRIMARY KEY, amount int)");
  await write(1000);
  await verify(ALL);
  await eventually(async () => expect(await sql("postgres-0", "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'")).toBe("2"), PATIENCE);
  expect(await sql("postgres-1", "SELECT sender_host FROM pg_stat_wal_receiver")).toBe("postgres-0.postgres.default.svc.cluster.local");
  await expect(sql("postgres-1", "INSERT INTO ledger (amount) VALUES (1)")).rejects.toThrow(/read-only transaction/);
});

test("each runs as its own user, with the shared memory that was asked and no locale but C", async () => {
  expect(await cluster.kubectl("exec", "postgres-1", "--", "sh", "-c", "id -u; stat -fc '%T %b %S' /dev/shm")).toBe(`999\ntmpfs ${(128 << 20) / 4096} 4096`);
  expect(await sql("postgres-0", "SHOW lc_collate")).toBe("C");
});

test("postgres-read answers by password from any of them", async () => {
  const connection = "host=postgres-read user=postgres dbname=postgres password=change-me connect_timeout=5";
  const seen = new Set<string>();
  await eventually(async () => {
    const question = "SELECT count(*) || ' ' || inet_server_addr() FROM ledger";
    const [count, address = ""] = (await cluster.kubectl("exec", "postgres-2", "--", "psql", "-Atc", question, connection)).split(" ");
    expect(count).toBe(String(rows));
    seen.add(address);
    expect(seen.size).toBeGreaterThan(1);
  }, PATIENCE);
});

test.each(ALL)(
  "%s killed by kill -9 comes back with its rows, and with those written since",
  async (pod) => {
    await kill(pod);
    if (pod === "postgres-0") await ready(3);
    await write(100);
    await ready(3);
    await verify(ALL);
  },
  3 * PATIENCE,
);

test(
  "a row that was acknowledged before the kill -9 of the primary is there afterwards",
  async () => {
    // Counts the inserts that were answered until one is not.
    const loop = 'i=0; while psql -qc "INSERT INTO ledger (amount) VALUES (-1)" "$0"; do i=$((i + 1)); done 2>/dev/null; echo $i';
    const connection = "host=postgres-0.postgres user=postgres dbname=postgres password=change-me";
    const writer = cluster.kubectl("exec", "postgres-1", "--", "sh", "-c", loop, connection);
    await eventually(async () => expect(Number(await sql("postgres-0", "SELECT count(*) FROM ledger WHERE amount = -1"))).toBeGreaterThan(20), PATIENCE);
    await kill("postgres-0");
    const acknowledged = Number(await writer);
    await ready(3);
    const kept = Number(await sql("postgres-0", "SELECT count(*) FROM ledger WHERE amount = -1"));
    expect(kept).toBeGreaterThanOrEqual(acknowledged);
    expect(kept).toBeLessThanOrEqual(acknowledged + 1); // the last one may have been written but not answered
    rows += kept;
    await verify(ALL);
  },
  3 * PATIENCE,
);

test(
  "a pod that is deleted by force comes back by its name, with its volume",
  async () => {
    const before = (await cluster.get("pod", "postgres-2")).metadata.uid;
    const volume = (await cluster.get("pvc", "data-postgres-2")).spec.volumeName;
    await cluster.kubectl("delete", "pod", "postgres-2", "--grace-period=0", "--force");
    await write(100);
    await eventually(async () => expect((await cluster.get("pod", "postgres-2")).metadata.uid).not.toBe(before), PATIENCE);
    await ready(3);
    await verify(ALL);
    expect((await cluster.get("pvc", "data-postgres-2")).spec.volumeName).toBe(volume);
  },
  3 * PATIENCE,
);

test(
  "scaled 3 → 1 → 3 the claims stay, and the standbys catch up with what they missed",
  async () => {
    await cluster.kubectl("scale", "statefulset/postgres", "--replicas=1");
    await ready(1);
    await eventually(async () => expect((await cluster.get("pods", "-l", "app=postgres")).items).toHaveLength(1), PATIENCE);
    await write(5000);
    await verify(["postgres-0"]);
    const claims = async (): Promise<readonly string[]> =>
      (await cluster.get("pvc")).items.map(({ metadata, status }: any) => `${metadata.name} ${status.phase}`).toSorted();
    expect(await claims()).toEqual(ALL.map((pod) => `data-${pod} Bound`));
    await cluster.kubectl("scale", "statefulset/postgres", "--replicas=3");
    await ready(3);
    await verify(ALL);
    expect(await claims()).toHaveLength(3);
  },
  4 * PATIENCE,
);

test(
  "a standby that was away for more than the primary keeps is copied anew",
  async () => {
    await cluster.kubectl("scale", "statefulset/postgres", "--replicas=2");
    await ready(2);
    await eventually(async () => expect((await cluster.get("pods", "-l", "app=postgres")).items).toHaveLength(2), PATIENCE);
    await sql("postgres-0", "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
    await sql("postgres-0", "SELECT pg_reload_conf()");
    for (const _ of [1, 2, 3, 4]) {
      await write(10);
      await sql("postgres-0", "SELECT pg_switch_wal()");
    }
    await eventually(async () => {
      await sql("postgres-0", "CHECKPOINT");
      expect(await sql("postgres-0", "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'standby_2'")).toBe("lost");
    }, PATIENCE); // the reload is told to each process by a signal
    await sql("postgres-0", "ALTER SYSTEM RESET max_slot_wal_keep_size");
    await sql("postgres-0", "SELECT pg_reload_conf()");
    await cluster.kubectl("scale", "statefulset/postgres", "--replicas=3");
    await ready(3);
    await verify(ALL);
  },
  4 * PATIENCE,
);

test(
  "an update by partition changes the last pod alone, then all, the primary last",
  async () => {
    const images = async (): Promise<readonly string[]> =>
      (await cluster.get("pods", "-l", "app=postgres")).items.map((pod: any) => `${pod.metadata.name} ${pod.spec.containers[0].image}`).toSorted();
    const partition = async (ordinal: number): Promise<string> =>
      await cluster.kubectl("patch", "statefulset", "postgres", "-p", JSON.stringify({ spec: { updateStrategy: { rollingUpdate: { partition: ordinal } } } }));
    await partition(2);
    await cluster.kubectl("set", "image", "statefulset/postgres", "postgres=local/postgres:v2");
    await cluster.kubectl("rollout", "status", "statefulset/postgres", "--timeout=180s");
    expect(await images()).toEqual(["postgres-0 local/postgres:v1", "postgres-1 local/postgres:v1", "postgres-2 local/postgres:v2"]);
    await write(100);
    await verify(ALL);
    await partition(0);
    await cluster.kubectl("rollout", "status", "statefulset/postgres", "--timeout=180s");
    expect(await images()).toEqual(ALL.map((pod) => `${pod} local/postgres:v2`));
    await write(100);
    await verify(ALL);
  },
  4 * PATIENCE,
);
