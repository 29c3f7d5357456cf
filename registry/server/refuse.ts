/** Errors as replies: one table from code to status. Spec: distribution-spec v1.1, "Error Codes". */
import { HttpError } from "../../http/error.ts";
import type { Reply, ReplyHeaders } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { StoreError, type StoreErrorCode } from "../../store/errors.ts";
import { askedDelay } from "../client/retry.ts";
import { RegistryError, type RegistryErrorCode, type WireErrorCode } from "../errors.ts";

const STATUS: Readonly<Record<WireErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_TOO_LARGE: 413,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  UNKNOWN: 500,
};

const STORE_CODES: Partial<Readonly<Record<StoreErrorCode, WireErrorCode>>> = {
  DIGEST_INVALID: "DIGEST_INVALID",
  DIGEST_MISMATCH: "DIGEST_INVALID",
  SIZE_MISMATCH: "SIZE_INVALID",
  BLOB_UNKNOWN: "BLOB_UNKNOWN",
  INGEST_UNKNOWN: "BLOB_UPLOAD_UNKNOWN",
  RANGE_INVALID: "RANGE_INVALID",
};

const LONGEST_AGAIN_SECONDS = 60;

/** What is no refusal is a bug: 500, and only `report` learns what it was. It hears of failing storage too. */
export function refuse(error: unknown, report: (bug: unknown) => void, headers: ReplyHeaders = {}): Reply {
  if (isSuppressed(error)) {
    if (isOfStorage(error.error) || wireError(error.error) === undefined) report(error.error);
    return refuse(error.suppressed, report, headers);
  }
  if (isOfStorage(error)) report(error);
  const found = wireError(error);
  if (found === undefined) {
    report(error);
    return refusal(500, "UNKNOWN", "Internal error", undefined, headers);
  }
  return refusal(found.status, found.code, found.message, found.detail, { ...found.headers, ...headers });
}

/** What failed at the end of work that had failed already, which is what the client is told. */
function isSuppressed(error: unknown): error is SuppressedError {
  return error instanceof Error && error.name === "SuppressedError" && "suppressed" in error;
}

function isOfStorage(error: unknown): boolean {
  return error instanceof RegistryError && (error.code === "STORAGE_FAILED" || error.code === "CREDENTIALS_UNAVAILABLE");
}

interface WireError {
  readonly status: number;
  readonly code: WireErrorCode;
  readonly message: string;
  readonly detail: unknown;
  readonly headers?: ReplyHeaders;
}

function wireError(error: unknown): WireError | undefined {
  if (error instanceof RegistryError && isWire(error.code))
    return { status: STATUS[error.code], code: error.code, message: error.message, detail: error.detail, headers: comeAgain(error) };
  if (error instanceof RegistryError && error.code === "BLOB_TOO_LARGE") {
    return { status: 413, code: "DENIED", message: error.message, detail: error.detail }; // a code of our own makes docker try again and again
  }
  if (error instanceof RegistryError && error.code === "UNREACHABLE") return { status: 502, code: "UNKNOWN", message: error.message, detail: undefined };
  if (error instanceof RegistryError && error.code === "STORAGE_FAILED")
    return { status: 503, code: "UNKNOWN", message: error.message, detail: undefined, headers: { "retry-after": "1" } };
  if (error instanceof RegistryError && error.code === "CREDENTIALS_UNAVAILABLE") {
    const message = "Cannot tell now who may do this: a file of the registry's settings cannot be read, and its log says which";
    return { status: 503, code: "UNKNOWN", message, detail: undefined, headers: { "retry-after": "5" } };
  }
  if (error instanceof HttpError)
    return { status: error.status, code: codeOfStatus(error.status), message: error.message, detail: undefined, headers: error.headers };
  if (isCrowded(error))
    return { status: 503, code: "UNKNOWN", message: "Cannot answer now: too many files are open", detail: undefined, headers: { "retry-after": "1" } };
  if (isFull(error)) return { status: 507, code: "UNKNOWN", message: "Cannot store it: no space is left", detail: undefined };
  const code = error instanceof StoreError ? STORE_CODES[error.code] : undefined;
  return code === undefined ? undefined : { status: STATUS[code], code, message: (error as StoreError).message, detail: undefined };
}

/** When the registry behind this one says to, within reason. */
function comeAgain({ passing }: RegistryError): ReplyHeaders {
  const asked = askedDelay(passing?.retryAfter, Date.now());
  return asked === undefined ? {} : { "retry-after": String(Math.min(Math.max(Math.ceil(asked / 1000), 1), LONGEST_AGAIN_SECONDS)) };
}

/** More at once than this process may have open. */
function isCrowded(error: unknown): boolean {
  return hasCode(error, "EMFILE", "ENFILE");
}

/** Storage without room for what came. */
export function isFull(error: unknown): boolean {
  return hasCode(error, "ENOSPC", "EDQUOT", "RECORDS_FAILED");
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => code === error.code);
}

function isWire(code: RegistryErrorCode): code is WireErrorCode {
  return Object.hasOwn(STATUS, code);
}

function codeOfStatus(status: number): WireErrorCode {
  if (status === 413) return "MANIFEST_TOO_LARGE";
  if (status === 405) return "UNSUPPORTED";
  if (status === 429) return "TOOMANYREQUESTS";
  return status === 404 ? "NAME_UNKNOWN" : "UNKNOWN";
}

function refusal(status: number, code: WireErrorCode, message: string, detail: unknown, headers: ReplyHeaders): Reply {
  return json(status, { errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] }, headers);
}
