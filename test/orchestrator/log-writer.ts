/** Writes objects until it is killed, saying the number of each that is acknowledged. */
import { openLmdbLog } from "../../orchestrator/log/lmdb-log.ts";

const log = openLmdbLog({ folder: process.argv[2]! });

async function write(lane: number): Promise<never> {
  for (let round = 1; ; round++) {
    const name = `pod-${lane}-${round}`;
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: "default", uid: "", resourceVersion: "", creationTimestamp: "" },
      spec: { padding: "x".repeat(1000) },
    };
    const stored = await log.transact((transaction) => transaction.put({ resource: "pods", namespace: "default", name }, object));
    process.stdout.write(`${stored.metadata.resourceVersion}\n`);
  }
}

await Promise.all([write(1), write(2), write(3)]);
