/** The durable record of a pod sandbox. */
import type { NetworkMode } from "../engine.ts";

export interface SandboxRecord {
  readonly id: string;
  readonly hostname: string;
  readonly mode: NetworkMode["kind"];
  readonly address?: string;
  readonly gateway?: string;
  readonly namespace?: string;
}
