/** Verbs that take several containers: each is tried, its name printed when done (or what `act` returns; nothing for false); what fails is told and ends with 1. */
import { CodedError } from "../../store/errors.ts";
import type { Context } from "../context.ts";

export async function forEach(context: Context, names: readonly string[], act: (name: string) => Promise<string | void | false>): Promise<void> {
  for (const name of names) {
    try {
      const line = await act(name);
      if (line !== false) context.stdout.write(`${line ?? name}\n`);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const hint = error.hint ?? (await (await import("./pod-hint.ts")).podHint(context, name, error));
      context.stderr.write(`strata: ${error.message}${hint === undefined ? "" : `\n${hint}`}\n`);
      process.exitCode = 1;
    }
  }
}
