/** The control plane is killed at many moments: no container is restarted, no object lost, and what happened meanwhile is made good. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveStrata, strataOutput } from "../support/cli.ts";
import { eventually, UP, type TestCluster } from "../support/cluster.ts";
import { eventsOf, IDLE, pod, podCluster, sh, untilPhase, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await podCluster();
}, 300_000);
afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

/** Ends the control plane as a crash does; `meanwhile` happens before it is back. */
async function crash(meanwhile: () => Promise<unknown> = async () => {}): Promise<void> {
  const { process: up } = cluster.server;
  const ended = new Promise((resolve) => up.once("exit", resolve));
  up.kill("SIGKILL");
  await ended;
  try {
    await meanwhile();
  } finally {
    cluster.server = await serveStrata(cluster.root, UP, /^ready$/);
  }
}

const idOf = (found: any, index = 0): string => found.status.containerStatuses[index].containerID.replace("strata://", "");
const pidOf = async (id: string): Promise<number> => Number(await strataOutput(cluster.root, "inspect", "--format", "{{.State.Pid}}", id));
const containersOf = async (name: string): Promise<readonly string[]> =>
  (await strataOutput(cluster.root, "ps", "-aq", "--filter", `label=io.kubernetes.pod.name=${name}`)).split("\n").filter((line) => line !== "");

