/** Every reason for which a build is refused. An error of a Dockerfile carries the place and the lines around it. */
import { CodedError, type CodedErrorOptions } from "../store/errors.ts";

export type BuilderErrorCode =
  | "DOCKERFILE_INVALID"
  | "INSTRUCTION_UNKNOWN"
  | "FLAG_INVALID"
  | "SUBSTITUTION_FAILED"
  | "STAGE_UNKNOWN"
  | "STAGE_CYCLE"
  | "IMAGE_UNKNOWN"
  | "CONTEXT_INVALID"
  | "SOURCE_UNKNOWN"
  | "SOURCE_CHANGED"
  | "COPY_CONFLICT"
  | "USER_UNKNOWN"
  | "CHECK_FAILED"
  | "STRICT_REFUSED"
  | "BUILD_UNKNOWN"
  | "RUN_FAILED"
  | "SECRET_UNKNOWN"
  | "SSH_UNKNOWN"
  | "NOT_ALLOWED"
  | "DOWNLOAD_FAILED"
  | "GIT_INVALID"
  | "GIT_FAILED"
  | "LOCK_BROKEN"
  | "ARCHIVE_INVALID"
  | "OUTPUT_FAILED"
  | "PROGRAM_UNKNOWN"
  | "LIBRARY_UNKNOWN"
  | "ELF_INVALID"
  | "CACHE_INVALID"
  | "MOUNT_UNKNOWN"
  | "MOUNT_IN_USE"
  | "CANCELLED"
  | "UNSUPPORTED";

/** Where in which Dockerfile, with the text to show. */
export interface ErrorPlace {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly frame: string;
}

export interface BuilderErrorOptions extends CodedErrorOptions {
  readonly place?: ErrorPlace | undefined;
}

export class BuilderError extends CodedError<BuilderErrorCode> {
  readonly place: ErrorPlace | undefined;

  constructor(code: BuilderErrorCode, message: string, options: BuilderErrorOptions = {}) {
    super(code, message, options);
    this.place = options.place;
  }
}

/** Adds the place to an error that knew none; anything but a BuilderError is a bug and passes as it is. */
export function placed(error: unknown, place: () => ErrorPlace): unknown {
  if (!(error instanceof BuilderError) || error.place !== undefined) return error;
  return new BuilderError(error.code, error.message, {
    cause: error.cause ?? error,
    place: place(),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
