/** What goes wrong in this room: the specification's codes, and what a client meets beyond them. */
import { CodedError, type CodedErrorOptions } from "../store/errors.ts";

/** Codes that travel in `{"errors":[…]}`. Spec: distribution-spec v1.1, "Error Codes". */
export type WireErrorCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_TOO_LARGE"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "PAGINATION_NUMBER_INVALID"
  | "RANGE_INVALID"
  | "SIZE_INVALID"
  | "TAG_INVALID"
  | "UNAUTHORIZED"
  | "DENIED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "UNKNOWN";

export type RegistryErrorCode =
  | WireErrorCode
  /** No answer: refused, timed out, no such host, a certificate that is not trusted. */
  | "UNREACHABLE"
  /** An answer that no registry gives. */
  | "PROTOCOL"
  | "REFERENCE_INVALID"
  /** More than this registry takes as one blob. */
  | "BLOB_TOO_LARGE"
  /** The service that keeps the content refuses, fails or cannot be reached. */
  | "STORAGE_FAILED"
  /** A credential helper or an authentication file that does not do its part. */
  | "CREDENTIALS_UNAVAILABLE"
  /** A file that tells of registries cannot be read. */
  | "CONFIGURATION_INVALID"
  /** A file that tells of registries forbids this one. */
  | "BLOCKED";

export interface RegistryErrorOptions extends CodedErrorOptions {
  /** Goes on the wire as `detail`. */
  readonly detail?: unknown;
  readonly passing?: Passing | undefined;
  /** What a registry answered, as it stands in the message: for whom can say better what was being done. */
  readonly reason?: string | undefined;
}

/** Of an answer that is one for now: another may be given later. */
export interface Passing {
  readonly status: number;
  /** When, as it said: seconds or a date. */
  readonly retryAfter: string | undefined;
}

export class RegistryError extends CodedError<RegistryErrorCode> {
  readonly detail: unknown;
  readonly passing: Passing | undefined;
  readonly reason: string | undefined;

  constructor(code: RegistryErrorCode, message: string, options: RegistryErrorOptions = {}) {
    super(code, message, options);
    this.detail = options.detail;
    this.passing = options.passing;
    this.reason = options.reason;
  }
}
