/** Claims and volumes when the control plane is killed in the middle of making and removing them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, TestCluster } from "../support/cluster.ts";
import { claim, LOCAL } from "./storage-manifests.ts";

const COUNT = 30;
let cluster: TestCluster;
beforeAll(async () => void (cluster = await TestCluster.start()));
afterAll(async () => await cluster[Symbol.asyncDispose]());

const folders = (): readonly string[] => readdirSync(join(cluster.root.root, "cluster/volumes")).toSorted();
const items = async (kind: string): Promise<readonly any[]> => (await cluster.get(kind)).items;

test("every claim gets one volume and one folder, and every folder goes, whenever the control plane is killed", { timeout: 300_000 }, async () => {
  const names = Array.from({ length: COUNT }, (_, index) => `claim-${index}`);
  await cluster.apply({ ...LOCAL, metadata: { name: "eager" } });
  await Promise.allSettled([cluster.apply(...names.map((name) => claim(name, { storageClassName: "eager" }))), killSoon(250)]); // kubectl was cut off
  await cluster.restart();
  await cluster.apply(...names.map((name) => claim(name, { storageClassName: "eager" })));
  await eventually(async () => expect((await items("pvc")).filter(({ status }) => status.phase === "Bound")).toHaveLength(COUNT), 120_000);
  const wanted = (await items("pvc")).map(({ metadata }) => `pvc-${metadata.uid}`).toSorted();
  expect((await items("pv")).map(({ metadata }): string => metadata.name).toSorted()).toEqual(wanted);
  expect(folders()).toEqual(wanted);
  expect((await items("pv")).map(({ spec, metadata }) => spec.claimRef.uid === metadata.name.slice("pvc-".length))).not.toContain(false);
  await Promise.allSettled([cluster.kubectl("delete", "pvc", "--all", "--wait=false"), killSoon(250)]);
  await cluster.restart();
  await cluster.kubectl("delete", "pvc", "--all");
  await eventually(async () => expect([await cluster.kubectl("get", "pv", "-o", "name"), folders()]).toEqual(["", []]), 120_000);
});

/** While the claims come in, or go. */
async function killSoon(afterMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  const ended = new Promise((resolve) => cluster.server.process.once("exit", resolve));
  cluster.server.process.kill("SIGKILL");
  await ended;
}
