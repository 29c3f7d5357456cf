/**
 * Another registry read through this one: what is asked for and not here is fetched, kept and served. Content is named by its digest,
 * so only tags can be out of date: they are asked for again after a while, and served as they were while the other registry is away
 * or refuses to say. One that is away is left alone for a while.
 */
import type { Content } from "../storage.ts";
import { isDigest, type Digest } from "../../store/digest.ts";
import { answerError } from "../client/answer-error.ts";
import { readRange } from "../client/range.ts";
import type { Remote } from "../client/remote.ts";
import { openRepository } from "../client/repository.ts";
import type { Fetched } from "../client/remote-repository.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";
import { readManifest, type PushedManifest } from "./manifest.ts";
import type { Repositories } from "./repositories.ts";
import { storing } from "./storing.ts";
import { openRespite } from "./respite.ts";
import { asking } from "./upstream.ts";
import type { AtWork } from "./at-work.ts";

export interface Mirror extends AsyncDisposable {
  /**
   * Afterwards what the other registry has under this reference is here, or what was here before is all there is.
   * @throws {RegistryError} `UNREACHABLE` when neither can be had, `TOOMANYREQUESTS` when neither can be had yet
   */
  bringManifest(name: string, reference: string): Promise<void>;
  /** Size of a blob that is not here; undefined when the other registry lacks it too. */
  sizeOf(name: string, digest: Digest): Promise<number | undefined>;
  /** A blob while it comes; it is here when it has been read to its end. */
  stream(name: string, digest: Digest, size: number): AsyncIterable<Uint8Array>;
  /** Undefined while the other registry is away or refuses to say, and something is here. @throws as `bringManifest` */
  tags(name: string): Promise<readonly string[] | undefined>;
}

export interface MirrorOptions {
  /** Opens the other registry; called again after a failure. */
  readonly connect: () => Promise<Remote>;
  readonly blobs: Content;
  readonly repositories: Repositories;
  readonly atWork: AtWork;
  /** Milliseconds that a tag is taken for true. */
  readonly freshMs: number;
  /** Milliseconds that never go back. */
  readonly now: () => number;
  /** Hears why the other registry could not be had. */
  readonly tell?: (error: RegistryError) => void;
}

const AWAY: ReadonlySet<RegistryErrorCode> = new Set(["UNREACHABLE", "TOOMANYREQUESTS"] satisfies RegistryErrorCode[]);

export function openMirror(options: MirrorOptions): Mirror {
  const { blobs, repositories, freshMs, now } = options;
  const asked = new Map<string, number>();
  const remote = reconnecting(options.connect);
  const askFor = { manifests: asker(options), blobs: asker(options) }; // registries count them apart
  const readThere = async (name: string, reference: string): Promise<Fetched> =>
    await askFor.manifests(async () => await openRepository(await remote.get(), name).read(reference));
  const keep = async (name: string, reference: string, { descriptor, bytes }: Fetched): Promise<void> => {
    const { mediaType, artifactType, annotations, subject } = readUpstream(bytes, descriptor.mediaType);
    await blobs.put(bytes, descriptor.digest.startsWith("sha512:") ? "sha512" : "sha256");
    const more = { ...(artifactType === undefined ? {} : { artifactType }), ...(annotations === undefined ? {} : { annotations }) };
    await repositories.linkManifest(name, { ...descriptor, mediaType, ...more }, subject);
    if (!isDigest(reference) && (await repositories.tag(name, reference)) !== descriptor.digest) await repositories.setTag(name, reference, descriptor.digest);
  };
  return {
    async bringManifest(name, reference): Promise<void> {
      const key = `${name}:${reference}`;
      if (isDigest(reference)) {
        if ((await repositories.manifest(name, reference)) === undefined) await keep(name, reference, await readThere(name, reference));
        return;
      }
      const known = await repositories.tag(name, reference);
      if (known !== undefined && now() - (asked.get(key) ?? -Infinity) < freshMs) return;
      try {
        const there = known === undefined ? undefined : await askFor.manifests(async () => await openRepository(await remote.get(), name).resolve(reference));
        if (known === undefined || there?.digest !== known) await keep(name, reference, await readThere(name, reference));
        asked.set(key, now());
      } catch (error) {
        await forgetOrStale(error, known === undefined, async () => await repositories.removeTag(name, reference));
      }
    },
    sizeOf: async (name, digest) => await askFor.blobs(async () => await sizeThere(await remote.get(), name, digest)),
    async *stream(name, digest, size): AsyncGenerator<Uint8Array> {
      using _ = options.atWork.begin();
      const there = await remote.get();
      const wanted = { path: blobPath(name, digest), scopes: pullOf(name), from: `${there.host}/${name}` };
      // Over one connection: parts that wait in memory are nothing for many readers at once.
      const coming = readRange(there, { mediaType: "application/octet-stream", digest, size }, { start: 0, end: size }, wanted);
      yield* storing(blobs, coming, { digest, size }, async () => await repositories.linkBlob(name, digest, size));
    },
    async tags(name): Promise<readonly string[] | undefined> {
      try {
        return await askFor.manifests(async () => await openRepository(await remote.get(), name).tags());
      } catch (error) {
        if (isGone(error) || isBug(error) || !(await repositories.exists(name))) throw error;
        return undefined;
      }
    },
    [Symbol.asyncDispose]: async () => await remote.close(),
  };
}

