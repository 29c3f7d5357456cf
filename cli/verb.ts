/** One verb of the command line. */
import type { Command } from "commander";
import type { Context } from "./context.ts";

export interface Verb {
  readonly summary: string;
  readonly group: "build" | "images" | "registry" | "containers" | "cluster" | "system";
  /** Takes the words that follow the verb. */
  readonly load: (words: readonly string[]) => Promise<{ readonly command: (context: Context) => Command }>;
  /** It needs no right over containers or images: an ordinary user runs it as they are, the others in a user namespace. */
  readonly asUser?: boolean;
  /** Not listed by --help. */
  readonly hidden?: boolean;
}