describe("a crash of the control plane", { timeout: 300_000 }, () => {
  test("leaves containers running; logs, exec and probes go on", async () => {
    const probes = {
      livenessProbe: { exec: { command: ["sh", "-c", "test ! -e /tmp/sick"] }, periodSeconds: 1, timeoutSeconds: 30 },
      readinessProbe: { exec: { command: ["cat", "/tmp/ready"] }, periodSeconds: 1, timeoutSeconds: 30 },
    };
    const talk = "touch /tmp/ready; trap 'exit 0' TERM; i=0; while :; do i=$((i + 1)); echo tick $i; sleep 0.2; done";
    const sidecar = sh("side", IDLE, { restartPolicy: "Always" });
    await cluster.apply(
      pod("keeper", { initContainers: [sh("init", "true"), sidecar], containers: [sh("c", talk, probes)] }),
      pod("shared-processes", { shareProcessNamespace: true, containers: [sh("a", IDLE), sh("b", IDLE)] }),
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kept" }, data: { a: "b" } },
    );
    const names = ["keeper", "shared-processes"];
    for (const name of names) await untilReady(cluster, name);
    const facts = async (): Promise<unknown> =>
      await Promise.all(
        names.map(async (name) => {
          const { metadata, status } = await cluster.get("pod", name);
          const all = [...(status.initContainerStatuses ?? []), ...status.containerStatuses];
          const pids = await Promise.all(
            all.filter(({ state }: any) => state.running).map(async ({ containerID }: any) => await pidOf(containerID.replace("strata://", ""))),
          );
          return [
            metadata.uid,
            status.podIP,
            status.startTime,
            pids,
            all.map(({ containerID, restartCount, ready }: any) => [containerID, restartCount, ready]),
          ];
        }),
      );
    const objects = async (): Promise<string> => await cluster.kubectl("get", "pods,configmaps,serviceaccounts,services,namespaces", "-A", "-o", "name");
    const before = [await facts(), await objects()];
    const ticks = async (): Promise<number> => Number(/(\d+)$/.exec(await cluster.kubectl("logs", "keeper", "-c", "c", "--tail=1"))?.[1]);
    const heard = await ticks();
    for (let round = 0; round < 3; round++) await crash(async () => await delay(300 * round));
    for (const name of names) await untilReady(cluster, name);
    await eventually(async () => expect([await facts(), await objects()]).toEqual(before)); // probes begin anew
    await eventually(async () => expect(await ticks()).toBeGreaterThan(heard + 3));
    expect(await cluster.kubectl("exec", "keeper", "-c", "c", "--", "echo", "here")).toBe("here");
    expect(await cluster.kubectl("logs", "keeper", "-c", "c", "--tail=-1")).toMatch(/^tick 1\ntick 2\n/);
    await cluster.kubectl("exec", "keeper", "-c", "c", "--", "rm", "/tmp/ready");
    await untilPod(cluster, "keeper", ({ status }) => status.containerStatuses[0].ready === false);
    await cluster.kubectl("exec", "keeper", "-c", "c", "--", "touch", "/tmp/sick");
    await untilPod(cluster, "keeper", ({ status }) => status.containerStatuses[0].restartCount === 1);
  });

  test("what died meanwhile is restarted after, what was done is told as done", async () => {
    await cluster.apply(
      pod("victim", { containers: [sh("c", IDLE), sh("other", IDLE)] }),
      pod("finisher", { restartPolicy: "Never", containers: [sh("c", "while ! test -e /tmp/go; do sleep 0.1; done; sleep 3; echo bye; exit 6")] }),
    );
    const [victim, finisher] = [await untilReady(cluster, "victim"), await untilReady(cluster, "finisher")];
    await cluster.kubectl("exec", "finisher", "--", "true");
    const other = await pidOf(idOf(victim, 1));
    // The finisher lingers: who told it to go is a process of its own, and would be gone (137) with it.
    await crash(async () => {
      process.kill(await pidOf(idOf(victim)), "SIGKILL");
      await strataOutput(cluster.root, "exec", idOf(finisher), "touch", "/tmp/go");
      await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-q")).not.toContain(idOf(finisher).slice(0, 12)));
    });
    const back = await untilPod(
      cluster,
      "victim",
      ({ status }) => status.containerStatuses[0].restartCount === 1 && status.containerStatuses[0].state.running !== undefined,
    );
    expect(back.status.containerStatuses[0].lastState.terminated).toMatchObject({ exitCode: 137, reason: "Error" });
    expect(back.status.containerStatuses[1].restartCount).toBe(0);
    expect(await pidOf(idOf(back, 1))).toBe(other);
    const { status } = await untilPhase(cluster, "finisher", "Failed");
    expect(status.containerStatuses[0].state.terminated.exitCode).toBe(6);
    expect(await cluster.kubectl("logs", "finisher")).toBe("bye");
  });

  test("a pod that was being deleted goes, one that was forced away leaves nothing", async () => {
    const slow = sh("c", "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done");
    await cluster.apply(
      pod("leaving", { terminationGracePeriodSeconds: 20, containers: [slow] }),
      pod("forced", { terminationGracePeriodSeconds: 60, containers: [slow] }),
    );
    for (const name of ["leaving", "forced"]) await untilReady(cluster, name);
    await cluster.kubectl("delete", "pod", "leaving", "--wait=false");
    await cluster.kubectl("delete", "pod", "forced", "--force", "--grace-period=0", "--wait=false");
    await crash();
    await cluster.kubectl("wait", "--for=delete", "pod/leaving", "--timeout=120s");
    for (const name of ["leaving", "forced"]) await eventually(async () => expect(await containersOf(name)).toEqual([]), 120_000);
  });

  test("while pods are made: at any moment, each runs once in the end", async () => {
    const names = [0, 100, 250, 500, 900].map((ms) => ({ ms, name: `made-${ms}` }));
    for (const { ms, name } of names) {
      await cluster.apply(pod(name, { initContainers: [sh("init", "sleep 0.3")], containers: [sh("a", IDLE), sh("b", IDLE)] }));
      await delay(ms);
      await crash();
    }
    for (const { name } of names) {
      const { status } = await untilReady(cluster, name);
      const running = await strataOutput(cluster.root, "ps", "-q", "--filter", `label=io.kubernetes.pod.name=${name}`);
      expect(running.split("\n")).toHaveLength(2);
      expect(status.containerStatuses.map(({ state }: any) => Object.keys(state))).toEqual([["running"], ["running"]]);
    }
  });

  test("while a container is held back: its wait goes on where it was", async () => {
    await cluster.apply(pod("crashing", { containers: [sh("c", "exit 1")] }));
    const held = await untilPod(cluster, "crashing", ({ status }) => status.containerStatuses?.[0].state.waiting?.reason === "CrashLoopBackOff");
    expect(held.status.containerStatuses[0].restartCount).toBe(1);
    await crash();
    const again = await untilPod(cluster, "crashing", (found) => found.status.containerStatuses[0].restartCount === 2);
    const [{ state, lastState }] = again.status.containerStatuses;
    const { startedAt } = state.running ?? state.terminated ?? lastState.terminated;
    const waited = Date.parse(startedAt) - Date.parse(held.status.containerStatuses[0].lastState.terminated.finishedAt);
    expect(waited).toBeGreaterThanOrEqual(9_000); // of ten seconds, told in whole ones
    const waits = await untilPod(cluster, "crashing", (found) => found.status.containerStatuses[0].state.waiting !== undefined);
    expect(waits.status.containerStatuses[0].state.waiting.message).toContain("back-off 20s");
    expect((await eventsOf(cluster, "crashing")).join("\n")).toContain("Back-off restarting failed container c");
  });

  test("changes that were made meanwhile reach volumes after", async () => {
    const volumes = [{ name: "v", configMap: { name: "late" } }];
    await cluster.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "late" }, data: { word: "old" } });
    await cluster.apply(pod("reads", { volumes, containers: [sh("c", IDLE, { volumeMounts: [{ name: "v", mountPath: "/v" }] })] }));
    await untilReady(cluster, "reads");
    await cluster.kubectl("patch", "configmap", "late", "-p", '{"data":{"word":"new"}}');
    await crash();
    await eventually(async () => expect(await cluster.kubectl("exec", "reads", "--", "cat", "/v/word")).toBe("new"));
  });
});