function asker({ now, tell = () => {} }: Pick<MirrorOptions, "now" | "tell">): typeof asking {
  const respite = openRespite(now);
  return async (ask) => {
    try {
      return await asking(async () => await respite(ask));
    } catch (error) {
      if (error instanceof RegistryError && AWAY.has(error.code)) tell(error);
      throw error;
    }
  };
}

/** What could not be pushed here is not taken from there either; that is no fault of who asks. @throws {RegistryError} `UNREACHABLE` */
function readUpstream(bytes: Uint8Array, contentType: string): PushedManifest {
  try {
    return readManifest(bytes, contentType);
  } catch (cause) {
    throw new RegistryError("UNREACHABLE", `Cannot take the manifest of the other registry: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** A tag that is gone there is gone here; while the other registry is away or refuses to say it is what it was. */
async function forgetOrStale(error: unknown, isUnknown: boolean, forget: () => Promise<unknown>): Promise<void> {
  if (isGone(error)) await forget();
  else if (isUnknown || isBug(error)) throw error;
}

function isGone(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === "MANIFEST_UNKNOWN" || error.code === "NAME_UNKNOWN");
}

/** What the other registry, the system or the storage says has a code. */
function isBug(error: unknown): boolean {
  return !(error instanceof Error && "code" in error);
}

async function sizeThere(there: Remote, name: string, digest: Digest): Promise<number | undefined> {
  const answer = await there.exchange({ method: "HEAD", path: blobPath(name, digest), scopes: pullOf(name) });
  await answer.body.dump();
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw await answerError(answer, `look for ${digest}`, "BLOB_UNKNOWN");
  const length = answer.headers["content-length"] ?? "";
  if (!/^\d+$/.test(length)) throw new RegistryError("PROTOCOL", `Cannot fetch ${digest}: the other registry does not tell its size`);
  return Number(length);
}

/** One connection for all, opened when it is first needed, and anew when that failed. */
function reconnecting(connect: () => Promise<Remote>): { get(): Promise<Remote>; close(): Promise<void> } {
  let opened: Promise<Remote> | undefined;
  return {
    async get(): Promise<Remote> {
      const current = (opened ??= connect());
      return await current.catch((error: unknown) => {
        if (opened === current) opened = undefined;
        throw error;
      });
    },
    close: async () => await (await opened?.catch(() => undefined))?.[Symbol.asyncDispose](),
  };
}

function blobPath(name: string, digest: Digest): string {
  return `/v2/${name}/blobs/${digest}`;
}

function pullOf(name: string): readonly string[] {
  return [`repository:${name}:pull`];
}
