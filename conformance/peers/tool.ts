/** Builds a row with any of the builders: they differ in the command only. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { attempt, run } from "../command.ts";
import type { BuildOptions } from "../corpus/row.ts";
import { ConformanceError } from "../errors.ts";
import type { Layout } from "../extract/extract.ts";
import { type Image, type LayerCache, readArchive } from "../image/archive.ts";
import type { Builder, BuilderName } from "./builder.ts";
import { inspectEmpty } from "./empty.ts";

const BUILD_TIMEOUT_MS = 180_000;

export interface Tool {
  readonly name: BuilderName;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Flags of `build` that only this builder takes. */
  readonly flags: readonly string[];
  /** The name of what it builds: docker's two builders share their images. */
  readonly tag: string;
  /** The Dockerfile as this builder is given it. */
  readonly prepare: (dockerfile: string) => string;
}

export function openBuilder(tool: Tool, folder: string, layers: LayerCache): Builder {
  mkdirSync(folder);
  return {
    name: tool.name,
    build: async (layout, options) => {
      for (const parent of layout.before) {
        const { ok, output } = await build(tool, parent, {}, parent.tag, folder);
        if (!ok) return { kind: "refused", output };
      }
      const { ok, output } = await build(tool, layout, options, tool.tag, folder);
      return ok ? { kind: "built", image: await save(tool, folder, layers) } : { kind: "refused", output };
    },
  };
}

async function build(tool: Tool, layout: Pick<Layout, "context" | "dockerfile">, options: BuildOptions, tag: string, folder: string) {
  const dockerfile = tool.prepare(layout.dockerfile);
  const argv = ["build", ...tool.flags, "--tag", tag, "--file", dockerfile, ...flagsOf(options, folder), layout.context];
  return await attempt([...tool.command, ...argv], { env: tool.env, timeoutMs: BUILD_TIMEOUT_MS });
}

function flagsOf({ target, args = {}, secrets = {} }: BuildOptions, folder: string): readonly string[] {
  return [
    ...(target === undefined ? [] : ["--target", target]),
    ...Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]),
    ...Object.entries(secrets).flatMap(([id, text]) => ["--secret", `id=${id},src=${secretFile(folder, id, text)}`]),
  ];
}

function secretFile(folder: string, id: string, text: string): string {
  const path = join(folder, `secret-${id}`);
  writeFileSync(path, text);
  return path;
}

async function save({ command, env, tag }: Tool, folder: string, layers: LayerCache): Promise<Image> {
  const [archive, unpacked] = [join(folder, "image.tar"), join(folder, "image")];
  try {
    const saved = await attempt([...command, "save", "--output", archive, tag], { env });
    if (saved.ok) return await readArchive(archive, unpacked, layers);
    if (!saved.output.includes("empty export")) throw new ConformanceError(`Cannot save what ${tag} is:\n${saved.output}`);
    return await inspectEmpty(async (...args) => await run([...command, ...args], { env }), tag);
  } finally {
    for (const path of [archive, unpacked]) rmSync(path, { recursive: true, force: true });
  }
}
