/** strata inspect NAME…: containers, else images, volumes and networks, as docker's JSON or by a template. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import type { Context } from "../context.ts";
import { jsonOutput } from "../json-output.ts";
import { EXIT, ExitError } from "../errors.ts";
import { inspectContainer } from "../containers/inspect-container.ts";
import { inspectVolume } from "../containers/inspect-parts.ts";
import { renderStrict } from "../render-strict.ts";

interface Flags {
  readonly format?: string;
  readonly output?: string;
  readonly size?: boolean;
  readonly type?: string;
}

type Finder = (context: Context, name: string) => Promise<object | undefined>;

const FINDERS: Readonly<Record<string, Finder>> = { container: findContainer, image: findImage, volume: findVolume, network: findNetwork };

export function command(context: Context): Command {
  return new Command()
    .description("Show all there is to know of containers and images")
    .option("-f, --format <template>", "Go template")
    .addOption(jsonOutput())
    .option("-s, --size", "what containers take on disk, too")
    .option("--type <kind>", "container, image, volume or network")
    .argument("<name...>")
    .action(async (names: readonly string[], flags: Flags, { parent }: Command) => {
      const type = flags.type ?? (parent === null ? undefined : "container");
      if (type !== undefined && FINDERS[type] === undefined) throw new ExitError(EXIT.refused, `"${type}" is not a valid value for --type`);
      const one = async (name: string): Promise<object | undefined> => {
        const object = await find(context, name, type);
        return object !== undefined && flags.size === true ? await withSize(context, name, object) : object;
      };
      await inspectEach(context, names, { kind: type ?? "object", find: one, format: flags.format });
    });
}

interface Inspection {
  readonly kind: string;
  readonly find: (name: string) => Promise<object | undefined>;
  readonly format: string | undefined;
}

/** Prints those that are there; each that is not is told, and ends with 1, as docker's. */
export async function inspectEach(context: Context, names: readonly string[], { kind, find, format }: Inspection): Promise<void> {
  const found: object[] = [];
  for (const name of names) {
    const object = await find(name);
    if (object !== undefined) {
      found.push(object);
      continue;
    }
    context.stderr.write(`strata: No such ${kind}: ${name}\n`);
    process.exitCode = 1;
  }
  await printInspected(context, found, format);
}

async function withSize(context: Context, name: string, object: object): Promise<object> {
  if (!("HostConfig" in object)) return object;
  const { sizeOf } = await import("../containers/container-size.ts");
  const { written, whole } = await sizeOf(context, await (await context.engine()).get(name));
  return { ...object, SizeRw: written, SizeRootFs: whole };
}

async function find(context: Context, name: string, type: string | undefined): Promise<object | undefined> {
  const finders = type === undefined ? Object.values(FINDERS) : [FINDERS[type]];
  for (const finder of finders) {
    const found = await finder?.(context, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

export async function printInspected(context: Context, objects: readonly object[], format: string | undefined): Promise<void> {
  if (format === undefined || format === "json") {
    context.stdout.write(`${JSON.stringify(objects, null, format === "json" ? 0 : 4)}\n`);
    return;
  }
  const texts = await Promise.all(objects.map(async (object) => `${await renderStrict(format, object)}\n`)); // all of them, before any is printed
  context.stdout.write(texts.join(""));
}

async function findContainer(context: Context, name: string): Promise<object | undefined> {
  const engine = await context.engine();
  try {
    return inspectContainer(await engine.get(name), context.root);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN") return undefined;
    throw error;
  }
}

async function findImage(context: Context, name: string): Promise<object | undefined> {
  const store = await context.store();
  const record = await store.images.find(name);
  if (record === undefined) return undefined;
  const { inspectImage } = await import("../images/inspect-image.ts");
  return await inspectImage(store, await store.images.open(name));
}

async function findVolume(context: Context, name: string): Promise<object | undefined> {
  const volume = await (await context.engine()).volumes.get(name);
  return volume && inspectVolume(volume);
}

async function findNetwork(context: Context, name: string): Promise<object | undefined> {
  const { describeNetwork } = await import("../networks/inspect-network.ts");
  return await describeNetwork(context, name);
}
