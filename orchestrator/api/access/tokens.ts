/** Tokens of service accounts: JSON Web Tokens signed with a key that never leaves the server. Spec: RFC 7519; KEP-1205 bound service account tokens. */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { LogReader } from "../../log/object-log.ts";
import type { TokenCheck } from "./authenticate.ts";

const ISSUER = "https://kubernetes.default.svc.cluster.local";

interface Named {
  readonly name: string;
  readonly uid: string;
}

interface Claims {
  readonly iss: string;
  /** `system:serviceaccount:NAMESPACE:NAME`. */
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since 1970. */
  readonly iat: number;
  readonly exp: number;
  readonly "kubernetes.io": { readonly namespace: string; readonly pod?: Named; readonly serviceaccount: Named };
}

export interface TokenRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** It lives no longer than this pod. */
  readonly pod?: Named;
  readonly audiences: readonly string[];
  readonly seconds: number;
  readonly now: Date;
}

export function issueToken(secret: Buffer, { namespace, name, uid, pod, audiences, seconds, now }: TokenRequest): string {
  const issued = Math.floor(now.getTime() / 1000);
  const claims: Claims = {
    iss: ISSUER,
    sub: `system:serviceaccount:${namespace}:${name}`,
    aud: audiences.length === 0 ? [ISSUER] : audiences,
    iat: issued,
    exp: issued + seconds,
    "kubernetes.io": { namespace, ...(pod === undefined ? {} : { pod }), serviceaccount: { name, uid } },
  };
  const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${body}.${signature(secret, body)}`;
}

/** A token lives no longer than its account, and is good here only when it was made for here. */
export function tokenCheck(secret: Buffer, log: LogReader, now: () => Date): TokenCheck {
  return (token) => {
    const claims = verified(secret, token);
    if (claims === undefined || claims.exp * 1000 <= now().getTime()) return undefined;
    const { namespace, serviceaccount, pod } = claims["kubernetes.io"];
    const account = log.get({ resource: "serviceaccounts", namespace, name: serviceaccount.name });
    if (account?.metadata.uid !== serviceaccount.uid || account.metadata.deletionTimestamp !== undefined) return undefined;
    if (pod !== undefined && log.get({ resource: "pods", namespace, name: pod.name })?.metadata.uid !== pod.uid) return undefined;
    if (!claims.aud.includes(ISSUER)) return undefined; /* for somebody else */
    return { name: claims.sub, uid: serviceaccount.uid, groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`] };
  };
}

function verified(secret: Buffer, token: string): Claims | undefined {
  const end = token.lastIndexOf(".");
  const [given, right] = [Buffer.from(token.slice(end + 1)), Buffer.from(signature(secret, token.slice(0, end)))];
  if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
  return JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as Claims;
}

function signature(secret: Buffer, body: string): string {
  return createHmac("sha256", secret).update(body).digest("base64url");
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
