/** A registry that answered: exchanges with it are authorised, and tried again when the failure passes. */
import { setMaxListeners } from "node:events";
import { STORE_HEADER } from "../identity.ts";
import { RegistryError } from "../errors.ts";
import { createAuthorizer, type Authorizer } from "./authorizer.ts";
import { answerError, refusalHint, saidIn } from "./answer-error.ts";
import { findLogin, type Login } from "./auth-files.ts";
import { connect, IDLE_MS, type Answer, type Connection, type Exchange } from "./connection.ts";
import type { HostTerms } from "./host-terms.ts";
import { candidates } from "./endpoint.ts";
import { isPassing, PassingFailure, passingOf, RETRY, retrying, type RetryPolicy } from "./retry.ts";
import { isWithinTls } from "./unreachable.ts";

export interface RemoteOptions {
  readonly insecure?: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Instead of what the authentication files hold. */
  readonly login?: Login;
  /** The repository it is opened for: some logins are for a part of a registry only. */
  readonly repository?: string;
  readonly retry?: RetryPolicy;
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte, or with hardly any, after which a server has stalled. @default 60_000 */
  readonly idleMs?: number;
  /** Folder of certificates to use instead of the usual ones. */
  readonly certificates?: string | undefined;
  /** What hosts.toml says of the host. */
  readonly terms?: HostTerms | undefined;
}

export interface RemoteExchange extends Omit<Exchange, "url" | "body" | "signal"> {
  /** Path on the registry, or the absolute URL of a `Location`. */
  readonly path: string;
  /** `repository:<name>:pull,push` */
  readonly scopes: readonly string[];
  /** Called again for every attempt. */
  readonly body?: () => string | Uint8Array | AsyncIterable<Uint8Array>;
  /** False leaves passing failures to the caller. @default true */
  readonly retry?: boolean;
  /** Beside the remote's own. */
  readonly signal?: AbortSignal | undefined;
}

export interface Remote extends AsyncDisposable {
  readonly host: string;
  /** Base URL without a slash at the end. */
  readonly base: string;
  /** Id of the store behind it, when it is one of ours. */
  readonly storeId: string | undefined;
  /** Aborted when the caller says so, and when this is closed. */
  readonly signal: AbortSignal;
  readonly policy: RetryPolicy;
  readonly idleMs: number;
  /** Any answer that is neither 401 nor passing. @throws {RegistryError} `UNREACHABLE`, `UNAUTHORIZED`, … */
  exchange(exchange: RemoteExchange): Promise<Answer>;
}

