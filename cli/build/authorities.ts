/** Whom downloads of a build trust beside node's own authorities. Loaded when something is downloaded: it brings TLS along. */
import type { Context } from "../context.ts";

export function authoritiesOf({ env }: Pick<Context, "env">): () => Promise<readonly string[]> {
  return async () => (await import("../../registry/authorities.ts")).setAside(env);
}
