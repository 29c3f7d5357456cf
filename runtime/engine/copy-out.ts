/**
 * A path of a container as a tar. A helper reads it from inside the container's own files, running or not: whatever programs in there do
 * to links and folders meanwhile, it can lead nowhere else.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename, posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import type { Engine } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { type CopyEntry, EntryReader, tarHeader } from "./copy-entry.ts";
import { placeOf } from "./copy-place.ts";
import type { Parts } from "./parts.ts";
import { getContainer } from "./status.ts";

interface Packing extends AsyncDisposable {
  readonly first: CopyEntry | undefined;
  readonly reader: EntryReader;
  /** @throws {RuntimeError} when the helper failed; undefined there is told by `first` */
  readonly end: () => Promise<void>;
}

export async function statIn(parts: Parts, reference: string, path: string): Promise<{ readonly type: "directory" | "file" | "other" } | undefined> {
  await using packing = await openPacking(parts, reference, path, ["only", "follow"]);
  const type = packing.first?.type;
  return type === undefined ? undefined : { type: type === "directory" || type === "file" ? type : "other" };
}

/** Names begin with the path's last component, as in docker cp. @throws {RuntimeError} `PATH_UNKNOWN` on the first step */
export async function* copyOut(parts: Parts, reference: string, path: string, options: Parameters<Engine["copyOut"]>[2] = {}): AsyncIterable<Uint8Array> {
  await using packing = await openPacking(parts, reference, path, [
    options.own === true ? "own" : "whole",
    (options.followLink ?? true) || path.endsWith("/") ? "follow" : "keep",
  ]);
  const { first } = packing;
  if (first === undefined) throw new RuntimeError("PATH_UNKNOWN", `Cannot copy ${reference}:${path}: there is no such file or folder`);
  const name = basename(posix.resolve("/", path));
  const tar = pack();
  const filled = fill(tar, packing, name).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  for await (const chunk of tar) yield chunk as Buffer;
  await filled;
}

async function fill(tar: Pack, { first, reader, end }: Packing, top: string): Promise<void> {
  for (let entry = first; entry !== undefined; entry = await reader.next()) {
    const name = [top, entry.path].filter((part) => part !== "").join("/");
    if (name !== "") await put(tar, entry, name, reader);
  }
  await end();
}

async function put(tar: Pack, entry: CopyEntry, name: string, reader: EntryReader): Promise<void> {
  const header = tarHeader(entry, name);
  if (entry.size === 0) {
    tar.entry(header, "");
    return;
  }
  await pipeline(Readable.from(reader.content(entry.size)), tar.entry(header));
}

async function openPacking(parts: Parts, reference: string, path: string, words: readonly [string, string]): Promise<Packing> {
  const container = await getContainer(parts, reference);
  const inside = posix.resolve("/", path);
  const child = spawn(parts.programs.helper, ["pack", inside, ...words, ...(await placeOf(parts, container, "read"))], { stdio: ["ignore", "pipe", "pipe"] });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const ended = once(child, "close") as Promise<[number | null]>;
  const end = async (): Promise<void> => {
    const [code] = await ended;
    const text = Buffer.concat(said).toString().trim();
    if (code !== 0 && !text.startsWith("pack: nothing")) throw new RuntimeError("LAUNCH_FAILED", `Cannot copy ${container.record.name}:${path}: ${text}`);
  };
  const reader = new EntryReader(child.stdout as AsyncIterable<Buffer>);
  const first = await reader.next();
  if (first === undefined) await end();
  return {
    first,
    reader,
    end,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL"); // whoever reads may have enough before the end
      child.stdout.destroy(); // it is not closed while something is left in it
      await ended;
    },
  };
}
