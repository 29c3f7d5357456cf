/** The one base of every error that a room throws on purpose; anything else thrown is a bug. */

export interface CodedErrorOptions {
  readonly cause?: unknown;
  /** What the user can do about it, as a sentence. */
  readonly hint?: string;
}

/** Message form: `Cannot <verb> <object>: <state found>`, sentence case, no full stop. */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly hint: string | undefined;

  constructor(code: Code, message: string, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

export type StoreErrorCode =
  | "DIGEST_INVALID"
  | "DIGEST_MISMATCH"
  | "SIZE_MISMATCH"
  | "REFERENCE_INVALID"
  | "BLOB_UNKNOWN"
  | "INGEST_BUSY"
  | "INGEST_UNKNOWN"
  | "IMAGE_UNKNOWN"
  | "IMAGE_AMBIGUOUS"
  | "IMAGE_IN_USE"
  | "MANIFEST_INVALID"
  | "CONFIG_INVALID"
  | "PLATFORM_UNKNOWN"
  | "SNAPSHOT_UNKNOWN"
  | "SNAPSHOT_EXISTS"
  | "SNAPSHOT_IN_USE"
  | "LAYER_INVALID"
  | "ARCHIVE_INVALID"
  | "PATH_ESCAPES"
  | "MOUNT_BELOW"
  | "RECORD_CONFLICT"
  | "RECORDS_FAILED"
  | "FILE_FOREIGN"
  | "FOLDER_REFUSED"
  | "RANGE_INVALID"
  | "NATIVE_FAILED"
  | "UNSUPPORTED";

export class StoreError extends CodedError<StoreErrorCode> {}
