/** Events as controllers record them, and what of their errors is told. */
import { expect, test } from "vitest";
import type { Cluster, Draft, KubeObject } from "../../orchestrator/cluster.ts";
import { runController } from "../../orchestrator/controllers/controller.ts";
import { createRecorder } from "../../orchestrator/controllers/events.ts";
import { conflict, forbidden } from "../../orchestrator/errors.ts";
import { FakeClock, settle } from "./fake-clock.ts";
import { pod } from "./objects.ts";

/** Keeps events, and sends the object `p` to who watches. */
function paperCluster(events: Map<string, Draft>): Cluster {
  const cluster = {
    create: async (_: string, draft: Draft) => {
      const name = draft.metadata.name ?? "";
      events.set(name, draft);
      return await Promise.resolve({ ...draft, metadata: { ...draft.metadata, name } });
    },
    modify: async (_: string, { name }: { readonly name: string }, change: (event: KubeObject) => KubeObject) => {
      const changed = change(events.get(name) as unknown as KubeObject);
      events.set(name, changed);
      return await Promise.resolve(changed);
    },
    watch: (_: string, listener: (event: { readonly type: string; readonly object: KubeObject }) => void) => {
      listener({ type: "ADDED", object: pod("p") });
      return { [Symbol.dispose]: () => {} };
    },
  };
  return cluster as unknown as Cluster;
}

test("the same happening counts up, though the object was written between", async () => {
  const events = new Map<string, Draft>();
  const recorder = createRecorder({ cluster: paperCluster(events), clock: new FakeClock(), component: "default-scheduler" });
  const object = pod("p");
  recorder.record(object, "Warning", "FailedScheduling", "no room");
  recorder.record({ ...object, metadata: { ...object.metadata, resourceVersion: "2" } }, "Warning", "FailedScheduling", "no room");
  recorder.record(object, "Warning", "FailedScheduling", "no node");
  await settle();
  const told = [...events.values()].map((event) => event as unknown as { readonly count: number; readonly message: string });
  expect(told.map(({ message, count }) => [message, count])).toEqual([
    ["no room", 2],
    ["no node", 1],
  ]);
});

const pods = { resource: "pods", group: "" };
test.each([
  { name: "a pod that cannot be made", error: forbidden(pods, "p", "exceeded quota"), told: 1 },
  { name: "a lost race", error: conflict(pods, "p"), told: 0 },
  { name: "a namespace that is going", error: forbidden(pods, "p", "it is being terminated", [{ reason: "NamespaceTerminating", message: "" }]), told: 0 },
])("of $name $told is told", async ({ error, told }) => {
  const complaints: string[] = [];
  const reconcile = async (): Promise<void> => await Promise.reject(error);
  const controller = { name: "c", watches: { pods: () => [{ namespace: "default", name: "p" }] }, reconcile };
  const options = { clock: new FakeClock(), log: (message: string) => void complaints.push(message) };
  await using _ = runController(paperCluster(new Map()), controller, options);
  await settle();
  expect(complaints).toHaveLength(told);
});
