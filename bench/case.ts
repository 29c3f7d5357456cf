/** One thing that is measured: a context, and the builds of it one after the other. */
import type { PeerName } from "./peer.ts";

export interface Phase {
  /** As in the table: `cold`, `cached`… */
  readonly name: string;
  /** What the user does before this build; not measured. */
  readonly before?: (context: string, round: number) => Promise<void>;
  /** Largest ratio to each peer that is within budget. */
  readonly budget: Partial<Record<PeerName, number>>;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  /** How often all phases are run. */
  readonly rounds: number;
  /** Writes the Dockerfile and what it copies into an empty folder. */
  readonly prepare: (context: string) => Promise<void>;
  /** The first starts from nothing but the base image. */
  readonly phases: readonly Phase[];
}
