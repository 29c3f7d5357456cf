/** Signed tokens that carry what their holder may do. Spec: RFC 7519 (JWT, HS256); distribution, "Token Authentication Implementation". */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Permission } from "./access.ts";

export interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export interface Claims {
  /** Whether it opens repositories or gets new tokens. */
  readonly use: "access" | "refresh";
  /** Absent for whoever did not log in. */
  readonly sub?: string;
  readonly access: readonly Scope[];
  /** Of a refresh token: the password it was given for. */
  readonly password?: string;
  /** Seconds since the epoch. */
  readonly exp: number;
}

const HEADER = encode({ alg: "HS256", typ: "JWT" });

export function signToken(secret: string, claims: Claims): string {
  const signed = `${HEADER}.${encode(claims)}`;
  return `${signed}.${signature(secret, signed)}`;
}

/** Undefined for one that is not ours, was changed, is for another use or too old. `now` in milliseconds. */
export function readToken(secret: string, token: string, use: Claims["use"], now: number): Claims | undefined {
  const [header = "", payload = "", given = "", ...more] = token.split(".");
  const [expected, actual] = [Buffer.from(signature(secret, `${header}.${payload}`)), Buffer.from(given)];
  if (more.length > 0 || header !== HEADER || expected.length !== actual.length || !timingSafeEqual(expected, actual)) return undefined;
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as Claims;
  return claims.use === use && claims.exp * 1000 > now ? claims : undefined;
}

/** `repository:team/app:pull,push`; a name may hold colons (a host's port). Undefined when malformed. */
export function parseScope(text: string): Scope | undefined {
  const match = /^(\w+)(?:\([^)]*\))?:(.+):([\w*,]*)$/.exec(text);
  if (match === null) return undefined;
  const [, type = "", name = "", actions = ""] = match;
  return { type, name, actions: [...new Set(actions.split(","))].filter((action) => action !== "") };
}

/** What to ask for to get a permission; undefined where any token will do. */
export function scopeFor(permission: Permission): string | undefined {
  if (permission.kind === "registry") return undefined;
  if (permission.kind === "catalog") return "registry:catalog:*";
  const { name, action } = permission;
  return `repository:${name}:${action === "push" ? "pull,push" : action}`;
}

export function covers(access: readonly Scope[], permission: Permission): boolean {
  if (permission.kind === "registry") return true;
  const [type, name, action] = permission.kind === "catalog" ? ["registry", "catalog", "*"] : ["repository", permission.name, permission.action];
  return access.some((scope) => scope.type === type && scope.name === name && scope.actions.includes(action));
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function signature(secret: string, text: string): string {
  return createHmac("sha256", Buffer.from(secret, "hex")).update(`token\n${text}`).digest("base64url");
}
