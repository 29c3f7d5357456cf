/** The table of verbs: each is one file under commands/, loaded only when it is called. */
import type { Command } from "commander";
import type { Context } from "./context.ts";

export interface Verb {
  readonly summary: string;
  readonly group: "build" | "images" | "registry" | "containers" | "cluster" | "system";
  readonly load: () => Promise<{ readonly command: (context: Context) => Command }>;
  /** Not listed by --help. */
  readonly hidden?: boolean;
}

export const VERBS: Readonly<Record<string, Verb>> = {};
