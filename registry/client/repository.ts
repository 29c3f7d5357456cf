/** A repository of a registry as a source and a sink of content. Spec: distribution-spec v1.1, "Pull", "Push". */
import { algorithmOf, digestOf, isDigest, type Digest } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { Stored } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import { answerError, readBytes } from "./answer-error.ts";
import type { Answer } from "./connection.ts";
import { download } from "./download.ts";
import { pagesOf } from "./pages.ts";
import { readPage, type PageField } from "./read-page.ts";
import type { Remote } from "./remote.ts";
import type { Fetched, OnTransfer, RemoteRepository, RepositoryOptions } from "./remote-repository.ts";
import { replayable } from "./replayable.ts";
import { upload, uploadGrowing, type UploadOptions } from "./upload.ts";

const MAX_MANIFEST_BYTES = 4 << 20;
const MANIFEST_TYPES: ReadonlySet<string> = new Set([MEDIA_TYPE.index, MEDIA_TYPE.manifest, MEDIA_TYPE.dockerIndex, MEDIA_TYPE.dockerManifest]);
const ACCEPT = [...MANIFEST_TYPES].join(", ");

export function openRepository(remote: Remote, name: string, options: RepositoryOptions = {}): RemoteRepository {
  const pull = [`repository:${name}:pull`];
  const push = [`repository:${name}:pull,push`];
  const manifestPath = (reference: string): string => `/v2/${name}/manifests/${reference}`;
  const blobPath = (digest: Digest): string => `/v2/${name}/blobs/${digest}`;
  const read = async (reference: string): Promise<Fetched> => {
    const answer = await remote.exchange({ method: "GET", path: manifestPath(reference), scopes: pull, headers: { accept: ACCEPT } });
    if (answer.status !== 200) throw await answerError(answer, `find ${named(remote, name, reference)}`, "MANIFEST_UNKNOWN");
    return verified(answer, named(remote, name, reference), reference, await readBytes(answer, MAX_MANIFEST_BYTES));
  };
  const put = async (reference: string, { descriptor, bytes }: Fetched): Promise<void> => {
    const answer = await remote.exchange({
      method: "PUT",
      path: manifestPath(reference),
      scopes: push,
      headers: { "content-type": descriptor.mediaType },
      body: () => bytes,
    });
    if (answer.status !== 201) throw await answerError(answer, `push ${named(remote, name, reference)}`, "NAME_UNKNOWN");
    await answer.body.dump();
    if (answer.headers["oci-subject"] !== undefined || !Buffer.from(bytes).includes('"subject"')) return;
    const { noteReferrer } = await import("./referrers.ts");
    await noteReferrer({ read, put }, { descriptor, bytes });
  };
  const place = `${remote.host}/${name}`;
  const report = options.onTransfer ?? ((): void => {});
  const repository: RemoteRepository = {
    name,
    read,
    place,
    fetch: (descriptor, { signal } = {}) => {
      if (isManifest(descriptor)) return one(async () => (await read(descriptor.digest)).bytes);
      const onBytes = (count: number): void => report(descriptor, "transferring", count);
      const transfer = { path: blobPath(descriptor.digest), scopes: pull, from: place, onBytes, signal };
      return replayable(
        (offset, isLent) => download(remote, descriptor, offset, { ...transfer, isLent }),
        async (file, begun) => await (await import("./download-into.ts")).downloadInto(remote, descriptor, { file, begun }, transfer),
      );
    },
    async has(descriptor): Promise<boolean> {
      const path = isManifest(descriptor) ? manifestPath(descriptor.digest) : blobPath(descriptor.digest);
      const answer = await remote.exchange({ method: "HEAD", path, scopes: push, headers: { accept: ACCEPT } });
      if (answer.status !== 200 && answer.status !== 404) throw await answerError(answer, `look for ${descriptor.digest} in ${name}`);
      await answer.body.dump();
      if (answer.status === 200) report(descriptor, "exists", 0);
      return answer.status === 200;
    },
    async push(descriptor, content): Promise<void> {
      if (isManifest(descriptor)) return await put(descriptor.digest, { descriptor, bytes: await collect(descriptor, content) });
      report(descriptor, "waiting", 0);
      const mountFrom = options.mountFrom?.(descriptor.digest);
      const proof = options.prove?.(descriptor.digest);
      const how = await upload(remote, descriptor, content, {
        repository: name,
        scopes: push,
        mountFrom,
        proof,
        onBytes: (count) => report(descriptor, "transferring", count),
      });
      report(descriptor, how === "mounted" ? "mounted" : "done", 0);
    },
    ...(options.prove === undefined ? { pushGrowing: growingPusher(remote, { repository: name, scopes: push }, report) } : {}),
    tag: put,
    ...look(remote, name, { pull, read, manifestPath }),
  };
  return repository;
}

