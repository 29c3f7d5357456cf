/** Answers a registry's challenges: basic, or a bearer token fetched for the scopes that a request needs. Spec: distribution "Token Authentication". */
import { basicAuthorization } from "../../http/authorization.ts";
import { parseChallenges, type Challenge } from "../../http/challenge.ts";
import { RegistryError } from "../errors.ts";
import { answerError, readText } from "./answer-error.ts";
import type { Login } from "./auth-files.ts";
import type { Answer, Connection } from "./connection.ts";
import { isLoopback } from "./endpoint.ts";

export interface Authorizer {
  /** The header for a request of these scopes, when it is known already. */
  header(scopes: readonly string[]): string | undefined;
  /** After a 401: learns what is asked and gets it. False when there is nothing to answer with, or it was tried already. */
  answer(refused: Answer, scopes: readonly string[], tried: string | undefined, signal: AbortSignal | undefined): Promise<boolean>;
  /** Whom the login names. */
  user(): Promise<string | undefined>;
}

interface Token {
  readonly header: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

const MAX_TOKEN_BYTES = 1 << 20;
/** Tokens without a lifetime live this long, by the specification. */
const DEFAULT_SECONDS = 60;
/** A token is not used in its last moments. */
const MARGIN_MS = 5_000;

export function createAuthorizer(connection: Connection, login: () => Promise<Login | undefined>): Authorizer {
  let basic: string | undefined;
  const tokens = new Map<string, Token>();
  const pending = new Map<string, Promise<Token>>();
  const keyOf = (scopes: readonly string[]): string => [...scopes].sort().join(" ");
  const known = (scopes: readonly string[]): string | undefined => {
    const token = tokens.get(keyOf(scopes));
    return token !== undefined && token.until > Date.now() ? token.header : basic;
  };
  const fetchOnce = async (key: string, run: () => Promise<Token>): Promise<Token> => {
    const running = pending.get(key) ?? run().finally(() => pending.delete(key));
    pending.set(key, running);
    return await running;
  };
  return {
    header: known,
    async user(): Promise<string | undefined> {
      const found = await login();
      return found?.kind === "password" ? found.username : undefined;
    },
    async answer(refused, scopes, tried, signal): Promise<boolean> {
      const challenges = parseChallenges(refused.headers["www-authenticate"] ?? "");
      const bearer = challenges.find(({ scheme }) => scheme === "bearer");
      if (bearer !== undefined) {
        const key = keyOf(scopes);
        const now = known(scopes);
        if (now !== undefined && now !== tried) return true; // another request got it meanwhile
        const token = await fetchOnce(key, async () => await fetchToken(connection, { bearer, scopes, login: await login(), registry: refused.url, signal }));
        tokens.set(key, token);
        return token.header !== tried;
      }
      const found = await login();
      if (!challenges.some(({ scheme }) => scheme === "basic") || found?.kind !== "password") return false;
      basic = basicAuthorization(found.username, found.password);
      return basic !== tried;
    },
  };
}

interface TokenRequest {
  readonly bearer: Challenge;
  readonly scopes: readonly string[];
  readonly login: Login | undefined;
  /** URL that was refused. */
  readonly registry: string;
  readonly signal: AbortSignal | undefined;
}

async function fetchToken(connection: Connection, request: TokenRequest): Promise<Token> {
  const answer = await connection.send({
    ...(request.login?.kind === "identity" ? refreshExchange(request, request.login.token) : tokenExchange(request)),
    signal: request.signal,
  });
  if (answer.status !== 200) throw await answerError(withLogin(answer, request), "get a token", "UNAUTHORIZED");
  const { token, access_token: accessToken, expires_in: seconds } = parseToken(await readText(answer, MAX_TOKEN_BYTES));
  const value = token ?? accessToken;
  if (value === undefined) throw new RegistryError("PROTOCOL", `Cannot log in: ${answer.url} gave no token`);
  if (!/^[\x21-\x7e]+$/.test(value)) throw new RegistryError("PROTOCOL", `Cannot log in: what ${answer.url} gave cannot be sent as a token`);
  return { header: `Bearer ${value}`, until: Date.now() + Math.max(seconds ?? DEFAULT_SECONDS, DEFAULT_SECONDS) * 1000 - MARGIN_MS };
}

/** Whose login the token service refuses, where it was given one; one logs in to the registry. */
function withLogin(answer: Answer, { login, scopes, registry }: TokenRequest): Answer {
  if (answer.status !== 401) return answer;
  if (login === undefined) return { ...answer, url: registry };
  return { ...answer, url: registry, asked: { user: login.kind === "password" ? login.username : undefined, scopes, isUnknown: true } };
}

function tokenExchange({ bearer, scopes, login, registry }: TokenRequest): { method: "GET"; url: string; headers: Record<string, string> } {
  const url = realmOf(bearer, registry);
  const service = bearer.parameters["service"];
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopesOf(bearer, scopes)) url.searchParams.append("scope", scope);
  if (login?.kind !== "password") return { method: "GET", url: url.href, headers: {} };
  url.searchParams.set("account", login.username);
  return { method: "GET", url: url.href, headers: { authorization: basicAuthorization(login.username, login.password) } };
}

function refreshExchange(
  { bearer, scopes, registry }: TokenRequest,
  token: string,
): { method: "POST"; url: string; headers: Record<string, string>; body: string } {
  const form = new URLSearchParams({ grant_type: "refresh_token", refresh_token: token, client_id: "strata", service: bearer.parameters["service"] ?? "" });
  form.set("scope", scopesOf(bearer, scopes).join(" "));
  return { method: "POST", url: realmOf(bearer, registry).href, headers: { "content-type": "application/x-www-form-urlencoded" }, body: form.toString() };
}

/** What the request needs; what the registry says it needs comes first. */
function scopesOf(bearer: Challenge, scopes: readonly string[]): readonly string[] {
  const asked = bearer.parameters["scope"];
  return scopes.length > 0 ? scopes : asked === undefined ? [] : asked.split(" ");
}

/** Credentials go only to a realm that is safe to send them to. @throws {RegistryError} `PROTOCOL` */
function realmOf(bearer: Challenge, registry: string): URL {
  const realm = URL.canParse(bearer.parameters["realm"] ?? "") ? new URL(bearer.parameters["realm"] ?? "") : undefined;
  const safe = realm?.protocol === "https:" || (realm?.protocol === "http:" && (isLoopback(realm.host) || registry.startsWith("http:")));
  if (realm === undefined || !safe)
    throw new RegistryError("PROTOCOL", `Cannot log in: the registry sends credentials to ${JSON.stringify(bearer.parameters["realm"] ?? "")}`);
  return realm;
}

function parseToken(text: string): { readonly token?: string; readonly access_token?: string; readonly expires_in?: number } {
  try {
    const { token, access_token, expires_in } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return {
      ...(typeof token === "string" ? { token } : {}),
      ...(typeof access_token === "string" ? { access_token } : {}),
      ...(typeof expires_in === "number" ? { expires_in } : {}),
    };
  } catch (cause) {
    throw new RegistryError("PROTOCOL", "Cannot log in: the token service's answer is not a JSON object", { cause });
  }
}
