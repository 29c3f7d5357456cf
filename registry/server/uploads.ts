/**
 * Upload sessions. The bytes are an ingest of the store, so a session survives the server; its name carries a proof of the
 * repository it was opened for. Between requests it stays open in memory, because its hash is half done; one request at a time writes.
 */
import type { Digest } from "../../store/digest.ts";
import type { Ingest, Ingests, Stored } from "../../store/store.ts";
import { RegistryError } from "../errors.ts";
import { isProof, prove, type Identity } from "../identity.ts";

export interface Uploads extends AsyncDisposable {
  /** Name of a new session for `repository`. */
  create(repository: string): Promise<string>;
  /** Bytes received so far, also while another request writes. @throws {RegistryError} `BLOB_UPLOAD_UNKNOWN` */
  offset(repository: string, session: string): Promise<number>;
  /** Holds the session until it is disposed of. @throws {RegistryError} `BLOB_UPLOAD_UNKNOWN` */
  open(repository: string, session: string): Promise<Upload>;
}

export interface Upload extends AsyncDisposable {
  readonly offset: number;
  write(content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Ends the session, also when the digest does not match. */
  commit(digest: Digest): Promise<Stored>;
  abort(): Promise<void>;
}

interface Session {
  readonly ingest: Promise<Ingest>;
  /** Settles when the request that holds it is done. */
  turn: Promise<void>;
  waiting: number;
  idle: NodeJS.Timeout | undefined;
}

/** Milliseconds after which a session that nobody uses is closed; it can be opened again. */
const IDLE_MS = 300_000;

export function openUploads(ingests: Ingests, identity: Identity): Uploads {
  const sessions = new Map<string, Session>();

  const find = (repository: string, session: string): { readonly id: string; readonly found: Session } => {
    const id = readName(identity, repository, session);
    const known = sessions.get(id);
    if (known !== undefined) return { id, found: known };
    const found: Session = { ingest: ingests.open(id), turn: Promise.resolve(), waiting: 0, idle: undefined };
    sessions.set(id, found);
    found.ingest.catch(() => sessions.delete(id));
    return { id, found };
  };
  const rest = (id: string, session: Session): void => {
    clearTimeout(session.idle);
    session.idle = setTimeout(() => void close(id), IDLE_MS).unref();
  };
  const close = async (id: string): Promise<void> => {
    const session = sessions.get(id);
    if (session === undefined) return;
    sessions.delete(id);
    clearTimeout(session.idle);
    await (await session.ingest)[Symbol.asyncDispose]();
  };

  return {
    async create(repository): Promise<string> {
      const ingest = await ingests.create();
      const session = { ingest: Promise.resolve(ingest), turn: Promise.resolve(), waiting: 0, idle: undefined };
      sessions.set(ingest.id, session);
      rest(ingest.id, session);
      return `${ingest.id}.${prove(identity, "upload", `${repository}\n${ingest.id}`)}`;
    },
    async offset(repository, name): Promise<number> {
      const { id, found } = find(repository, name);
      const { offset } = await found.ingest;
      if (found.waiting === 0) rest(id, found);
      return offset;
    },
    async open(repository, name): Promise<Upload> {
      const { id, found } = find(repository, name);
      const release = await takeTurn(found);
      clearTimeout(found.idle);
      const forget = (): boolean => sessions.delete(id);
      try {
        if (sessions.get(id) !== found) throw unknown(name);
        return upload(await found.ingest, forget, () => {
          if (sessions.get(id) === found) rest(id, found);
          release();
        });
      } catch (error) {
        release();
        throw error;
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([...sessions.keys()].map(close));
    },
  };
}

async function takeTurn(session: Session): Promise<() => void> {
  const before = session.turn;
  let release = (): void => {};
  session.waiting += 1;
  session.turn = new Promise((resolve) => {
    release = (): void => {
      session.waiting -= 1;
      resolve();
    };
  });
  await before;
  return release;
}

function upload(ingest: Ingest, forget: () => void, release: () => void): Upload {
  return {
    get offset(): number {
      return ingest.offset;
    },
    async write(content): Promise<void> {
      for await (const chunk of content) await ingest.write(chunk);
    },
    async commit(digest): Promise<Stored> {
      forget();
      try {
        return await ingest.commit({ digest });
      } catch (error) {
        await ingest.abort();
        throw error;
      } finally {
        await ingest[Symbol.asyncDispose]();
      }
    },
    async abort(): Promise<void> {
      forget();
      await ingest.abort();
      await ingest[Symbol.asyncDispose]();
    },
    [Symbol.asyncDispose]: async () => {
      release();
    },
  };
}

function readName(identity: Identity, repository: string, name: string): string {
  const dot = name.lastIndexOf(".");
  const id = name.slice(0, Math.max(dot, 0));
  if (id === "" || !isProof(identity, "upload", `${repository}\n${id}`, name.slice(dot + 1))) throw unknown(name);
  return id;
}

function unknown(name: string): RegistryError {
  return new RegistryError("BLOB_UPLOAD_UNKNOWN", `Cannot find upload ${JSON.stringify(name)}: it ended or never was`);
}
