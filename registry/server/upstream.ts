/** The other registry of a mirror, and what it answers in our words: its refusals are not our client's, who has nothing to log in with there. */
import { HttpError } from "../../http/error.ts";
import { answerError } from "../client/answer-error.ts";
import type { Answer } from "../client/connection.ts";
import type { Remote, RemoteExchange } from "../client/remote.ts";
import { isPassing, PassingFailure, retrying } from "../client/retry.ts";
import { RegistryError, type RegistryErrorCode } from "../errors.ts";

/** What is not there is not here either; the last two are of this registry's own settings and storage. */
const OWN: ReadonlySet<RegistryErrorCode> = new Set([
  "BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
  "TOOMANYREQUESTS",
  "CREDENTIALS_UNAVAILABLE",
  "STORAGE_FAILED",
] satisfies RegistryErrorCode[]);

/** As `remote`, but who is told to come later learns when. @throws {HttpError} 429, from its `exchange` */
export function heedful(remote: Remote): Remote {
  const { policy } = remote;
  return {
    ...remote,
    exchange: async (exchange) => {
      if (exchange.retry === false) return await remote.exchange(exchange);
      const signal = exchange.signal === undefined ? remote.signal : AbortSignal.any([remote.signal, exchange.signal]);
      return await retrying(async () => await once(remote, exchange), { policy, signal });
    },
  };
}

async function once(remote: Remote, exchange: RemoteExchange): Promise<Answer> {
  const answer = await remote.exchange({ ...exchange, retry: false });
  if (!isPassing(answer.status)) return answer;
  const later = answer.headers["retry-after"];
  const error = await answerError(answer, `use ${remote.host}`);
  throw new PassingFailure(error.code === "TOOMANYREQUESTS" ? comeLater(error, later) : error, later);
}

/** Seconds or a date. Spec: RFC 9110, section 10.2.3. */
function comeLater(cause: RegistryError, later: string | undefined): HttpError {
  const isOne = later !== undefined && (/^\d{1,9}$/.test(later) || /^[A-Za-z0-9 ,:]+ GMT$/.test(later));
  return new HttpError(429, cause.message, { cause, ...(isOne ? { headers: { "retry-after": later } } : {}) });
}

/**
 * What `ask` gives of the other registry.
 * @throws {RegistryError} `MANIFEST_UNKNOWN`, `NAME_UNKNOWN`, `BLOB_UNKNOWN`; `UNREACHABLE` when it cannot be had
 * @throws {HttpError} 429
 */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RegistryError ? OWN.has(error.code) : !isOfSystem(error)) throw error;
    throw new RegistryError("UNREACHABLE", error instanceof RegistryError ? error.message : `Cannot read the other registry's answer: ${String(error)}`, {
      cause: error,
    });
  }
}

/** Of a connection that broke while a body came, say; what has no code is a bug. */
function isOfSystem(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}
