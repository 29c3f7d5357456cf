/** What the runtime refuses or fails at. A native failure carries the step, the object and the errno name. */
import { CodedError, type CodedErrorOptions } from "../store/errors.ts";

export type RuntimeErrorCode =
  | "SPEC_INVALID"
  | "CONTAINER_UNKNOWN"
  | "CONTAINER_EXISTS"
  | "CONTAINER_STATE"
  | "NAME_INVALID"
  | "IMAGE_UNKNOWN"
  | "USER_UNKNOWN"
  | "COMMAND_NOT_FOUND"
  | "COMMAND_NOT_EXECUTABLE"
  | "NETWORK_UNKNOWN"
  | "NETWORK_FAILED"
  | "PORT_IN_USE"
  | "VOLUME_UNKNOWN"
  | "VOLUME_IN_USE"
  | "PATH_UNKNOWN"
  | "CGROUP_FAILED"
  | "LAUNCH_FAILED"
  | "HOOK_FAILED"
  | "PERMISSION"
  | "UNSUPPORTED";

export interface RuntimeErrorOptions extends CodedErrorOptions {
  /** The operation that failed (`mount`, `pivot_root`, `execve`…). */
  readonly step?: string;
  /** `ENOENT`, `EPERM`… */
  readonly errno?: string;
}

export class RuntimeError extends CodedError<RuntimeErrorCode> {
  readonly step: string | undefined;
  readonly errno: string | undefined;

  constructor(code: RuntimeErrorCode, message: string, options: RuntimeErrorOptions = {}) {
    super(code, message, options);
    this.step = options.step;
    this.errno = options.errno;
  }
}
