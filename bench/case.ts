/** One thing that is measured: who is compared at what, one after the other, and how much of a peer's figure is within budget. */
import type { RunCommand } from "./command.ts";

export interface Unit {
  readonly name: "s" | "MB/s" | "/s" | "MiB" | "MB" | "%" | "packages";
  readonly better: "less" | "more";
}

export const SECONDS: Unit = { name: "s", better: "less" };

export interface Phase {
  /** As in the table: `cold`, `pull`… */
  readonly name: string;
  /** @default seconds */
  readonly unit?: Unit;
  /** Ratio to each peer that is just within budget: the largest where less is better, else the smallest. */
  readonly budget: Readonly<Record<string, number>>;
  /** Of a short one that builds on no other phase: how often it is done a round, contestants in turn. @default once, contestant after contestant */
  readonly turns?: number;
  /** What strata's own figure may be at most, or at least where more is better, whatever the peers'. */
  readonly limit?: number;
}

/** Somebody who is measured: strata, or one of those it is compared with. */
export interface Contestant {
  readonly name: string;
  /** Back to where every round begins; not measured. */
  readonly reset: () => Promise<void>;
  /** Does one phase. Gives its figure, in the phase's unit. */
  readonly measure: (phase: Phase, round: number) => Promise<number>;
}

export interface Place {
  /** On the file system that is measured. */
  readonly folder: string;
  readonly run: RunCommand;
  /** Who takes part, of those that the case knows. */
  readonly wants: (name: string) => boolean;
  /** What clients push to and pull from. */
  readonly registry: "docker-registry" | "strata";
  /** 1 is what the budgets are for; less makes large content smaller. */
  readonly scale: number;
  /** What several cases use is made once. */
  readonly shared: <T>(make: (place: Place) => Promise<T>) => Promise<T>;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  /** How often all phases are run. */
  readonly rounds: number;
  /** strata first; alone where no peer can be had, and the budget stands in for one. */
  readonly peers: readonly string[];
  /** The first starts from what `reset` leaves. */
  readonly phases: readonly Phase[];
  /** Prepares it; what it writes goes with the place. */
  readonly open: (place: Place) => Promise<readonly Contestant[]>;
}

/** Seconds of the wall clock. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
