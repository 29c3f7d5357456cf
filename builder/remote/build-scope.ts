/** What a build lets its remote sources use: its secrets, its default ssh agent or keys, its lock file, the authorities that it trusts. */
import type { BuildRequest, Collaborators } from "../request.ts";
import type { RemoteScope } from "./scope.ts";

export function buildScope(
  { secrets, ssh }: BuildRequest,
  { store, pins, authorities = none, signal: outer }: Collaborators,
  signal: AbortSignal | undefined = outer,
): RemoteScope {
  return { root: store.root, secrets, ssh: ssh?.get("default") ?? "none", pins, authorities, signal };
}

async function none(): Promise<readonly string[]> {
  return await Promise.resolve([]);
}
