/** strata cp: files between a container and this machine; `-` is a tar on standard input or output. */
import { existsSync, lstatSync } from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import type { Context } from "../context.ts";
import { packPath } from "../containers/pack-path.ts";
import { unpackTar } from "../containers/unpack-tar.ts";
import { ExitError, UsageError } from "../errors.ts";

type Place = { readonly kind: "container"; readonly name: string; readonly path: string } | { readonly kind: "local"; readonly path: string };

interface Flags {
  readonly archive?: boolean;
  readonly followLink?: boolean;
}

export function command(context: Context): Command {
  return new Command()
    .description("Copy files between a container and this machine")
    .option("-a, --archive", "keep owners")
    .option("-L, --follow-link", "follow a link in the source")
    .option("-q, --quiet", "say nothing")
    .argument("<source>", "CONTAINER:PATH, PATH or -")
    .argument("<target>", "CONTAINER:PATH, PATH or -")
    .action(async (source: string, target: string, flags: Flags) => await copy(context, parsePlace(source), parsePlace(target), flags));
}

/** A path with a slash before its colon is local. */
export function parsePlace(text: string): Place {
  const match = /^([^/.][^/:]*):(.*)$/s.exec(text);
  return match === null ? { kind: "local", path: text } : { kind: "container", name: match[1] ?? "", path: match[2] ?? "" };
}

async function copy(context: Context, source: Place, target: Place, { archive: keepOwners = false, followLink = false }: Flags): Promise<void> {
  const engine = await context.engine();
  if (source.kind === "container" && target.kind === "local") {
    const tar = engine.copyOut(source.name, source.path, { followLink });
    if (target.path === "-") await pipeline(Readable.from(tar), context.stdout, { end: false });
    else if (!existsSync(dirname(target.path))) throw new ExitError(1, `invalid output path: directory "${dirname(target.path)}" does not exist`);
    else await unpackTar(tar, target.path, { contentsOnly: source.path.endsWith("/."), keepOwners });
    return;
  }
  if (source.kind !== "local" || target.kind !== "container") throw new UsageError("copying needs a container on one side and this machine on the other");
  if (source.path === "-") return await engine.copyIn(target.name, target.path, context.stdin);
  if (lstatSync(source.path, { throwIfNoEntry: false }) === undefined) throw new ExitError(1, `Cannot copy ${source.path}: there is no such file or folder`);
  const folder = await landing(context, target, source.path);
  await engine.copyIn(target.name, folder.path, packPath(source.path, { rename: folder.rename, keepOwners }));
}

/** An existing folder takes the source under its own name; else the last component is the new name. */
async function landing(
  context: Context,
  target: Extract<Place, { kind: "container" }>,
  source: string,
): Promise<{ readonly path: string; readonly rename: string | undefined }> {
  const engine = await context.engine();
  const found = await engine.stat(target.name, target.path);
  if (found?.type === "directory") return { path: target.path, rename: source.endsWith("/.") ? "" : undefined };
  if (found === undefined && target.path.endsWith("/"))
    throw new ExitError(1, `Cannot copy to ${target.name}:${target.path}: there is no such folder in the container`);
  const at = target.path.replace(/\/+$/, "").lastIndexOf("/");
  return { path: target.path.slice(0, Math.max(at, 1)) || "/", rename: target.path.replace(/\/+$/, "").slice(at + 1) };
}
