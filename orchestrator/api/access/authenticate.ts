/** Who sends a request: a client certificate of the cluster's authority, or a bearer token. */
import type { TLSSocket } from "node:tls";
import type { Request } from "../../../http/message.ts";
import { ApiError } from "../../errors.ts";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid: string | undefined;
}

/** May do everything. */
export const ADMINISTRATORS = "system:masters";

/** Knows the holder of a bearer token. */
export type TokenCheck = (token: string) => User | undefined;

/** @throws {ApiError} `Unauthorized` */
export function authenticate({ headers, socket }: Pick<Request, "headers" | "socket">, check: TokenCheck): User {
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const user = token === undefined ? certified(socket as TLSSocket | undefined) : check(token);
  if (user === undefined) throw new ApiError("Unauthorized", "Unauthorized");
  return impersonated({ ...user, groups: [...user.groups, "system:authenticated"] }, headers);
}

/** Administrators may act as others. Spec: "User impersonation". */
function impersonated(user: User, headers: Request["headers"]): User {
  const name = headers["impersonate-user"];
  if (name === undefined) return user;
  if (!user.groups.includes(ADMINISTRATORS))
    throw new ApiError("Forbidden", `users ${JSON.stringify(name)} is forbidden: User ${JSON.stringify(user.name)} cannot impersonate`);
  const groups = [headers["impersonate-group"] ?? []].flat().flatMap((list) => list.split(", "));
  return { name: String(name), groups: [...groups, "system:authenticated"], uid: undefined };
}

/** The subject of the certificate: common name is the user, organizations are groups. */
function certified(socket: TLSSocket | undefined): User | undefined {
  if (socket?.authorized !== true) return undefined;
  const { CN, O } = socket.getPeerCertificate().subject as { readonly CN?: string; readonly O?: string | readonly string[] };
  if (CN === undefined) return undefined;
  return { name: CN, groups: O === undefined ? [] : [O].flat(), uid: undefined };
}
