/** strata image inspect|history|ls|rm|prune|tag|save|load|import|files|diff|sbom|provenance|referrers */
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

export function command(context: Context): Command {
  const group = new Command().description("Manage images");
  group.addCommand(inspectCommand(context).name("inspect"));
  group.addCommand(historyCommand(context).name("history"));
  group.addCommand(listCommand(context).name("ls").alias("list"));
  group.addCommand(removeCommand(context).name("rm").alias("remove"));
  group.addCommand(pruneCommand(context).name("prune"));
  group.addCommand(tagCommand(context).name("tag"));
  group.addCommand(saveCommand(context).name("save"));
  group.addCommand(loadCommand(context).name("load"));
  group.addCommand(importCommand(context).name("import"));
  group.addCommand(filesCommand(context).name("files"));
  group.addCommand(diffCommand(context).name("diff"));
  group.addCommand(sbomCommand(context).name("sbom"));
  group.addCommand(provenanceCommand(context).name("provenance"));
  group.addCommand(referrersCommand(context).name("referrers"));
  return group;
}