/** What went before its digest is known is told of then. */
function growingPusher(remote: Remote, place: UploadOptions, report: OnTransfer): NonNullable<RemoteRepository["pushGrowing"]> {
  return async (layer, growing) => {
    let known: Descriptor | undefined;
    let early = 0;
    const onBytes = (count: number): void => {
      if (known === undefined) early += count;
      else report(known, "transferring", count);
    };
    const tell = ({ digest, size }: Stored): void => report((known = { mediaType: layer.mediaType, digest, size }), "transferring", early);
    growing.digest.then(tell, () => {}); // which fails the upload too
    const sent = await uploadGrowing(remote, layer, growing, { ...place, onBytes });
    report(sent, "done", 0);
    return sent;
  };
}

interface Looking {
  readonly pull: readonly string[];
  readonly read: (reference: string) => Promise<Fetched>;
  readonly manifestPath: (reference: string) => string;
}

function look(remote: Remote, name: string, { pull, read, manifestPath }: Looking): Pick<RemoteRepository, "resolve" | "tags" | "referrers" | "remove"> {
  return {
    async resolve(reference): Promise<Descriptor | undefined> {
      const answer = await remote.exchange({ method: "HEAD", path: manifestPath(reference), scopes: pull, headers: { accept: ACCEPT } });
      await answer.body.dump();
      if (answer.status === 404) return undefined;
      const { "docker-content-digest": digest = "", "content-type": mediaType = "", "content-length": length } = answer.headers;
      if (answer.status !== 200 || !isDigest(digest) || length === undefined) return (await read(reference)).descriptor;
      return { mediaType, digest, size: Number(length) };
    },
    tags: async () => await listAll(remote, { path: `/v2/${name}/tags/list`, field: "tags", scopes: pull }),
    referrers: async (subject) => await (await import("./referrers.ts")).listReferrers(remote, name, subject, { read }),
    async remove(reference): Promise<void> {
      const answer = await remote.exchange({ method: "DELETE", path: manifestPath(reference), scopes: [`repository:${name}:pull,push,delete`] });
      if (answer.status !== 202) throw await answerError(answer, `delete ${named(remote, name, reference)}`, "MANIFEST_UNKNOWN");
      await answer.body.dump();
    },
  };
}

export async function listCatalog(remote: Remote): Promise<readonly string[]> {
  return await listAll(remote, { path: "/v2/_catalog", field: "repositories", scopes: ["registry:catalog:*"] });
}

interface Listing {
  readonly path: string;
  readonly field: PageField;
  readonly scopes: readonly string[];
}

/** Every page. */
async function listAll(remote: Remote, { path, field, scopes }: Listing): Promise<readonly string[]> {
  const found: (readonly string[])[] = [];
  const refuse = async (answer: Answer): Promise<never> => {
    throw await answerError(answer, `list ${path}`, "NAME_UNKNOWN");
  };
  for await (const page of pagesOf(remote, { path, scopes, refuse })) found.push(readPage(page, field, remote.host));
  return found.flat();
}

export function isManifest({ mediaType }: Pick<Descriptor, "mediaType">): boolean {
  return MANIFEST_TYPES.has(mediaType);
}

function verified(answer: Answer, place: string, reference: string, bytes: Uint8Array): Fetched {
  const told = answer.headers["docker-content-digest"];
  const expected = isDigest(reference) ? reference : told !== undefined && isDigest(told) ? told : undefined;
  const digest = digestOf(bytes, expected === undefined ? "sha256" : algorithmOf(expected));
  if (expected !== undefined && digest !== expected)
    throw new RegistryError("DIGEST_INVALID", `Cannot read manifest ${place}: ${expected} was expected, and its content is ${digest}`);
  const mediaType = answer.headers["content-type"]?.split(";")[0]?.trim() ?? "";
  const known = MANIFEST_TYPES.has(mediaType) ? mediaType : (declaredType(bytes, place, mediaType) ?? MEDIA_TYPE.manifest);
  return { descriptor: { mediaType: known, digest, size: bytes.length }, bytes };
}

function declaredType(bytes: Uint8Array, place: string, given: string): string | undefined {
  try {
    const { mediaType, manifests } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { mediaType?: unknown; manifests?: unknown };
    return typeof mediaType === "string" ? mediaType : Array.isArray(manifests) ? MEDIA_TYPE.index : undefined;
  } catch (cause) {
    const what = given === "text/html" ? "a web page" : "not JSON";
    throw new RegistryError("PROTOCOL", `Cannot read manifest ${place}: what came is ${what}`, { cause });
  }
}

async function collect({ digest, size }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length !== size) throw new RegistryError("SIZE_INVALID", `Cannot push ${digest}: its content is not ${size} bytes long`);
  return bytes;
}

async function* one(read: () => Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield await read();
}

function named({ host }: Remote, name: string, reference: string): string {
  return `${host}/${name}${isDigest(reference) ? "@" : ":"}${reference}`;
}
