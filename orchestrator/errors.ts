/** Errors of the Kubernetes API: a reason from the closed list, and the Status object that says it. Spec: Kubernetes API conventions, "Response Status Kind". */
import { CodedError } from "../store/errors.ts";

export type ApiReason =
  | "BadRequest"
  | "Unauthorized"
  | "Forbidden"
  | "NotFound"
  | "MethodNotAllowed"
  | "NotAcceptable"
  | "AlreadyExists"
  | "Conflict"
  | "Expired"
  | "RequestEntityTooLarge"
  | "UnsupportedMediaType"
  | "Invalid"
  | "TooManyRequests"
  | "InternalError"
  | "ServiceUnavailable";

const httpStatus: Readonly<Record<ApiReason, number>> = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
};

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, never>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

export class ApiError extends CodedError<ApiReason> {
  readonly details: StatusDetails | undefined;

  constructor(reason: ApiReason, message: string, details?: StatusDetails, cause?: unknown) {
    super(reason, message, { cause });
    this.details = details;
  }

  get httpStatus(): number {
    return httpStatus[this.code];
  }
}

export function statusOf(error: ApiError): Status {
  const { code: reason, message, details } = error;
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, ...(details && { details }), code: error.httpStatus };
}

export function success(details?: StatusDetails, code = 200): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", ...(details && { details }), code };
}

export interface ResourceId {
  readonly resource: string;
  readonly group: string;
}

function printed({ resource, group }: ResourceId): string {
  return group === "" ? resource : `${resource}.${group}`;
}

function about({ resource, group }: ResourceId, name: string): StatusDetails {
  return { name, ...(group !== "" && { group }), kind: resource };
}

export function notFound(id: ResourceId, name: string): ApiError {
  return new ApiError("NotFound", `${printed(id)} "${name}" not found`, about(id, name));
}

/** `going`: it is being deleted, so that trying again may do. */
export function alreadyExists(id: ResourceId, name: string, going: boolean): ApiError {
  return new ApiError("AlreadyExists", `${going ? "object is being deleted: " : ""}${printed(id)} "${name}" already exists`, about(id, name));
}

export function conflict(
  id: ResourceId,
  name: string,
  found = "the object has been modified; please apply your changes to the latest version and try again",
): ApiError {
  return new ApiError("Conflict", `Operation cannot be fulfilled on ${printed(id)} "${name}": ${found}`, about(id, name));
}

export function forbidden(id: ResourceId, name: string, found: string, causes?: readonly StatusCause[]): ApiError {
  return new ApiError("Forbidden", `${printed(id)} "${name}" is forbidden: ${found}`, { ...about(id, name), ...(causes && { causes }) });
}

export function badRequest(message: string): ApiError {
  return new ApiError("BadRequest", message);
}

export function noSuchResource(): ApiError {
  return new ApiError("NotFound", "the server could not find the requested resource");
}

export function notAllowed(): ApiError {
  return new ApiError("MethodNotAllowed", "the server does not allow this method on the requested resource");
}

/** What is told of a failure, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
