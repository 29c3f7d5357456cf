/** Secrets that open remote hosts, by BuildKit's names. Spec: Dockerfile reference, "ADD", "Adding private git repositories". */
import type { Secret } from "../request.ts";

type Secrets = ReadonlyMap<string, Secret>;

/** The Authorization header for a host, from HTTP_AUTH_TOKEN_<host> or HTTP_AUTH_HEADER_<host>. */
export function httpAuthorization(secrets: Secrets, hostname: string): string | undefined {
  const token = read(secrets, [`HTTP_AUTH_TOKEN_${hostname}`]);
  return token === undefined ? read(secrets, [`HTTP_AUTH_HEADER_${hostname}`]) : `Bearer ${token}`;
}

/** As git's servers want it; a secret of the host before the one for all, a header before a token. `host` may carry a port. */
export function gitAuthorization(secrets: Secrets, host: string): string | undefined {
  const names = (kind: string): readonly string[] => [`${kind}.${host}`, `${kind}_${host}`, `${kind}.${host.replace(/:\d+$/, "")}`, kind];
  const header = read(secrets, names("GIT_AUTH_HEADER"));
  if (header !== undefined) return header;
  const token = read(secrets, names("GIT_AUTH_TOKEN"));
  return token === undefined ? undefined : basicAuthorization("x-access-token", token);
}

export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function read(secrets: Secrets, names: readonly string[]): string | undefined {
  const secret = names.map((name) => secrets.get(name)).find((found) => found !== undefined);
  return secret === undefined ? undefined : Buffer.from(secret.read()).toString("utf8").trim();
}
