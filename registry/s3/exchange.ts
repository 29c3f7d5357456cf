/** One signed exchange with an S3 service, tried again when that may help. Bodies that are sent are whole, so that they can be sent again. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AwsV4Signer } from "aws4fetch";
import { Agent, request, type Dispatcher } from "undici";
import { trusting } from "../authorities.ts";
import { RegistryError } from "../errors.ts";
import type { S3Credentials } from "./credentials.ts";
import type { KeyRing } from "./key-ring.ts";
import type { BucketLocation } from "./location.ts";
import { elementText } from "./xml.ts";

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Below the prefix; undefined for the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Statuses that are answers, beside 2xx. */
  readonly expect?: readonly number[];
  /** Verb and object for errors: `read blobs/…`. */
  readonly what: string;
  /** Somebody reads the answer at his own pace: others do not wait for that. */
  readonly isRead?: boolean;
}

export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Must be read or dumped. */
  readonly body: Dispatcher.ResponseData["body"];
}

export interface S3Exchange extends AsyncDisposable {
  /** @throws {RegistryError} `STORAGE_FAILED` */
  send(request: S3Request): Promise<S3Answer>;
}

export interface S3ExchangeOptions {
  readonly location: BucketLocation & { readonly region: string };
  /** Asked for every request: they may change. */
  readonly credentials: KeyRing;
  /** Milliseconds without an answer or a byte. */
  readonly idleMs: number;
  /** Milliseconds before the second try; doubled each time. */
  readonly firstRetryMs: number;
  readonly attempts: number;
}

const CONNECT_MS = 10_000;
/** At the same time, of exchanges that nobody's pace holds up: services slow those down who ask for more at once than they can do. */
const MOST_CONNECTIONS = 32;
const LONGEST_WAIT_MS = 10_000;
const MAX_ERROR_CHARS = 300;
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

export function openExchange(options: S3ExchangeOptions): S3Exchange {
  const { location, credentials, idleMs, attempts, firstRetryMs } = options;
  const timing = { connect: { timeout: CONNECT_MS, ...trusting(process.env) }, headersTimeout: idleMs, bodyTimeout: idleMs, keepAliveTimeout: 4_000 };
  const quick = new Agent({ ...timing, connections: MOST_CONNECTIONS });
  const read = new Agent(timing);
  const cache = new Map<string, ArrayBuffer>();
  let isClosed = false;
  const once = async (wanted: S3Request): Promise<S3Answer> => {
    const { url, headers } = await sign(wanted, location, await credentials(), cache);
    const { method, body, isRead = false } = wanted;
    const dispatcher = isRead ? read : quick;
    const reply = await request(url, { method, headers, dispatcher, ...(body === undefined ? {} : { body: body as Uint8Array }) });
    return { status: reply.statusCode, headers: reply.headers, body: reply.body };
  };
  return {
    async send(wanted): Promise<S3Answer> {
      for (let attempt = 1; ; attempt += 1) {
        const outcome = await once(wanted).catch((error: unknown) => ({ error }));
        if ("error" in outcome) {
          if (attempt >= attempts || isClosed) throw unreachable(wanted, location, outcome.error);
        } else if (isAnswer(outcome.status, wanted)) return outcome;
        else if (!PASSING.has(outcome.status) || attempt >= attempts) throw await refusal(wanted, location, outcome);
        else await outcome.body.dump();
        await sleep(waitMs("error" in outcome ? undefined : outcome, firstRetryMs * 2 ** (attempt - 1)));
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      isClosed = true;
      await Promise.all([quick.destroy(), read.destroy()]);
    },
  };
}

function isAnswer(status: number, { expect = [] }: S3Request): boolean {
  return (status >= 200 && status < 300) || expect.includes(status);
}

async function sign(
  { method, key, query = {}, headers = {}, body }: S3Request,
  location: S3ExchangeOptions["location"],
  credentials: S3Credentials,
  cache: Map<string, ArrayBuffer>,
): Promise<{ readonly url: URL; readonly headers: Record<string, string> }> {
  const url = urlOf(location, key);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const { sessionToken, ...keys } = credentials;
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    headers: {
      ...headers,
      "x-amz-content-sha256": createHash("sha256")
        .update(body ?? "")
        .digest("hex"),
    },
    ...keys,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: "s3",
    region: location.region,
    cache,
  });
  const signed = await signer.sign();
  return { url: signed.url, headers: Object.fromEntries(signed.headers) };
}

function urlOf({ bucket, prefix, endpoint, region, pathStyle }: S3ExchangeOptions["location"], key: string | undefined): URL {
  const url = new URL(endpoint ?? `https://s3.${region}.amazonaws.com`);
  if (!pathStyle) url.hostname = `${bucket}.${url.hostname}`;
  const path = key === undefined ? "" : encodeKey(prefix + key);
  url.pathname = pathStyle ? `/${bucket}${path === "" ? "" : `/${path}`}` : `/${path}`;
  return url;
}

export function encodeKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

function waitMs(answer: S3Answer | undefined, otherwise: number): number {
  const after = Number(answer?.headers["retry-after"]);
  const wanted = Number.isFinite(after) && after > 0 ? after * 1000 : otherwise * (0.5 + Math.random());
  return Math.min(wanted, LONGEST_WAIT_MS);
}

function unreachable({ what }: S3Request, location: BucketLocation, cause: unknown): RegistryError {
  const { message, code } = cause as { readonly message?: string; readonly code?: string };
  const reason = message === undefined || message === "" ? String(code ?? cause) : message;
  return new RegistryError("STORAGE_FAILED", `Cannot ${what} in bucket ${location.bucket}: ${reason}`, { cause });
}

async function refusal({ what }: S3Request, { bucket }: BucketLocation, answer: S3Answer): Promise<RegistryError> {
  const text = await answer.body.text().catch(() => "");
  return storageError(what, bucket, answer.status, text);
}

const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: "Make the bucket first",
  InvalidAccessKeyId: "Look at AWS_ACCESS_KEY_ID",
  SignatureDoesNotMatch: "Look at AWS_SECRET_ACCESS_KEY and the region",
  AccessDenied: "The keys must be allowed to list the bucket and to read, write and delete its objects",
  RequestTimeTooSkewed: "Set this machine's clock",
};

export function storageError(what: string, bucket: string, status: number, xml: string): RegistryError {
  const code = elementText(xml, "Code") ?? (status === 403 ? "AccessDenied" : undefined);
  const said = [code, elementText(xml, "Message")].filter((part) => part !== undefined).join(": ");
  const hint = code === undefined ? undefined : HINTS[code];
  return new RegistryError("STORAGE_FAILED", `Cannot ${what} in bucket ${bucket}: it answered ${status} ${said}`.trim().slice(0, MAX_ERROR_CHARS), {
    ...(hint === undefined ? {} : { hint }),
    detail: { status, code },
  });
}
