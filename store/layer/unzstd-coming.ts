/**
 * A zstd layer inflated while it comes: what comes is passed on to the program, which writes a file that grows, and a worker unpacks from it.
 * The program's failure is told by `failure`, not to the one who receives: the blob is stored and compared whatever becomes of its files.
 */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { StoreError } from "../errors.ts";
import { ownedName } from "../owner.ts";
import { openGrowth, type Growth } from "./growing.ts";

export interface ComingTar extends AsyncDisposable {
  /** The tar, as far as it is inflated. */
  readonly path: string;
  readonly growth: Growth;
  /** Why there is no more of it. */
  readonly failure: StoreError | undefined;
  /** Yields what comes, and passes it on; before it what `begun` has already in so many bytes. */
  passing(content: AsyncIterable<Uint8Array>, begun: { readonly path: string; readonly size: number }): AsyncGenerator<Uint8Array>;
  /** Nobody wants more of it. */
  stop(): void;
}

/** Milliseconds between looks for what the program wrote. */
const LOOK_MS = 20;
const MAX_SAID_CHARS = 300;

/** Dispose ends the program and removes the file. */
export async function openComingTar(scratch: string): Promise<ComingTar> {
  const path = join(scratch, ownedName());
  const output = await open(path, "wx");
  const child = spawn("zstd", ["-dc", "--quiet"], { stdio: ["pipe", output.fd, "pipe"] });
  const stdin = child.stdin as Writable;
  const growth = openGrowth();
  const looking = setInterval(() => growth.grew(), LOOK_MS);
  let [said, failure, isEnded] = ["", undefined as StoreError | undefined, false];
  child.stderr?.on("data", (text: Buffer) => (said = (said + text.toString()).slice(0, MAX_SAID_CHARS)));
  stdin.on("error", () => {}); // it ended: its status tells why
  const ended = new Promise<void>((resolve) => {
    const end = (reason: StoreError | undefined): void => {
      failure ??= reason;
      isEnded = true;
      clearInterval(looking);
      growth.end(failure === undefined);
      resolve();
    };
    child.once("error", (cause) => end(notInstalled(cause)));
    child.once("close", (code) => end(code === 0 ? undefined : new StoreError("LAYER_INVALID", `Cannot inflate layer: zstd says ${said.trim()}`)));
  });
  const give = async (chunk: Uint8Array): Promise<void> => {
    if (!isEnded && !stdin.destroyed) await Promise.race([ended, new Promise<void>((resolve) => stdin.write(chunk, () => resolve()))]);
  };
  return {
    path,
    growth,
    get failure(): StoreError | undefined {
      return failure;
    },
    async *passing(content, begun) {
      let isWhole = false;
      try {
        if (begun.size > 0) for await (const chunk of createReadStream(begun.path, { end: begun.size - 1 })) await give(chunk as Uint8Array);
        for await (const chunk of content) {
          const given = give(chunk);
          yield chunk;
          await given; // a chunk is its sender's again after that
        }
        isWhole = true;
        stdin.end();
      } finally {
        if (!isWhole) child.kill("SIGKILL");
        await ended;
      }
    },
    stop: () => void child.kill("SIGKILL"),
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await ended;
      await output.close();
      await rm(path, { force: true });
    },
  };
}

function notInstalled(cause: Error): StoreError {
  return new StoreError("UNSUPPORTED", "Cannot inflate layer: it is compressed with zstd, which is not installed", { cause, hint: "Install the package zstd" });
}
