/** What a verb gets: rooms opened on first use, streams, and where things are. */
import type { Engine } from "../runtime/engine.ts";
import type { Programs } from "../runtime/engine/parts.ts";
import type { Processes } from "../runtime/process.ts";
import type { Store } from "../store/store.ts";
import type { Interrupt } from "./interrupt.ts";

export interface Context {
  /** `<root>`: what lasts. */
  readonly root: string;
  /** What a reboot may take: pids, sockets, namespaces. */
  readonly runRoot: string;
  /** Paths of the native programs. */
  readonly programs: Programs;
  /** argv that runs this very program again: node and its script. */
  readonly self: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** SIGINT and SIGTERM. */
  readonly interrupt: Interrupt;
  /** The interrupt's own, for what is handed on. */
  readonly signal: AbortSignal;
  store(): Promise<Store>;
  processes(): Promise<Processes>;
  engine(): Promise<Engine>;
}
