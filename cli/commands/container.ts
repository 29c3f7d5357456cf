/** strata container VERB: the verbs of containers as docker groups them. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { containerPrune } from "../containers/prune-containers.ts";
import type { Verb } from "../verb.ts";

/** Docker's other names. */
const ALIASES: Readonly<Record<string, readonly string[]>> = { ps: ["ls", "list"], rm: ["remove"] };
/** Groups of their own. */
const OTHERS: ReadonlySet<string> = new Set(["network", "volume", "container"]);

/** Only the verb that the words name is loaded; all of them where they name none. */
export async function loadContainerGroup([wanted = ""]: readonly string[], verbs: Readonly<Record<string, Verb>>): ReturnType<Verb["load"]> {
  const known = Object.entries(verbs).filter(([name, verb]) => verb.group === "containers" && verb.hidden !== true && !OTHERS.has(name));
  const named = known.filter(([name]) => name === wanted || ALIASES[name]?.includes(wanted) === true);
  const chosen = wanted === "prune" ? [] : named.length > 0 ? named : known;
  const loaded = await Promise.all(chosen.map(async ([name, verb]) => ({ name, ...(await verb.load([])) })));
  return {
    command(context: Context): Command {
      const group = new Command().description("Manage containers").enablePositionalOptions();
      for (const { name, command } of loaded)
        group.addCommand(
          command(context)
            .name(name)
            .aliases(ALIASES[name] ?? []),
        );
      return group.addCommand(containerPrune(context).name("prune"));
    },
  };
}
