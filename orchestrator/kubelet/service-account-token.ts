/** The token in a projected volume: kept while it is good, replaced when four fifths of its time are over. Spec: "Managing Service Accounts". */
import type { KubeObject } from "../cluster.ts";
import { specOf, type TokenProjection } from "./pod-spec.ts";

export interface TokenWish {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly pod: { readonly name: string; readonly uid: string };
  readonly audiences: readonly string[];
  readonly seconds: number;
}

/** Met by the API server. Undefined when there is no such account. */
export type IssueToken = (wish: TokenWish) => string | undefined;

/** How much of its time a token may use up. */
const SHARE = 0.8;
const DEFAULT_SECONDS = 3600;

export function tokenWish({ metadata, spec }: KubeObject, { audience, expirationSeconds = DEFAULT_SECONDS }: TokenProjection): TokenWish {
  return {
    namespace: metadata.namespace ?? "",
    serviceAccount: specOf({ spec } as KubeObject).serviceAccountName ?? "default",
    pod: { name: metadata.name, uid: metadata.uid },
    audiences: audience === undefined || audience === "" ? [] : [audience],
    seconds: expirationSeconds,
  };
}

/** `now` in milliseconds since the epoch; what cannot be read is not good. */
export function isFresh(token: string, now: number): boolean {
  try {
    const { iat, exp } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { readonly iat: number; readonly exp: number };
    return now / 1000 < iat + (exp - iat) * SHARE;
  } catch {
    return false;
  }
}
