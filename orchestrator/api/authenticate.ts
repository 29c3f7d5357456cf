/** Who sends a request: a client certificate of the cluster's authority, or a bearer token. */
import type { TLSSocket } from "node:tls";
import type { Request } from "../../http/message.ts";
import { ApiError } from "../errors.ts";

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Knows the holder of a bearer token. */
export type TokenCheck = (token: string) => User | undefined;

/** @throws {ApiError} `Unauthorized` */
export function authenticate({ headers, socket }: Pick<Request, "headers" | "socket">, check: TokenCheck): User {
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1];
  const user = token === undefined ? certified(socket as TLSSocket | undefined) : check(token);
  if (user === undefined) throw new ApiError("Unauthorized", "Unauthorized");
  return { ...user, groups: [...user.groups, "system:authenticated"] };
}

/** The subject of the certificate: common name is the user, organizations are groups. */
function certified(socket: TLSSocket | undefined): User | undefined {
  if (socket?.authorized !== true) return undefined;
  const { CN, O } = socket.getPeerCertificate().subject as { readonly CN?: string; readonly O?: string | readonly string[] };
  if (CN === undefined) return undefined;
  return { name: CN, groups: O === undefined ? [] : [O].flat() };
}