/** @throws {RegistryError} `UNREACHABLE`, `PROTOCOL` */
export async function openRemote(host: string, options: RemoteOptions): Promise<Remote> {
  const { insecure = false, env, retry: policy = RETRY, idleMs = IDLE_MS } = options;
  const closing = new AbortController(); // what is still under way when it is closed ends, rather than trying again
  const signal = options.signal === undefined ? closing.signal : AbortSignal.any([options.signal, closing.signal]);
  setMaxListeners(0, signal); // one for each exchange under way
  const connection = await connect({ host, insecure, env, idleMs, certificates: options.certificates, terms: options.terms });
  try {
    const { base, answer: greeting } = await ping(connection, candidates(host, { insecure }), signal);
    let found: Promise<Login | undefined> | undefined;
    const login = async (): Promise<Login | undefined> => options.login ?? (await (found ??= findLogin(host, options.repository ?? "", env)));
    const authorizer = createAuthorizer(connection, login);
    return {
      host,
      base,
      storeId: greeting.headers[STORE_HEADER],
      signal,
      policy,
      idleMs,
      exchange: async (exchange) => {
        const either = exchange.signal === undefined ? signal : AbortSignal.any([signal, exchange.signal]);
        const run = async (): Promise<Answer> => await authorised(connection, authorizer, { base, greeting, signal: either }, exchange);
        return exchange.retry === false ? await run() : await retrying(async () => await orPassing(await run()), { policy, signal: either });
      },
      async [Symbol.asyncDispose](): Promise<void> {
        closing.abort(new RegistryError("UNREACHABLE", `Cannot go on with ${host}: the connection was closed`));
        await connection[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

interface Greeting {
  readonly base: string;
  readonly answer: Answer;
}

/** The first base that answers as a registry; no credentials are sent. */
async function ping(connection: Connection, bases: readonly string[], signal: AbortSignal | undefined): Promise<Greeting> {
  const failures: Failure[] = [];
  for (const base of bases) {
    try {
      const answer = await connection.send({ method: "GET", url: `${base}/v2/`, signal });
      if (answer.status === 200 || answer.status === 401) {
        await answer.body.dump();
        return { base, answer };
      }
      const said = await saidIn(answer);
      const error = new RegistryError("PROTOCOL", `Cannot use ${base} as a registry: it answered ${answer.status}${said}`, { passing: passingOf(answer) });
      failures.push({ error, weight: base.startsWith("https:") ? WEIGHT.tls : WEIGHT.answered });
    } catch (error) {
      signal?.throwIfAborted();
      failures.push({ error, weight: isWithinTls(base, error) ? WEIGHT.tls : WEIGHT.silent });
    }
    if (failures.at(-1)?.weight === WEIGHT.tls) break;
  }
  throw failures.toSorted((a, b) => b.weight - a.weight)[0]?.error;
}

interface Failure {
  readonly error: unknown;
  readonly weight: number;
}

/** Who speaks TLS is not asked without, and what he says counts more than what was said to plain HTTP. */
const WEIGHT = { silent: 0, answered: 1, tls: 2 } as const;

interface Place {
  readonly base: string;
  readonly greeting: Answer;
  readonly signal: AbortSignal | undefined;
}

/** A token may have expired on the way; services that give ever new ones for what is refused do not help. */
const MAX_CHALLENGES = 3;
const REFUSED = "the credentials were refused";

async function authorised(connection: Connection, authorizer: Authorizer, { base, greeting, signal }: Place, exchange: RemoteExchange): Promise<Answer> {
  const { path, scopes, body, method, isBulk } = exchange;
  const url = new URL(path, `${base}/`).href;
  if (url.startsWith("http:") && base.startsWith("https:")) throw new RegistryError("PROTOCOL", `Cannot follow ${base} to ${url}: it leaves TLS`);
  const own = new URL(url).origin === new URL(base).origin;
  if (own && greeting.status === 401 && isFrom(greeting, base) && authorizer.header(scopes) === undefined)
    await authorizer.answer(greeting, scopes, undefined, signal);
  for (let round = 1; ; round++) {
    const authorization = own ? authorizer.header(scopes) : undefined;
    const headers = { ...exchange.headers, ...(authorization === undefined ? {} : { authorization }) };
    const answer = await connection.send({ method, url, headers, signal, isBulk, ...(body === undefined ? {} : { body: body() }) });
    if (answer.status !== 401 && (answer.status !== 403 || !own)) return answer;
    const isUnknown = answer.status === 401 && authorization?.startsWith("Basic ") === true; // a token may be refused for what it is not for
    const refused = { ...answer, asked: { user: own ? await authorizer.user() : undefined, scopes, isUnknown } };
    if (answer.status === 403) return refused;
    if (!isFrom(answer, base)) throw await refusedElsewhere(answer, base);
    if (!own || round > MAX_CHALLENGES || !(await authorizer.answer(answer, scopes, authorization, signal)))
      throw await answerError(authorization === undefined ? answer : refused, `use ${base}`, "UNAUTHORIZED");
    await answer.body.dump();
    if (authorizer.header(scopes) === authorization)
      throw new RegistryError("UNAUTHORIZED", `Cannot use ${base}: ${REFUSED}`, { hint: refusalHint(refused), reason: REFUSED });
  }
}

/** Nothing that is logged in with would be sent there. */
async function refusedElsewhere(answer: Answer, base: string): Promise<RegistryError> {
  await answer.body.dump();
  return new RegistryError("UNAUTHORIZED", `Cannot use ${base}: ${new URL(answer.url).host}, where it leads, answered ${answer.status}`);
}

/** A redirect's target must not say where the registry's credentials go. The registry itself may have moved to TLS. */
function isFrom({ url }: Answer, base: string): boolean {
  const [there, here] = [new URL(url), new URL(base)];
  return there.origin === here.origin || (there.protocol === "https:" && here.protocol === "http:" && there.hostname === here.hostname);
}

async function orPassing(answer: Answer): Promise<Answer> {
  if (!isPassing(answer.status)) return answer;
  throw new PassingFailure(await answerError(answer, `use ${new URL(answer.url).host}`), answer.headers["retry-after"]);
}
