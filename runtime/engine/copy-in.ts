/** Unpacks a tar into a container, running or not: a helper that sees nothing but the container's files makes what the tar says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Readable } from "node:stream";
import { extract, type Header } from "tar-stream";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { filesOf } from "./container-view.ts";
import { lock } from "./lock.ts";
import { containerFolder, lockName, type Parts } from "./parts.ts";
import { inspect, isLive } from "./status.ts";

const HEADER_BYTES = 40;
const TYPES: Readonly<Record<string, string>> = { file: "f", "contiguous-file": "f", directory: "d", symlink: "l", link: "h", fifo: "p" };

/** @throws {RuntimeError} `PATH_UNKNOWN` when `folder` is none in the container, `SPEC_INVALID` for a tar that names paths outside */
export async function copyIn(parts: Parts, reference: string, folder: string, tar: AsyncIterable<Uint8Array>): Promise<void> {
  const { id } = parts.records.find(reference);
  await using _ = await lock(lockName(parts, id));
  const { record, status } = await inspect(parts, parts.records.find(id));
  const place = isLive(status) ? ["pid", String(status.pid)] : await layerArguments(parts, record);
  const child = spawn(parts.programs.helper, ["unpack", folder, ...place], { stdio: ["pipe", "ignore", "pipe"] });
  const words: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => words.push(chunk));
  child.stdin.on("error", () => {}); /* its exit status tells */
  const ended = once(child, "close") as Promise<[number | null]>;
  await feed(tar, child.stdin).finally(() => child.stdin.end());
  const [code] = await ended;
  if (code !== 0) throw failure(record, folder, Buffer.concat(words).toString().trim());
}

async function layerArguments(parts: Parts, record: ContainerRecord): Promise<readonly string[]> {
  const { lowers, upper, work } = await filesOf(parts, record);
  const init = join(containerFolder(parts, record.id), "init");
  const mounts = record.mounts
    .filter((mount) => mount.kind !== "tmpfs" && !mount.readOnly)
    .flatMap((mount) => [mount.target, mount.source, mount.subPath ?? ""]);
  return [
    "overlay",
    upper,
    ...(isInUserNamespace() ? ["userxattr"] : []),
    ...[init, ...lowers].map((lower) => `lowerdir+=${lower}`),
    `upperdir=${upper}`,
    `workdir=${work}`,
    "--",
    ...mounts,
  ];
}

async function feed(tar: AsyncIterable<Uint8Array>, sink: NodeJS.WritableStream): Promise<void> {
  const entries = extract();
  const source = Readable.from(tar);
  source.on("error", (error) => entries.destroy(error)).pipe(entries);
  for await (const entry of entries) {
    const header = encodeEntry(entry.header);
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
function encodeEntry(header: Header): Buffer | undefined {
  const path = relative(header.name);
  const type = TYPES[header.type ?? "file"];
  if (path === "" || type === undefined) return undefined;
  const target = Buffer.from(type === "h" ? relative(header.linkname ?? "") : (header.linkname ?? ""));
  const name = Buffer.from(path);
  const fixed = Buffer.alloc(HEADER_BYTES);
  fixed.write(type, 0, "latin1");
  fixed.writeUInt32LE(header.mode ?? 0o644, 4);
  fixed.writeUInt32LE(header.uid ?? 0, 8);
  fixed.writeUInt32LE(header.gid ?? 0, 12);
  fixed.writeBigInt64LE(BigInt(Math.floor((header.mtime?.getTime() ?? 0) / 1000)), 16);
  fixed.writeBigUInt64LE(BigInt(type === "f" ? (header.size ?? 0) : 0), 24);
  fixed.writeUInt32LE(name.length, 32);
  fixed.writeUInt32LE(type === "l" || type === "h" ? target.length : 0, 36);
  return Buffer.concat([fixed, name, ...(type === "l" || type === "h" ? [target] : [])]);
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
