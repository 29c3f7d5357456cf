/** Verbs that stand alone, as members of a group too. */
import type { Command } from "commander";
import type { Context } from "./context.ts";
import type { Verb } from "./verb.ts";

/** Only the one that the words name is loaded; all where they name none of the group's `own`. */
export async function standingVerbs(
  [wanted = ""]: readonly string[],
  own: readonly string[],
  verbs: Readonly<Record<string, Pick<Verb, "load">>>,
): Promise<(context: Context) => readonly Command[]> {
  const chosen = Object.hasOwn(verbs, wanted) ? [wanted] : own.includes(wanted) ? [] : Object.keys(verbs);
  const loaded = await Promise.all(chosen.map(async (name) => ({ name, ...(await verbs[name]!.load([])) })));
  return (context) => loaded.map(({ name, command }) => command(context).name(name));
}
