/** Unpacks a tar into a container, running or not: a helper that sees nothing but the container's files makes what the tar says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { extract, type Header } from "tar-stream";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { type CopyType, encodeEntry } from "./copy-entry.ts";
import { placeOf } from "./copy-place.ts";
import { lockContainer } from "./lock-container.ts";
import type { Parts } from "./parts.ts";
import { inspect } from "./status.ts";

const TYPES: Readonly<Record<string, CopyType>> = {
  file: "file",
  "contiguous-file": "file",
  directory: "directory",
  symlink: "symlink",
  link: "link",
  fifo: "fifo",
};

/** @throws {RuntimeError} `PATH_UNKNOWN` when `folder` is none in the container, `SPEC_INVALID` for a tar that names paths outside */
export async function copyIn(parts: Parts, reference: string, folder: string, tar: AsyncIterable<Uint8Array>): Promise<void> {
  const { id } = parts.records.find(reference);
  await using _ = await lockContainer(parts, id);
  const container = await inspect(parts, parts.records.find(id));
  const { record } = container;
  const place = await placeOf(parts, container, "write");
  const child = spawn(parts.programs.helper, ["unpack", folder, ...place], { stdio: ["pipe", "ignore", "pipe"] });
  const words: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => words.push(chunk));
  child.stdin.on("error", () => {}); /* its exit status tells */
  const ended = once(child, "close") as Promise<[number | null]>;
  await feed(tar, child.stdin).finally(() => child.stdin.end());
  const [code] = await ended;
  if (code !== 0) throw failure(record, folder, Buffer.concat(words).toString().trim());
}

async function feed(tar: AsyncIterable<Uint8Array>, sink: NodeJS.WritableStream): Promise<void> {
  const entries = extract();
  const source = Readable.from(tar);
  source.on("error", (error) => entries.destroy(error)).pipe(entries);
  for await (const entry of entries) {
    const header = entryOf(entry.header);
    if (header === undefined || !(await send(sink, header))) entry.resume();
    else for await (const chunk of entry) await send(sink, chunk as Buffer);
  }
}

async function send(sink: NodeJS.WritableStream, bytes: Uint8Array): Promise<boolean> {
  if (!sink.writable) return false;
  if (!sink.write(bytes)) await Promise.race([once(sink, "drain"), once(sink, "close")]).catch(() => {});
  return true;
}

/** Undefined for the folder itself and for devices, which a container does not take from outside. */
function entryOf(header: Header): Buffer | undefined {
  const path = relative(header.name);
  const type = TYPES[header.type ?? "file"];
  if (path === "" || type === undefined) return undefined;
  return encodeEntry({
    type,
    path,
    target: type === "link" ? relative(header.linkname ?? "") : type === "symlink" ? (header.linkname ?? "") : "",
    mode: header.mode ?? 0o644,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    size: type === "file" ? (header.size ?? 0) : 0,
  });
}

function relative(name: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) throw new RuntimeError("SPEC_INVALID", `Cannot copy ${JSON.stringify(name)}: the path leads out of its folder`);
  return parts.join("/");
}

function failure(record: ContainerRecord, folder: string, words: string): RuntimeError {
  const isMissing = words.includes("unpack: folder");
  return new RuntimeError(
    isMissing ? "PATH_UNKNOWN" : "LAUNCH_FAILED",
    `Cannot copy into ${record.name}:${folder}: ${isMissing ? "there is no such folder" : words}`,
  );
}
