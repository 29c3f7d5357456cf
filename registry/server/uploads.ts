/**
 * Upload sessions. The bytes are an ingest of the store, so a session survives the server; its name carries a proof of the
 * repository it was opened for, so nothing else has to be remembered. One request at a time writes.
 */
import type { Digest } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import type { Fill, Ingest, Ingests, Stored } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import { isProof, prove, type Identity } from "../identity.ts";
import { FREE, type Claim, type Room } from "./quota-room.ts";
import { openSessionClaims } from "./session-claims.ts";
import { openTurns } from "./turns.ts";

export interface Uploads {
  /** Name of a new session for `repository`. */
  create(repository: string): Promise<string>;
  /** Bytes received so far, also while another request writes. @throws {RegistryError} `BLOB_UPLOAD_UNKNOWN` */
  offset(repository: string, session: string): Promise<number>;
  /** Holds the session until it is disposed of. @throws {RegistryError} `BLOB_UPLOAD_UNKNOWN`, `TOOMANYREQUESTS` */
  open(repository: string, session: string): Promise<Upload>;
  /** Ends the sessions that nobody went on with since `before` (milliseconds since the epoch). */
  expire(before: number): Promise<void>;
}

export interface Upload extends AsyncDisposable {
  readonly offset: number;
  /** Room in the repository; what was written is counted until the session ends. */
  readonly claim: Pick<Claim, "reach" | "within" | "becomes">;
  write(content: AsyncIterable<Uint8Array>): Promise<void>;
  /** As `write`, past the event loop; undefined where nothing can be written so, or something was. */
  readonly fill: ((fill: Fill) => Promise<void>) | undefined;
  /** `keep` is done with the blob, then the session ends; also when the digest does not match or `keep` fails, not when the storage fails. */
  commit(digest: Digest, keep: (stored: Stored) => Promise<void>): Promise<void>;
  abort(): Promise<void>;
}

export function openUploads(ingests: Ingests, identity: Identity, room: Room | undefined): Uploads {
  const turns = openTurns();
  const writing = new Map<string, Ingest>();
  const claims =
    room &&
    openSessionClaims(room, async (id) => {
      if (turns.isTaken(id)) return false;
      const release = await turns.take(id);
      try {
        return await endResting(ingests, id);
      } finally {
        release();
      }
    });
  return {
    async create(repository): Promise<string> {
      await using ingest = await ingests.create();
      return `${ingest.id}.${prove(identity, "upload", `${repository}\n${ingest.id}`)}`;
    },
    async offset(repository, session): Promise<number> {
      const id = readName(identity, repository, session);
      const busy = writing.get(id);
      if (busy !== undefined) return busy.offset;
      return await known(id, async () => await ingests.offset(id));
    },
    async open(repository, session): Promise<Upload> {
      const id = readName(identity, repository, session);
      const release = await turns.take(id);
      try {
        const ingest = await known(id, async () => await ingests.open(id));
        writing.set(id, ingest);
        return upload(ingest, claims?.open(repository, id) ?? FREE, (isOver) => {
          writing.delete(id);
          claims?.close(id, isOver ? 0 : ingest.offset);
          release();
        });
      } catch (error) {
        if (error instanceof RegistryError && error.code === "BLOB_UPLOAD_UNKNOWN") claims?.close(id, 0);
        release();
        throw error;
      }
    },
    async expire(before): Promise<void> {
      await ingests.expire(before, (id) => writing.has(id));
      claims?.expire(before);
    },
  };
}

function upload(ingest: Ingest, claim: Claim, close: (isOver: boolean) => void): Upload {
  let isOver = false;
  const abort = async (): Promise<void> => {
    await ingest.abort();
    isOver = true;
  };
  return {
    claim,
    get offset(): number {
      return ingest.offset;
    },
    write: async (content) => await ingest.write(content),
    get fill(): Upload["fill"] {
      return ingest.offset === 0 ? ingest.fill?.bind(ingest) : undefined;
    },
    async commit(digest, keep): Promise<void> {
      try {
        await ingest.commit({ digest }, keep);
        isOver = true;
      } catch (error) {
        if (!(error instanceof RegistryError && error.code === "STORAGE_FAILED")) await abort();
        throw error;
      }
    },
    abort,
    async [Symbol.asyncDispose](): Promise<void> {
      try {
        await ingest[Symbol.asyncDispose]();
      } finally {
        close(isOver);
      }
    },
  };
}

/** True when it is gone; another server may write to it. */
async function endResting(ingests: Ingests, id: string): Promise<boolean> {
  try {
    await using ingest = await ingests.open(id);
    await ingest.abort();
    return true;
  } catch (error) {
    if (error instanceof StoreError && error.code === "INGEST_UNKNOWN") return true;
    if (error instanceof StoreError && error.code === "INGEST_BUSY") return false;
    throw error;
  }
}

async function known<Result>(id: string, ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (cause) {
    if (!(cause instanceof StoreError)) throw cause;
    if (cause.code === "INGEST_BUSY")
      throw new RegistryError("TOOMANYREQUESTS", `Cannot write to upload ${JSON.stringify(id)}: another server does at this moment`, { cause });
    throw cause.code === "INGEST_UNKNOWN" ? unknown(id, cause) : cause;
  }
}

function readName(identity: Identity, repository: string, name: string): string {
  const dot = name.lastIndexOf(".");
  const id = name.slice(0, Math.max(dot, 0));
  if (id === "" || !isProof(identity, "upload", `${repository}\n${id}`, name.slice(dot + 1))) throw unknown(name);
  return id;
}

function unknown(name: string, cause?: unknown): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", `Cannot find upload ${JSON.stringify(name)}: it ended or never was`, { cause });
}
