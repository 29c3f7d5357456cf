/** strata image inspect|history|ls|rm|prune|tag|save|load|import|files|diff|sbom|provenance|referrers, and build, pull and push */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { diffCommand } from "../images/diff-images.ts";
import { filesCommand } from "../images/list-files.ts";
import { importCommand } from "../images/import-image.ts";
import { inspectCommand } from "../images/inspect-images.ts";
import { listCommand } from "../images/list-images.ts";
import { loadCommand } from "../images/load-images.ts";
import { pruneCommand } from "../images/prune-images.ts";
import { removeCommand } from "../images/remove-images.ts";
import { saveCommand } from "../images/save-images.ts";
import { provenanceCommand, referrersCommand, sbomCommand } from "../images/show-attestations.ts";
import { historyCommand } from "../images/show-history.ts";
import { tagCommand } from "../images/tag-image.ts";
import { standingVerbs } from "../standing-verbs.ts";
import type { Verb } from "../verb.ts";

const OWN: Readonly<Record<string, (context: Context) => Command>> = {
  inspect: inspectCommand,
  history: historyCommand,
  ls: listCommand,
  rm: removeCommand,
  prune: pruneCommand,
  tag: tagCommand,
  save: saveCommand,
  load: loadCommand,
  import: importCommand,
  files: filesCommand,
  diff: diffCommand,
  sbom: sbomCommand,
  provenance: provenanceCommand,
  referrers: referrersCommand,
};
const ALIASES: Readonly<Record<string, string>> = { ls: "list", rm: "remove" };

export async function loadImageGroup(words: readonly string[], { build, pull, push }: Readonly<Record<string, Verb>>): ReturnType<Verb["load"]> {
  const standing = await standingVerbs(words, [...Object.keys(OWN), ...Object.values(ALIASES)], { build: build!, pull: pull!, push: push! });
  return {
    command(context: Context): Command {
      const group = new Command().description("Manage images");
      for (const [name, make] of Object.entries(OWN)) {
        const command = make(context).name(name);
        group.addCommand(ALIASES[name] === undefined ? command : command.alias(ALIASES[name]));
      }
      for (const command of standing(context)) group.addCommand(command);
      return group;
    },
  };
}
