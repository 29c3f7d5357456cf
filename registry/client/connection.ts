/** Connections to one registry: proxies, certificates, redirects. What carries credentials never leaves the host they are for. */
import { isIP } from "node:net";
import { Agent, EnvHttpProxyAgent, request, type buildConnector, type Dispatcher } from "undici";
import { trusting } from "../authorities.ts";
import { RegistryError } from "../errors.ts";
import type { BulkBody, BulkRequest } from "./bulk.ts";
import { isLoopback, networkHost } from "./endpoint.ts";
import { isFileBody } from "./file-content.ts";
import type { HostTerms } from "./host-terms.ts";
import { nearConnector } from "./near.ts";
import { readTrust } from "./trust.ts";
import { unreachable } from "./unreachable.ts";

export interface Exchange {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A FileBody is sent by the kernel where that is possible. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal | undefined;
  /** A GET of much: over a connection of its own, in few large chunks that can be lent (see store/lent.ts), where that is possible. */
  readonly isBulk?: boolean | undefined;
}

export interface Answer {
  readonly status: number;
  /** Lower-case names; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Must be read or dumped, or the connection is lost for others. */
  readonly body: AsyncIterable<Uint8Array> & { dump(): Promise<void> } & Partial<Pick<BulkBody, "detach">>;
  /** Lets go of the connection without the body, whatever is still to come. */
  readonly leave: () => void;
  /** After redirects. */
  readonly url: string;
  /** Milliseconds with hardly a byte of the body, after which it is not waited for any more. */
  readonly idleMs: number;
  /** Of a refusal: who asked, and for what. */
  readonly asked?: Asked;
  /** Plain HTTP and any certificate would have done. */
  readonly isInsecure?: boolean;
}

export interface Asked {
  /** Undefined without a login, or with one that names nobody. */
  readonly user: string | undefined;
  /** The name or password itself was refused, whatever was asked for. */
  readonly isUnknown?: boolean;
  /** `repository:<name>:pull,push` */
  readonly scopes: readonly string[];
}

export interface Connection extends AsyncDisposable {
  /** One exchange, redirects of GET and HEAD followed. @throws {RegistryError} `UNREACHABLE`, `PROTOCOL` */
  send(exchange: Exchange): Promise<Answer>;
}

export interface ConnectionOptions {
  readonly host: string;
  readonly insecure?: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Milliseconds without a byte. @default 60_000 */
  readonly idleMs?: number;
  /** Folder of certificates to use instead of the usual ones. */
  readonly certificates?: string | undefined;
  readonly terms?: HostTerms | undefined;
}

const CONNECT_MS = 10_000;
export const IDLE_MS = 60_000;
/** Where redirects lead. */
const ELSEWHERE = "elsewhere";
const MAX_REDIRECTS = 10;
const MAX_SHOWN_CHARS = 200;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export async function connect({ host, insecure = false, env, idleMs = IDLE_MS, certificates, terms }: ConnectionOptions): Promise<Connection> {
  const { authorities, clients } = await readTrust(host, env, { folder: certificates, terms });
  const tls = {
    timeout: CONNECT_MS,
    rejectUnauthorized: !insecure,
    ...trusting(env, authorities),
    ...(clients.length === 0 ? {} : { cert: clients.map(({ certificate }) => certificate), key: clients.map(({ key }) => key) }),
  };
  const limits = { headersTimeout: idleMs, bodyTimeout: idleMs, keepAliveTimeout: 4_000 };
  const own = openWay(host, env, limits, tls);
  const other = openWay(ELSEWHERE, env, limits, { timeout: CONNECT_MS, ...trusting(env) }); // redirects: no client certificate, no private trust
  const pick = (url: string): Way => (hostOf(url) === networkHost(host) ? { ...own, headers: terms?.headers } : other);
  return {
    send: async (exchange) => ({ ...(await follow(exchange, pick)), idleMs, isInsecure: insecure }),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([own.dispatcher.destroy(), other.dispatcher.destroy()]);
    },
  };
}

type Arrived = Omit<Answer, "idleMs">;

