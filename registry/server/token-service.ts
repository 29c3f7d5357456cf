/** Gives tokens to who logs in, for the part of what they ask that the policy allows. Spec: distribution, "Token Authentication" and "OAuth2". */
import { parseAuthorization } from "../../http/authorization.ts";
import { readBody } from "../../http/body.ts";
import type { Reply, Request } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import type { Route } from "../../http/router.ts";
import { RegistryError } from "../errors.ts";
import { isRepositoryName } from "../name.ts";
import type { Permission } from "./access.ts";
import type { Passwords } from "./htpasswd.ts";
import { permits, type Policy } from "./policy.ts";
import { parseScope, readToken, signToken, type Scope } from "./token.ts";

export const TOKEN_PATH = "/auth/token";
export const SERVICE = "strata-registry";

export interface TokenServiceOptions {
  /** Hex. */
  readonly secret: string;
  readonly passwords: Passwords;
  readonly policy: () => Promise<Policy>;
  /** Hears who asked with a password, or a token, that is right. */
  readonly onLogin: (request: Request, user: string) => void;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const ACCESS_SECONDS = 300;
const REFRESH_SECONDS = 30 * 24 * 3600;
const MAX_FORM_BYTES = 16 << 10;
const MAX_SCOPES = 64;

export function tokenRoutes(options: TokenServiceOptions): readonly Route[] {
  return [
    { method: "GET", pattern: TOKEN_PATH, handler: async (request) => await byQuery(options, request) },
    { method: "POST", pattern: TOKEN_PATH, handler: async (request) => await byForm(options, request) },
  ];
}

async function byQuery(options: TokenServiceOptions, request: Request): Promise<Reply> {
  const { query, headers } = request;
  const credentials = parseAuthorization(headers.authorization);
  if (headers.authorization !== undefined && credentials?.scheme !== "basic")
    throw new RegistryError("UNAUTHORIZED", "Cannot give a token: log in with basic authentication");
  const user = credentials?.scheme === "basic" ? await logIn(options, credentials.username, credentials.password) : undefined;
  if (user !== undefined) options.onLogin(request, user);
  return await answer(options, user, query.getAll("scope"), query.get("offline_token") === "true");
}

async function byForm(options: TokenServiceOptions, request: Request): Promise<Reply> {
  const form = new URLSearchParams((await readBody(request, MAX_FORM_BYTES)).toString("utf8"));
  const user = await fromForm(options, form);
  options.onLogin(request, user);
  return await answer(options, user, (form.get("scope") ?? "").split(" "), form.get("access_type") === "offline", form.get("refresh_token") ?? undefined);
}

async function fromForm(options: TokenServiceOptions, form: URLSearchParams): Promise<string> {
  const kind = form.get("grant_type");
  if (kind === "password") return await logIn(options, form.get("username") ?? "", form.get("password") ?? "");
  if (kind !== "refresh_token") throw new RegistryError("UNSUPPORTED", `Cannot give a token for grant type ${JSON.stringify(kind ?? "")}`);
  const claims = readToken(options.secret, form.get("refresh_token") ?? "", "refresh", options.now());
  const user = claims?.sub;
  if (user === undefined || claims?.password !== (await options.passwords.fingerprint(user)))
    throw new RegistryError("UNAUTHORIZED", "Cannot give a token: the refresh token is not valid any more");
  return user;
}

async function logIn({ passwords }: TokenServiceOptions, username: string, password: string): Promise<string> {
  if (await passwords.check(username, password)) return username;
  throw new RegistryError("UNAUTHORIZED", "Cannot log in: wrong user name or password");
}

async function answer(options: TokenServiceOptions, user: string | undefined, scopes: readonly string[], isOffline: boolean, refresh?: string): Promise<Reply> {
  const asked = scopes.flatMap((text) => text.split(" ")).filter((text) => text !== "");
  if (asked.length > MAX_SCOPES) throw new RegistryError("TOOMANYREQUESTS", `Cannot give a token for ${asked.length} scopes: ${MAX_SCOPES} are the most`);
  const policy = await options.policy();
  const access = asked.flatMap((text) => granted(policy, user, parseScope(text)));
  const seconds = Math.floor(options.now() / 1000);
  const holder = user === undefined ? {} : { sub: user };
  const token = signToken(options.secret, { use: "access", ...holder, access, exp: seconds + ACCESS_SECONDS });
  const fresh = isOffline && user !== undefined ? await refreshToken(options, user, seconds) : refresh;
  const issued = new Date(seconds * 1000).toISOString();
  const body = { token, access_token: token, expires_in: ACCESS_SECONDS, issued_at: issued, ...(fresh === undefined ? {} : { refresh_token: fresh }) };
  return json(200, body, { "cache-control": "no-store" });
}

async function refreshToken({ secret, passwords }: TokenServiceOptions, user: string, seconds: number): Promise<string> {
  const password = (await passwords.fingerprint(user)) ?? "";
  return signToken(secret, { use: "refresh", sub: user, access: [], password, exp: seconds + REFRESH_SECONDS });
}

/** The part of a scope that is allowed; none of it is no error, by the specification. */
function granted(policy: Policy, user: string | undefined, scope: Scope | undefined): readonly Scope[] {
  if (scope === undefined) return [];
  const { type, name } = scope;
  const asked = scope.actions.includes("*") && type === "repository" ? ["pull", "push", "delete"] : scope.actions;
  const actions = asked.filter((action) => {
    const permission = permissionOf(type, name, action);
    return permission !== undefined && permits(policy, user, permission);
  });
  return actions.length === 0 ? [] : [{ type, name, actions }];
}

function permissionOf(type: string, name: string, action: string): Permission | undefined {
  if (type === "registry" && name === "catalog" && action === "*") return { kind: "catalog" };
  if (type !== "repository" || !isRepositoryName(name)) return undefined;
  return action === "pull" || action === "push" || action === "delete" ? { kind: "repository", name, action } : undefined;
}
