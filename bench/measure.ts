/** Runs one case on all peers, interleaved, so that what else the machine does hits all alike. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "./case.ts";
import type { Peer, PeerName } from "./peer.ts";

/** Seconds of every run, by phase and peer. */
export type Samples = ReadonlyMap<string, ReadonlyMap<PeerName, readonly number[]>>;

export interface MeasureOptions {
  readonly folder: string;
  readonly peers: readonly Peer[];
  readonly rounds: number;
  readonly onRun: (line: string) => void;
}

export async function measure(one: Case, { folder, peers, rounds, onRun }: MeasureOptions): Promise<Samples> {
  const context = join(folder, "context");
  mkdirSync(context);
  await one.prepare(context);
  const samples = new Map(one.phases.map((phase) => [phase.name, new Map<PeerName, number[]>(peers.map((peer) => [peer.name, []]))]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const peer of rotate(peers, round)) {
        await peer.reset();
        for (const phase of one.phases) {
          await phase.before?.(context, round);
          const seconds = await timed(async () => await peer.build({ context, tag: "strata-bench" }));
          samples.get(phase.name)?.get(peer.name)?.push(seconds);
          onRun(`${one.name} ${phase.name}, round ${round + 1} of ${rounds}: ${peer.name} ${seconds.toFixed(3)} s`);
        }
      }
    }
    for (const peer of peers) await peer.reset(); // room for the next case
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return samples;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

function rotate<Item>(items: readonly Item[], by: number): readonly Item[] {
  const at = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}