interface Way {
  readonly dispatcher: Dispatcher;
  /** Undefined: not without the dispatcher. */
  readonly direct: Pick<BulkRequest, "tls" | "idleMs"> | undefined;
  /** For the host that it leads to, and for no other. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Proxies are for other machines. What is agreed on with the registry is agreed on through the proxy too. */
function openWay(host: string, env: NodeJS.ProcessEnv, limits: Agent.Options & { readonly bodyTimeout: number }, tls: buildConnector.BuildOptions): Way {
  const options = { ...limits, connect: tls };
  const set = (name: string): string | undefined => [env[name], env[name.toUpperCase()]].find((value) => value !== undefined && value !== "");
  const [httpProxy, httpsProxy, noProxy] = [set("http_proxy"), set("https_proxy"), set("no_proxy")];
  if (isLoopback(host) || (httpProxy === undefined && httpsProxy === undefined))
    return { dispatcher: new Agent(isLoopback(host) ? { ...limits, connect: nearConnector(tls) } : options), direct: { tls: tls, idleMs: limits.bodyTimeout } };
  const name = networkHost(host).replace(/:\d+$/, "");
  const servername = host === ELSEWHERE || isIP(name.replace(/^\[|\]$/g, "")) !== 0 ? {} : { servername: name };
  const through = new EnvHttpProxyAgent({
    ...options,
    ...(host === ELSEWHERE ? {} : { requestTls: { ...tls, ...servername } }),
    proxyTls: { timeout: CONNECT_MS },
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    noProxy: noProxy === "*" ? noProxy : [noProxy ?? "", "localhost", "127.0.0.1", "::1"].join(","),
  });
  return { dispatcher: through, direct: undefined };
}

async function follow(exchange: Exchange, pick: (url: string) => Way): Promise<Arrived> {
  let { url, headers = {} } = exchange;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const answer = await once({ ...exchange, url, headers }, pick(url));
    const location = answer.headers["location"];
    if (!REDIRECTS.has(answer.status) || location === undefined || (exchange.method !== "GET" && exchange.method !== "HEAD")) return answer;
    await answer.body.dump();
    const next = resolveUrl(location, url).href;
    if (next.startsWith("http:") && url.startsWith("https:")) throw new RegistryError("PROTOCOL", `Cannot follow ${hostOf(url)} to ${next}: it leaves TLS`);
    if (new URL(next).origin !== new URL(url).origin) headers = withoutCredentials(headers);
    url = next;
  }
  throw new RegistryError("PROTOCOL", `Cannot fetch ${exchange.url}: more than ${MAX_REDIRECTS} redirects`);
}

/** Where a server says to go on. @throws {RegistryError} `PROTOCOL` */
export function resolveUrl(location: string, from: string): URL {
  const url = URL.canParse(location, from) ? new URL(location, from) : undefined;
  if (url?.protocol !== "https:" && url?.protocol !== "http:")
    throw new RegistryError("PROTOCOL", `Cannot follow ${hostOf(from)} to ${JSON.stringify(location.slice(0, MAX_SHOWN_CHARS))}: that is no address`);
  return url;
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !["authorization", "cookie", "strata-proof"].includes(name.toLowerCase())));
}

async function once({ method, url, headers, body, signal, isBulk = false }: Exchange, { dispatcher, direct, headers: own }: Way): Promise<Arrived> {
  try {
    if (isBulk && direct !== undefined) {
      const { getBulk } = await import("./bulk.ts");
      const answer = await getBulk({ ...direct, url, headers: { "user-agent": "strata", ...own, ...headers }, signal, connectMs: CONNECT_MS });
      if (answer !== undefined) return { ...answer, url, leave: () => answer.body.leave() };
    }
    if (isFileBody(body) && direct !== undefined && url.startsWith("http:")) {
      const { sendFile } = await import("./send-file.ts");
      const sent = { method, url, headers: { "user-agent": "strata", ...own, ...headers }, body, signal, connectMs: CONNECT_MS, idleMs: direct.idleMs };
      const answer = await sendFile(sent);
      if (answer !== undefined) return { ...answer, body: readBody(answer.body), url, leave: () => {} };
    }
    const reply = await request(url, {
      method,
      dispatcher,
      headers: { "user-agent": "strata", ...own, ...headers },
      ...(body === undefined ? {} : { body: body as Uint8Array }),
      ...(signal === undefined ? {} : { signal }),
    });
    const leave = (): void => void reply.body.on("error", () => {}).destroy();
    return { status: reply.statusCode, headers: flatten(reply.headers), body: reply.body, url, leave };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof RegistryError) throw error;
    throw unreachable(url, error);
  }
}

function readBody(bytes: Uint8Array): Answer["body"] {
  return {
    async *[Symbol.asyncIterator]() {
      yield bytes;
    },
    dump: async () => {},
  };
}

function flatten(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]));
}

function hostOf(url: string): string {
  return new URL(url).host;
}
