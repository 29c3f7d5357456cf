/** strata image files: what an image's root holds, all layers merged. */
import { Command } from "commander";
import type { MergedView, ViewEntry } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { ExitError } from "../errors.ts";
import { modeText } from "./mode-text.ts";

interface Flags {
  readonly long?: boolean;
  readonly output?: string;
}

export function filesCommand(context: Context): Command {
  return new Command()
    .description("List the files of an image")
    .argument("<image>")
    .argument("[path]", "only below this", "/")
    .option("-l, --long", "mode, owner, size and time too")
    .addOption(jsonOutput())
    .action(async (name: string, path: string, flags: Flags) => {
      const store = await context.store();
      const view = await store.snapshots.view(await store.images.unpack(await store.images.open(name)));
      const top = await view.lookup(path);
      if (top === undefined) throw new ExitError(1, `Cannot list ${path}: it is not in ${name}`);
      const line = flags.output === "json" ? jsonLine : flags.long === true ? longLine : (entry: ViewEntry) => `/${entry.path}`;
      for await (const entry of walk(view, top)) context.stdout.write(`${line(entry)}\n`);
    });
}

/** Parents first, names sorted. */
async function* walk(view: MergedView, top: ViewEntry): AsyncIterable<ViewEntry> {
  if (top.path !== "") yield top;
  if (top.type !== "directory") return;
  for (const name of await view.list(top.path)) {
    const entry = await view.lookup(top.path === "" ? name : `${top.path}/${name}`, { follow: false });
    if (entry !== undefined) yield* walk(view, entry);
  }
}

function jsonLine({ xattrs, ...entry }: ViewEntry): string {
  return JSON.stringify({
    ...entry,
    file: undefined,
    path: `/${entry.path}`,
    mode: entry.mode.toString(8),
    ...(xattrs === undefined ? {} : { xattrs: Object.keys(xattrs) }),
  });
}

function longLine(entry: ViewEntry): string {
  const size = entry.major === undefined ? String(entry.size ?? 0) : `${entry.major}, ${entry.minor}`;
  const target = entry.target === undefined ? "" : ` -> ${entry.target}`;
  return `${modeText(entry)} ${entry.uid}:${entry.gid} ${size.padStart(10)} ${new Date(entry.mtime * 1000).toISOString().slice(0, 19)}Z /${entry.path}${target}`;
}
