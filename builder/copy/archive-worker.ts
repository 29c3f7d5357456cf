/** Worker thread: reads one archive and answers once, with its entries or with what is wrong with it. */
import { parentPort, workerData } from "node:worker_threads";
import { StoreError } from "../../store/errors.ts";
import { inflate } from "../../store/layer/inflate.ts";
import { TarReader } from "../../store/tar/reader.ts";
import type { TarMember } from "../../store/tar/member.ts";
import type { SourceEntry } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";
import { freeBytes } from "../room.ts";
import { ArchiveEntries } from "./archive-entries.ts";

export interface ArchiveTask {
  readonly file: string;
  /** For content and what a program inflates. */
  readonly folder: string;
  readonly compression: "none" | "gzip";
  /** Seconds. */
  readonly epoch: number;
}

/** Without `entries` it is no archive. */
export type ArchiveAnswer = { readonly entries?: readonly SourceEntry[] } | { readonly problem: string };

function answer(task: ArchiveTask): ArchiveAnswer {
  try {
    return readArchive(task);
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof StoreError) && !(error instanceof BuilderError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
  return (error as Error).message.replace(/^Cannot (?:read tar: |inflate layer: |read tar entry |unpack )/, "");
}

function readArchive({ file, folder, compression, epoch }: ArchiveTask): ArchiveAnswer {
  const chunks = inflate({ blob: file, compression, scratch: folder, maxBytes: freeBytes(folder) });
  try {
    const tar = new TarReader(chunks);
    let member = firstOf(tar);
    if (member === undefined) return {};
    const entries = new ArchiveEntries(folder, epoch);
    for (; member !== undefined; member = tar.next()) entries.add(member, tar.content());
    return { entries: entries.sorted() };
  } finally {
    chunks.return(undefined);
  }
}

/** What begins with no entry is no archive, however it is packed. */
function firstOf(tar: TarReader): TarMember | undefined {
  try {
    return tar.next();
  } catch (error) {
    if (error instanceof StoreError && error.code === "LAYER_INVALID") return undefined;
    throw error;
  }
}

parentPort?.postMessage(answer(workerData as ArchiveTask));
