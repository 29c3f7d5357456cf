/** strata volume create|ls|inspect|rm|prune */
import { Command } from "commander";
import type { Volume } from "../../runtime/volumes.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { forEach } from "../containers/each.ts";
import { UsageError } from "../errors.ts";
import { confirmed } from "../ask.ts";
import { inspectVolume } from "../containers/inspect-parts.ts";
import { labelFields } from "../containers/label-fields.ts";
import { printRows } from "../containers/print-rows.ts";
import { printDeleted, printReclaimed } from "../containers/print-deleted.ts";
import { pruneFilter } from "../containers/prune-filter.ts";
import { pruneVolumes } from "../containers/prune-volumes.ts";
import { volumeFilter } from "../containers/volume-filter.ts";
import { bindDevice } from "../containers/volume-options.ts";
import { inspectEach } from "./inspect.ts";
import { collect } from "../collect.ts";

const COLUMNS = [
  ["DRIVER", "Driver"],
  ["VOLUME NAME", "Name"],
] as const;
export function command(context: Context): Command {
  const volumes = async (): Promise<Awaited<ReturnType<Context["engine"]>>["volumes"]> => (await context.engine()).volumes;
  const group = new Command().description("Manage volumes");
  group
    .command("create [name]")
    .description("Create a volume")
    .option("-l, --label <key=value>", "set a label", collect, [] as readonly string[])
    .option("-d, --driver <name>", "local is the only one", "local")
    .option("-o, --opt <key=value>", "type=none, o=bind and device=FOLDER: a folder of this machine", collect, [] as readonly string[])
    .action(async (name: string | undefined, flags: { readonly label: readonly string[]; readonly driver: string; readonly opt: readonly string[] }) => {
      if (flags.driver !== "local") throw new UsageError(`Cannot create a volume of driver ${JSON.stringify(flags.driver)}: local is the only one`);
      const device = bindDevice(flags.opt);
      const labels = Object.fromEntries(flags.label.map((label) => label.split(/=(.*)/s).slice(0, 2) as [string, string]));
      context.stdout.write(`${(await (await volumes()).create(name, labels, device)).name}\n`);
    });
  group
    .command("ls")
    .alias("list")
    .description("List volumes")
    .option("-q, --quiet", "names only")
    .option("-f, --filter <key=value>", "name, label or dangling", collect, [] as readonly string[])
    .option("--format <template>", "json or a Go template")
    .addOption(jsonOutput())
    .action(async (flags: { readonly quiet?: boolean; readonly filter: readonly string[]; readonly format?: string; readonly output?: string }) => {
      const engine = await context.engine();
      const used = new Set((await engine.list()).flatMap(({ record }) => record.mounts.flatMap(({ name }) => name ?? [])));
      const rows = (await engine.volumes.list()).filter(volumeFilter(flags.filter, used)).map(row);
      await printRows(context, rows, COLUMNS, { quiet: flags.quiet ?? false, key: "Name", format: flags.format ?? flags.output });
    });
  group
    .command("inspect <name...>")
    .description("Show all there is to know of volumes")
    .option("-f, --format <template>", "Go template")
    .action(async (names: readonly string[], flags: { readonly format?: string }) => {
      const open = await volumes();
      const find = async (name: string): Promise<object | undefined> => {
        const volume = await open.get(name);
        return volume && inspectVolume(volume);
      };
      await inspectEach(context, names, { kind: "volume", find, format: flags.format });
    });
  group
    .command("rm <name...>")
    .alias("remove")
    .description("Remove volumes")
    .option("-f, --force", "no error when there is none")
    .action(async (names: readonly string[], flags: { readonly force?: boolean }) => {
      const open = await volumes();
      await forEach(context, names, async (name) => {
        if (flags.force !== true || (await open.get(name)) !== undefined) await open.remove(name);
      });
    });
  group
    .command("prune")
    .option("--filter <key=value>", "label, label! or all=true", collect, [] as readonly string[])
    .description("Remove volumes that no container uses")
    .option("-f, --force", "do not ask")
    .option("-a, --all", "named ones too")
    .action(async (flags: { readonly all?: boolean; readonly force?: boolean; readonly filter: readonly string[] }) => {
      const { force = false } = flags;
      const all = flags.all === true || flags.filter.some((filter) => /^all=(?:1|true)$/.test(filter));
      const matches = pruneFilter(
        flags.filter.filter((filter) => !filter.startsWith("all=")),
        Date.now(),
      );
      if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
      if (!force && !(await confirmed(context, `This will remove ${all ? "all" : "anonymous"} volumes that no container uses.`))) return;
      const { removed, bytes } = await pruneVolumes(context, (volume) => (all || volume.anonymous) && matches(volume));
      printDeleted(context.stdout, "Volumes", removed);
      printReclaimed(context.stdout, bytes);
    });
  return group;
}

function row(volume: Volume): object {
  return {
    Driver: "local",
    Name: volume.name,
    Mountpoint: volume.mountpoint,
    Scope: "local",
    ...labelFields(volume.labels),
  };
}
