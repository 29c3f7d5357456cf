/** strata system df|prune|check: care of a whole root. */
import { Command } from "commander";
import type { UsageRow } from "../../store/store.ts";
import { folderBytes } from "../../store/care/folder-bytes.ts";
import { pruneContainers } from "../containers/prune-containers.ts";
import { printDeleted, printReclaimed } from "../containers/print-deleted.ts";
import { printRows } from "../containers/print-rows.ts";
import { pruneFilter } from "../containers/prune-filter.ts";
import { pruneVolumes } from "../containers/prune-volumes.ts";
import { command as eventsCommand } from "./events.ts";
import { command as infoCommand } from "./info.ts";
import { confirmed } from "../ask.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { ExitError, UsageError } from "../errors.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { imagesInUse } from "../images/images-in-use.ts";
import { pruneImages } from "../images/prune-images.ts";
import { pruneNetworks } from "../networks/prune-networks.ts";
import { collect } from "../collect.ts";

interface Flags {
  readonly verbose?: boolean;
  readonly all?: boolean;
  readonly force?: boolean;
  readonly volumes?: boolean;
  readonly buildCache?: boolean;
  readonly format?: string;
  readonly output?: string;
}

const COLUMNS = [
  ["TYPE", "Type"],
  ["TOTAL", "TotalCount"],
  ["ACTIVE", "Active"],
  ["SIZE", "Size"],
  ["RECLAIMABLE", "Reclaimable"],
] as const;

export function command(context: Context): Command {
  const group = new Command().description("Look after the store");
  group
    .command("df")
    .description("Show what takes how much space")
    .option("-v, --verbose", "each image, container and volume")
    .option("--format <template>", "json, table or a Go template")
    .addOption(jsonOutput())
    .action(async (flags: Flags) => await (flags.verbose === true ? (await import("../containers/space.ts")).printSpace(context) : df(context, flags)));
  group.addCommand(eventsCommand(context).name("events"));
  group.addCommand(infoCommand(context).name("info"));
  group
    .command("prune")
    .description(
      "Remove stopped containers, networks that no container is on, images without a name, build steps not used for a month, and content that nothing holds",
    )
    .option("-a, --all", "all images that no container was made of, and the build cache")
    .option("--build-cache", "the whole build cache, too, cache mounts with it")
    .option("--volumes", "volumes without a name that no container uses, too")
    .option("--filter <key=value>", "of containers, networks and volumes: until, label or label!", collect, [] as readonly string[])
    .option("-f, --force", "do not ask")
    .action(async (flags: Flags & { readonly filter: readonly string[] }) => await prune(context, flags));
  group
    .command("check")
    .description("Verify every digest and reference; exit 1 when something is damaged")
    .addOption(jsonOutput())
    .action(async (flags: Flags) => await check(context, flags));
  return group;
}

async function df(context: Context, { format, output }: Flags): Promise<void> {
  const [store, engine] = [await context.store(), await context.engine()];
  const [usage, containers, volumes] = [await store.care.usage(imagesInUse(store)), await engine.list(), await engine.volumes.list()];
  const running = containers.filter(({ status }) => status.status === "running" || status.status === "paused");
  const used = new Set(containers.flatMap(({ record }) => record.mounts.flatMap(({ name }) => name ?? [])));
  const upper = await Promise.all(containers.map(async ({ record }) => await upperBytes(context, record.id)));
  const stopped = containers.map(({ record }, index) => (running.some((other) => other.record.id === record.id) ? 0 : upper[index]!));
  const sizes = volumes.map(({ mountpoint }) => folderBytes(mountpoint));
  const rows = [
    row("Images", usage.images),
    row("Containers", { total: containers.length, active: running.length, size: sum(upper), reclaimable: sum(stopped) }),
    row("Local Volumes", {
      total: volumes.length,
      active: volumes.filter(({ name }) => used.has(name)).length,
      size: sum(sizes),
      reclaimable: sum(sizes.filter((_, index) => !used.has(volumes[index]!.name))),
    }),
    row("Build Cache", usage.cache),
  ];
  await printRows(context, rows, COLUMNS, { quiet: false, key: "Type", format: format ?? output });
}

function row(type: string, { total, active, size, reclaimable }: UsageRow): object {
  const share = size > 0 && type !== "Build Cache" ? ` (${Math.floor((100 * reclaimable) / size)}%)` : "";
  return { Type: type, TotalCount: total, Active: active, Size: decimalSize(size), Reclaimable: decimalSize(Math.max(0, reclaimable)) + share };
}

async function upperBytes(context: Context, id: string): Promise<number> {
  const store = await context.store();
  const { snapshotKey } = await import("../../runtime/engine/parts.ts");
  const active = await store.snapshots.active(snapshotKey(id));
  const { writtenBytes } = await import("../containers/container-size.ts");
  return active === undefined ? 0 : writtenBytes(active);
}

async function prune(
  context: Context,
  { all = false, buildCache = false, force = false, volumes = false, filter }: Flags & { readonly filter: readonly string[] },
): Promise<void> {
  if (!force && !context.stdin.isTTY) throw new UsageError("say --force: there is nobody to ask");
  const what = `stopped containers, networks that no container is on, ${volumes ? "unused volumes, " : ""}${all ? "unused images and the build cache" : `images without a name${buildCache ? " and the build cache" : ""}`}`;
  if (!force && !(await confirmed(context, `This will remove all ${what}.`))) return;
  const store = await context.store();
  const matches = pruneFilter(filter, Date.now());
  const containers = await pruneContainers(context, filter);
  printDeleted(context.stdout, "Containers", containers.removed);
  printDeleted(context.stdout, "Networks", await pruneNetworks(context, matches));
  const unused = volumes ? await pruneVolumes(context, (volume) => volume.anonymous && matches(volume)) : { removed: [], bytes: 0 };
  printDeleted(context.stdout, "Volumes", unused.removed);
  printDeleted(context.stdout, "Images", await pruneImages(store, all));
  const [{ pruneCache }, { CACHE_AGE_MS }, { pruneRemote }, { prunePlaces }] = await Promise.all([
    import("../../builder/solve/prune-cache.ts"),
    import("../../builder/cache/auto-prune.ts"),
    import("../../builder/remote/prune.ts"),
    import("../registry/blob-places.ts"),
  ]);
  pruneRemote(store.root, Date.now() - CACHE_AGE_MS);
  const everything = all || buildCache;
  const pruned = await pruneCache(store, everything ? { all } : { before: Date.now() - CACHE_AGE_MS });
  const { bytes } = await store.care.collect({ cache: all, partials: true });
  await prunePlaces(store);
  printReclaimed(context.stdout, containers.bytes + unused.bytes + bytes + pruned.bytes);
}

async function check(context: Context, { output }: Flags): Promise<void> {
  const store = await context.store();
  let found = 0;
  for await (const damage of store.care.check()) {
    found++;
    context.stdout.write(output === "json" ? `${JSON.stringify(damage)}\n` : `${damage.what}: ${damage.problem}\n`);
  }
  if (found > 0) throw new ExitError(1, `Found ${found} damaged ${found === 1 ? "thing" : "things"}`);
  context.stderr.write("Everything is whole\n");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
