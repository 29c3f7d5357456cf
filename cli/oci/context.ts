/** What a subcommand of strata-runtime gets. */
import type { Processes } from "../../runtime/process.ts";
import type { Context } from "../context.ts";

export interface OciContext {
  readonly context: Context;
  /** State of containers. */
  readonly runRoot: string;
  readonly processes: Processes;
}

export type OpenOci = () => Promise<OciContext>;
