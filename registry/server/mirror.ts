/**
 * Another registry read through this one: what is asked for and not here is fetched, kept and served. Content is named by its digest,
 * so only tags can be out of date: they are asked for again after a while, and served as they were while the other registry is away.
 */
import type { Content } from "../storage.ts";
import { isDigest, type Digest } from "../../store/digest.ts";
import { answerError } from "../client/answer-error.ts";
import { readRange } from "../client/range.ts";
import type { Remote } from "../client/remote.ts";
import { openRepository } from "../client/repository.ts";
import type { Fetched } from "../client/remote-repository.ts";
import { RegistryError } from "../errors.ts";
import { readManifest, type PushedManifest } from "./manifest.ts";
import type { Repositories } from "./repositories.ts";
import { storing } from "./storing.ts";
import type { AtWork } from "./at-work.ts";

export interface Mirror extends AsyncDisposable {
  /** Afterwards what the other registry has under this reference is here, or what was here before is all there is. @throws {RegistryError} `UNREACHABLE` when neither can be had */
  bringManifest(name: string, reference: string): Promise<void>;
  /** Size of a blob that is not here; undefined when the other registry lacks it too. */
  sizeOf(name: string, digest: Digest): Promise<number | undefined>;
  /** A blob while it comes; it is here when it has been read to its end. */
  stream(name: string, digest: Digest, size: number): AsyncIterable<Uint8Array>;
  /** Undefined while the other registry is away. */
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
  readonly now: () => number;
}

export function openMirror(options: MirrorOptions): Mirror {
  const { blobs, repositories, freshMs, now } = options;
  const asked = new Map<string, number>();
  const remote = reconnecting(options.connect);
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
        if ((await repositories.manifest(name, reference)) === undefined)
          await keep(name, reference, await openRepository(await remote.get(), name).read(reference));
        return;
      }
      const known = await repositories.tag(name, reference);
      if (known !== undefined && now() - (asked.get(key) ?? -Infinity) < freshMs) return;
      try {
        const repository = openRepository(await remote.get(), name);
        const there = known === undefined ? undefined : await repository.resolve(reference);
        if (known === undefined || there?.digest !== known) await keep(name, reference, await repository.read(reference));
        asked.set(key, now());
      } catch (error) {
        await forgetOrStale(error, known === undefined, async () => await repositories.removeTag(name, reference));
      }
    },
    async sizeOf(name, digest): Promise<number | undefined> {
      const answer = await (await remote.get()).exchange({ method: "HEAD", path: blobPath(name, digest), scopes: pullOf(name) });
      await answer.body.dump();
      if (answer.status === 404) return undefined;
      if (answer.status !== 200) throw await answerError(answer, `look for ${digest}`, "BLOB_UNKNOWN");
      const length = answer.headers["content-length"] ?? "";
      if (!/^\d+$/.test(length)) throw new RegistryError("UNREACHABLE", `Cannot fetch ${digest}: the other registry does not tell its size`);
      return Number(length);
    },
    async *stream(name, digest, size): AsyncGenerator<Uint8Array> {
      using _ = options.atWork.begin();
      const there = await remote.get();
      const wanted = { path: blobPath(name, digest), scopes: pullOf(name), from: `${there.host}/${name}` };
      // Over one connection: parts that wait in memory are nothing for many readers at once.
      const coming = readRange(there, { mediaType: "application/octet-stream", digest, size }, { start: 0, end: size }, wanted);
      yield* storing(blobs, coming, { digest, size }, async () => await repositories.linkBlob(name, digest, size));
    },
    tags: async (name) =>
      await openRepository(await remote.get(), name)
        .tags()
        .catch(unlessAway),
    [Symbol.asyncDispose]: async () => await remote.close(),
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

/** A tag that is gone there is gone here; while the other registry is away it is what it was. */
async function forgetOrStale(error: unknown, isUnknown: boolean, forget: () => Promise<unknown>): Promise<void> {
  const code = error instanceof RegistryError ? error.code : undefined;
  if (code === "MANIFEST_UNKNOWN" || code === "NAME_UNKNOWN") await forget();
  else if (isUnknown || code !== "UNREACHABLE") throw error;
}

function unlessAway(error: unknown): undefined {
  if (!(error instanceof RegistryError && error.code === "UNREACHABLE")) throw error;
  return undefined;
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
