/** Who may do what. A grant says it for one request; the registry asks it before everything else. */
import type { Request } from "../../http/message.ts";
import { RegistryError } from "../errors.ts";

export type Action = "pull" | "push" | "delete";

export type Permission =
  /** `/v2/` itself: whether the caller is known at all. */
  { readonly kind: "registry" } | { readonly kind: "catalog" } | { readonly kind: "repository"; readonly name: string; readonly action: Action };

export interface Grant {
  /** Undefined for a caller without credentials. */
  readonly user: string | undefined;
  allows(permission: Permission): boolean;
  /** Where a grant is for part of what its user may do: whether one for this could be had. */
  couldAllow?(permission: Permission): boolean;
  /** Where a caller without credentials has to ask for a token first: whether one for this would be given to anybody. */
  allowsNobody?(permission: Permission): boolean;
}

export interface Access {
  /** @throws {RegistryError} `UNAUTHORIZED` for credentials that are wrong */
  authenticate(request: Request): Promise<Grant>;
  /** `WWW-Authenticate` for a caller who lacks `permission`; undefined when credentials would not help. */
  challenge(request: Request, permission: Permission): string | undefined;
  /** @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` while it cannot tell who may do what; absent where it always can */
  reach?(): Promise<void>;
}

/** Everyone may do everything: right on loopback only. */
export const anonymous: Access = {
  authenticate: async () => ({ user: undefined, allows: () => true }),
  challenge: () => undefined,
};

/** @throws {RegistryError} `UNAUTHORIZED`, `DENIED` */
export async function admit(access: Access, request: Request, permission: Permission): Promise<Grant> {
  const grant = await access.authenticate(request);
  if (grant.allows(permission)) return grant;
  const asked = permission.kind === "repository" ? `${permission.action} ${permission.name}` : "use this registry";
  if (grant.user === undefined || grant.couldAllow?.(permission) === true) throw new RegistryError("UNAUTHORIZED", `Cannot ${asked}: authentication required`);
  throw new RegistryError("DENIED", `Cannot ${asked}: ${grant.user} is not allowed to`);
}
