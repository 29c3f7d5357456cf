/**
 * A file of http or https, kept by digest. What the server says did not change is not downloaded again, and what a checksum or a
 * lock file names and is here is not even asked for. Spec: RFC 9110, "Conditional Requests".
 */
import { rm } from "node:fs/promises";
import { BuilderError } from "../errors.ts";
import { redact } from "../redact.ts";
import { DownloadStore, type UrlRecord } from "./download-store.ts";
import { nameInDisposition, nameInUrl } from "./file-name.ts";
import { get, SILENCE_MS, type HttpAnswer } from "./http-request.ts";
import { MAX_DOWNLOAD_BYTES, receive } from "./receive.ts";
import type { RemoteScope } from "./scope.ts";

export interface Download {
  readonly file: string;
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
  /** Seconds: Last-Modified, or 0. */
  readonly mtime: number;
  readonly name: string | undefined;
}

export interface DownloadOptions {
  /** `sha256:…` that the content must have. */
  readonly checksum?: string | undefined;
  readonly maxBytes?: number;
  readonly silenceMs?: number;
}

/** @throws {BuilderError} `DOWNLOAD_FAILED`, `LOCK_BROKEN` */
export async function download(url: string, scope: RemoteScope, options: DownloadOptions = {}): Promise<Download> {
  const store = new DownloadStore(scope.root);
  const pins = options.checksum === undefined ? scope.pins : undefined; // what the Dockerfile itself fixes needs no lock
  const pinned = pins?.find("urls", url);
  const here = presentContent(url, store, options.checksum ?? pinned);
  const found = here ?? (await fetchWhole(url, store, scope, options));
  if (options.checksum !== undefined && options.checksum !== found.digest)
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot use ${redact(url)}: its digest is ${found.digest}, expected ${options.checksum}`);
  if (pinned !== undefined && pinned !== found.digest) throw moved(url, pinned, found.digest, scope);
  pins?.record("urls", url, found.digest);
  return found;
}

function moved(url: string, pinned: string, now: string, { pins }: RemoteScope): BuilderError {
  return new BuilderError("LOCK_BROKEN", `Cannot use ${redact(url)}: ${pins?.file} pins it to ${pinned}, the server now has ${now}`, {
    hint: "If that is wanted, build with --lock-update",
  });
}

/** Only content whose time and name are known from an earlier answer, so that a digest gives one layer, not two. */
function presentContent(url: string, store: DownloadStore, digest: string | undefined): Download | undefined {
  const record = digest === undefined ? undefined : store.find(url);
  return record === undefined || record.digest !== digest ? undefined : toDownload(url, record, store);
}

async function fetchWhole(url: string, store: DownloadStore, scope: RemoteScope, options: DownloadOptions): Promise<Download> {
  try {
    return await revalidate(url, store, scope, options);
  } catch (error) {
    if (scope.signal?.aborted === true || error instanceof BuilderError) throw error;
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${redact(url)}: ${reasonOf(error)}`, { cause: error, ...hintOf(error) });
  }
}

async function revalidate(url: string, store: DownloadStore, scope: RemoteScope, options: DownloadOptions): Promise<Download> {
  const known = store.find(url);
  const silenceMs = options.silenceMs ?? SILENCE_MS;
  const answer = await get(url, { headers: known === undefined ? {} : conditions(known), scope, silenceMs });
  if (known !== undefined && isUnchanged(known, answer)) {
    answer.body.on("error", () => undefined).destroy();
    return toDownload(url, known, store);
  }
  if (answer.status !== 200) {
    answer.body.on("error", () => undefined).destroy();
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${redact(url)}: the server answered ${answer.status}`);
  }
  const fresh = store.open();
  try {
    const received = await receive(url, answer, fresh, { maxBytes: options.maxBytes ?? MAX_DOWNLOAD_BYTES, windowMs: silenceMs, signal: scope.signal });
    const record = recordOf(received, answer, url);
    store.keep(fresh, received.digest);
    store.remember(url, record);
    return toDownload(url, record, store);
  } finally {
    await rm(fresh, { force: true });
  }
}

function conditions({ etag, lastModified }: UrlRecord): Readonly<Record<string, string>> {
  if (etag !== undefined) return { "if-none-match": etag };
  return lastModified === undefined ? {} : { "if-modified-since": lastModified };
}

/** Some servers repeat the tag but not the 304. */
function isUnchanged(known: UrlRecord, { status, headers }: HttpAnswer): boolean {
  return status === 304 || (status === 200 && known.etag !== undefined && headers["etag"] === known.etag);
}

function recordOf({ digest, size }: { readonly digest: string; readonly size: number }, { headers, url: final }: HttpAnswer, url: string): UrlRecord {
  const { etag, "last-modified": lastModified } = headers;
  const name = nameInUrl(url) ?? nameInDisposition(headers["content-disposition"]) ?? nameInUrl(final);
  return {
    digest,
    size,
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(name === undefined ? {} : { name }),
  };
}

function toDownload(url: string, { digest, size, lastModified, name }: UrlRecord, store: DownloadStore): Download {
  const content = store.content(digest);
  if (content === undefined) throw new BuilderError("DOWNLOAD_FAILED", `Cannot use ${redact(url)}: what was downloaded is gone`, { hint: "Build again" });
  const modified = Date.parse(lastModified ?? "");
  return { file: content.file, digest, size, mtime: Number.isNaN(modified) ? 0 : Math.max(0, Math.floor(modified / 1000)), name: nameInUrl(url) ?? name };
}

function reasonOf(error: unknown): string {
  const { code, message, cause } = error instanceof Error ? (error as NodeJS.ErrnoException) : { code: undefined, message: String(error), cause: undefined };
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT") return "the server does not answer";
  if (code === "UND_ERR_SOCKET" || message === "terminated" || message === "aborted") return "the connection ended before the content did";
  if (code === "ENOSPC") return "the disk is full";
  return cause instanceof Error && cause.message !== "" ? cause.message : message || String(code);
}

function hintOf(error: unknown): { readonly hint?: string } {
  const text = `${(error as NodeJS.ErrnoException).code ?? ""} ${error instanceof Error ? error.message : ""}`;
  return /CERT|SELF_SIGNED|certificate/i.test(text) ? { hint: "If the authority is one of yours, name its PEM file in NODE_EXTRA_CA_CERTS" } : {};
}
