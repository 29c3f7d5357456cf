/**
 * ADD of archives: told by their content, unpacked into numbered files of a scratch folder, never to a path that they name.
 * What Node cannot inflate its own program does; the tar is read on a thread of its own.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { Worker } from "node:worker_threads";
import { filePath } from "../../store/file-names.ts";
import { boundedProgram, hasReached, NOT_FOUND } from "../../store/layer/bounded-program.ts";
import { ownedName } from "../../store/owner.ts";
import type { Source } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";
import { freeBytes, RESERVED_BYTES } from "../room.ts";
import type { ArchiveAnswer, ArchiveTask } from "./archive-worker.ts";

export interface ArchiveOptions {
  /** For the files' content; emptied by whoever made it. On the disk of the store the layer's files are links to them. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Seconds: later times become this. */
  readonly epoch?: number;
}

type Compression = "none" | "gzip" | "bzip2" | "xz" | "zstd";

const MAGIC: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b, 0x08]],
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];
const BLOCK_BYTES = 512;
const CHECKSUM_AT = 148;

/** The archive as a folder to be copied: owners, modes and times are the archive's. @throws {BuilderError} `ARCHIVE_INVALID` */
export async function openArchive(file: string, options: ArchiveOptions): Promise<Source> {
  const source = await tryArchive(file, options);
  if (source === undefined) throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${file}: it is no tar, packed or not`);
  return source;
}

/** Undefined for what is no tar, or one without an entry: that is copied as it is. @throws {BuilderError} `ARCHIVE_INVALID` for one that breaks off later */
export async function tryArchive(file: string, options: ArchiveOptions): Promise<Source | undefined> {
  const compression = compressionOf(file);
  if (compression === undefined) return undefined;
  const folder = join(options.folder, ownedName());
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const isOurs = compression === "none" || compression === "gzip";
  const tar = isOurs ? file : join(folder, "tar");
  try {
    const complaint = isOurs ? undefined : await inflate(compression, file, tar, options.signal);
    const answer = await read(
      { file: tar, folder, compression: isOurs ? compression : "none", epoch: options.epoch ?? Number.MAX_SAFE_INTEGER },
      options.signal,
    );
    if ("problem" in answer) throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${file}: ${answer.problem}`);
    if (answer.entries !== undefined && complaint !== undefined)
      throw new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${file}: ${compression} says ${complaint}`);
    return answer.entries === undefined ? undefined : { path: "", entries: answer.entries };
  } finally {
    if (!isOurs) fs.rmSync(tar, { force: true });
  }
}

function compressionOf(file: string): Compression | undefined {
  const head = Buffer.alloc(BLOCK_BYTES);
  const fd = fs.openSync(filePath(file), fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  try {
    fs.readSync(fd, head, 0, head.length, 0);
  } finally {
    fs.closeSync(fd);
  }
  return MAGIC.find(([, magic]) => magic.every((byte, at) => head[at] === byte))?.[0] ?? (isHeader(head) ? "none" : undefined);
}

/** By the checksum alone: the oldest tars have no other mark. */
function isHeader(block: Buffer): boolean {
  const stored = /^ *([0-7]+)[ \0]*$/.exec(block.toString("latin1", CHECKSUM_AT, CHECKSUM_AT + 8))?.[1];
  if (stored === undefined) return false;
  let sum = 8 * 32;
  block.forEach((byte, at) => (sum += at >= CHECKSUM_AT && at < CHECKSUM_AT + 8 ? 0 : byte));
  return sum === Number.parseInt(stored, 8);
}

/** What the program complains of: `target` has what came before. @throws {BuilderError} `ARCHIVE_INVALID` when there is no such program */
async function inflate(program: Exclude<Compression, "none" | "gzip">, file: string, target: string, signal: AbortSignal): Promise<string | undefined> {
  const [input, output] = [fs.openSync(filePath(file), "r"), fs.openSync(target, "wx", 0o600)];
  try {
    const room = freeBytes(dirname(target));
    const child = spawn(...boundedProgram(program, ["-dc"], room), { stdio: [input, output, "pipe"], signal });
    const said = text(child.stderr!);
    const code = await new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
    if (code === 0) return undefined;
    if (code === NOT_FOUND) throw notInstalled(file, program);
    if (hasReached(fs.fstatSync(output).size, room)) throw noRoom(file);
    return (await said).trim() || `exit code ${code}`;
  } finally {
    fs.closeSync(input);
    fs.closeSync(output);
  }
}

function notInstalled(file: string, program: string): BuilderError {
  return new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${file}: it is packed with ${program}, which is not installed`, {
    hint: `Install ${program === "xz" ? "xz-utils" : program}`,
  });
}

function noRoom(file: string): BuilderError {
  return new BuilderError("ARCHIVE_INVALID", `Cannot unpack ${file}: it would leave less than ${RESERVED_BYTES >> 20} MiB free on the disk`);
}

async function read(task: ArchiveTask, signal: AbortSignal): Promise<ArchiveAnswer> {
  const worker = new Worker(new URL("./archive-worker.js", import.meta.url), { workerData: task });
  const stop = (): void => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<ArchiveAnswer>((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
      worker.once("exit", () => reject(signal.aborted ? (signal.reason as Error) : new Error("The archive's reader ended without an answer")));
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
